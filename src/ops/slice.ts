/** Some channels of a tensor: a view of it where they can be told by one. */
import { channelsFrom, isInPlace, move, moveStep } from "./common/channels.js";
import type { SliceNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";

export const slice: Op<SliceNode> = {
  kind: "slice",
  shape({ from, count }, [input]) {
    if (from < 0 || count < 1 || from + count > input.channels) throw new Error(`takes channels ${from} to ${from + count - 1} of ${input.channels}`);
    return { ...input, channels: count };
  },
  isIdentity: ({ count }, [input]) => count === input.channels,
  view: ({ from, count }) => channelsFrom(from, count),
  forward: ({ from, count }, { inputs: [input], output }) => (isInPlace(input, output) ? [] : [moveStep("slice", input, output, { first: 0, ...channelsFrom(from, count) }, {}, true)]),
  inputGradient({ from, count }, site) {
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [moveStep("slice gradient", site.gradient, place, { first: from, ...channelsFrom(0, count) }, ending, true)];
  },
  twin: {
    forward: ({ from, count }, { inputs: [{ shape, data }], images }) => {
      const area = shape.height * shape.width;
      return move(new Float64Array(images * count * area), count, data, shape.channels, area, { first: 0, ...channelsFrom(from, count) });
    },
    gradient: ({ from, count }, { inputs: [{ shape, data }] }, dy) => [move(new Float64Array(data.length), shape.channels, dy, count, shape.height * shape.width, { first: from, ...channelsFrom(0, count) })],
  },
};
