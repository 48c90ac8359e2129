/** Channel shuffle (Zhang et al. 2017, arXiv 1707.01083): `groups` groups of n channels become n groups of one of each. */
import { move, moveStep, type Move } from "./channels.js";
import type { ShuffleNode } from "./nodes.js";
import type { Op } from "./op.js";

const forwards = (channels: number, groups: number): Move => ({ first: 0, count: channels, from: 0, radix: groups, step: channels / groups });
const backwards = (channels: number, groups: number): Move => forwards(channels, channels / groups);

export const shuffle: Op<ShuffleNode> = {
  kind: "shuffle",
  shape({ groups }, [input]) {
    if (input.channels % groups !== 0) throw new Error(`shuffles ${input.channels} channels in ${groups} groups, which do not divide them`);
    return input;
  },
  isIdentity: ({ groups }, [input]) => groups === 1 || groups === input.channels,
  forward: ({ groups }, { inputs: [input], output }) => [moveStep("shuffle", input, output, forwards(input.layout.channels, groups), {}, true)],
  inputGradient({ groups }, site) {
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [moveStep("shuffle gradient", site.gradient, place, backwards(place.layout.channels, groups), ending, true)];
  },
  twin: {
    forward: ({ groups }, { inputs: [{ shape, data }] }) => move(new Float64Array(data.length), shape.channels, data, shape.channels, shape.height * shape.width, forwards(shape.channels, groups)),
    gradient: ({ groups }, { inputs: [{ shape }] }, dy) => [move(new Float64Array(dy.length), shape.channels, dy, shape.channels, shape.height * shape.width, backwards(shape.channels, groups))],
  },
};
