/** Channel shuffle (Zhang et al. 2017, arXiv 1707.01083): `groups` groups of n channels become n groups of one of each. */
import type { ChannelMap } from "../layout/blocks.js";
import { isInPlace, move, moveStep } from "./common/channels.js";
import type { ShuffleNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";

const forwards = (channels: number, groups: number): ChannelMap => ({ count: channels, from: 0, radix: groups, step: channels / groups });
const backwards = (channels: number, groups: number): ChannelMap => forwards(channels, channels / groups);

export const shuffle: Op<ShuffleNode> = {
  kind: "shuffle",
  shape({ groups }, [input]) {
    if (input.channels % groups !== 0) throw new Error(`shuffles ${input.channels} channels in ${groups} groups, which do not divide them`);
    return input;
  },
  isIdentity: ({ groups }, [input]) => groups === 1 || groups === input.channels,
  view: ({ groups }, [{ channels }]) => forwards(channels, groups),
  forward: ({ groups }, { inputs: [input], output }) => (isInPlace(input, output) ? [] : [moveStep("shuffle", input, output, { first: 0, ...forwards(input.layout.channels, groups) }, {}, true)]),
  inputGradient({ groups }, site) {
    site.pass(0, backwards(site.inputs[0].layout.channels, groups));
    return [];
  },
  twin: {
    forward: ({ groups }, { inputs: [{ shape, data }] }) => move(new Float64Array(data.length), shape.channels, data, shape.channels, shape.height * shape.width, { first: 0, ...forwards(shape.channels, groups) }),
    gradient: ({ groups }, { inputs: [{ shape }] }, dy) => [move(new Float64Array(dy.length), shape.channels, dy, shape.channels, shape.height * shape.width, { first: 0, ...backwards(shape.channels, groups) })],
  },
};
