/** Channels of several tensors, one behind the other. */
import { layoutConstants } from "../layout/blocks.js";
import { sameMap, shapeText } from "../layout/shape.js";
import { channelsFrom, isInPlace, move, moveStep } from "./common/channels.js";
import { mapStep } from "./common/elementwise.js";
import type { ConcatNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";
import type { Place, Site } from "./common/site.js";
import type { Step } from "./common/step.js";

/** Where each input begins, and where the last one ends. */
const startsOf = (channels: number[]): number[] => channels.reduce((starts, count) => [...starts, starts[starts.length - 1] + count], [0]);

export const concat: Op<ConcatNode> = {
  kind: "concat",
  shape(_, inputs) {
    const wrong = inputs.find((input) => !sameMap(input, inputs[0]));
    if (wrong) throw new Error(`joins channels of ${shapeText(inputs[0])} and ${shapeText(wrong)}, which do not fit`);
    return { ...inputs[0], channels: inputs.reduce((sum, { channels }) => sum + channels, 0) };
  },
  isIdentity: (_, inputs) => inputs.length === 1,
  parts: (_, inputs) => startsOf(inputs.map(({ channels }) => channels)).slice(0, -1),
  forward(_, site) {
    const { inputs, output } = site;
    const starts = startsOf(inputs.map(({ layout }) => layout.channels));
    // A vec4 is written by one step only.
    if (starts.slice(0, -1).some((start) => start % output.layout.pack !== 0)) return pairwise(site);
    return inputs.flatMap((input, i) => (isInPlace(input, output) ? [] : [moveStep("concat", input, output, { first: starts[i], ...channelsFrom(0, input.layout.channels) }, {}, false)]));
  },
  inputGradient(_, site) {
    const starts = startsOf(site.inputs.map(({ layout }) => layout.channels));
    site.inputs.forEach(({ layout: { channels } }, i) => site.pass(i, channelsFrom(starts[i], channels)));
    return [];
  },
  twin: {
    forward(_, { inputs, output, images }) {
      const area = output.height * output.width;
      const out = new Float64Array(images * output.channels * area);
      const starts = startsOf(inputs.map(({ shape }) => shape.channels));
      inputs.forEach(({ shape, data }, i) => move(out, output.channels, data, shape.channels, area, { first: starts[i], ...channelsFrom(0, shape.channels) }));
      return out;
    },
    gradient(_, { inputs, output }, dy) {
      const area = output.height * output.width;
      const starts = startsOf(inputs.map(({ shape }) => shape.channels));
      return inputs.map(({ shape, data }, i) => move(new Float64Array(data.length), shape.channels, dy, output.channels, area, { first: 0, ...channelsFrom(starts[i], shape.channels) }));
    },
  },
};

function pairwise({ inputs, output, ...site }: Site): Step[] {
  const { texels, fold } = output.layout;
  const blocks = output.blocks;
  let [so, count] = [inputs[0], inputs[0].layout.channels];
  return inputs.slice(1).map((other, i) => {
    const isLast = i === inputs.length - 2;
    const to: Place = isLast ? output : { ...output, resource: site.texture(`part${i}`, texels, blocks * fold) };
    const step = mapStep({
      kernel: "concat_vectors", name: "concat", input: so, output: to,
      constants: { ...layoutConstants("OTHER", other.layout), SPLIT: count, COUNT: count + other.layout.channels },
      params: { other_blocks: other.blocks }, bindings: { other: other.resource },
    });
    so = to;
    count += other.layout.channels;
    return step;
  });
}
