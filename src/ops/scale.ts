/** factor * x + shift with numbers of the graph itself: normalising inside a network, additions of a constant. */
import { mapStep } from "./common/elementwise.js";
import type { ScaleNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";
import type { Affine, Place } from "./common/site.js";

const affineOf = ({ factor, shift }: ScaleNode, { layout: { channels } }: Place): Affine => ({ channels, bias: null, norm: null, literal: { factor, shift }, statistics: false });
/** One number each for all channels, or one a channel. */
const of = (values: number[], channel: number): number => values[values.length === 1 ? 0 : channel];

export const scale: Op<ScaleNode> = {
  kind: "scale",
  shape({ factor, shift }, [input]) {
    const wrong = [factor, shift].find(({ length }) => length !== 1 && length !== input.channels);
    if (wrong) throw new Error(`has ${wrong.length} numbers for ${input.channels} channels`);
    return input;
  },
  takes: () => ["residual", "relu"],
  forward(node, site) {
    const { inputs: [input], output, epilogue } = site;
    return [mapStep({ kernel: "scale", name: "scale", input, output, ending: epilogue, bindings: { norm: site.affine(affineOf(node, input)) } })];
  },
  inputGradient(node, site) {
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [mapStep({ kernel: "scale", name: "scale gradient", input: site.gradient, output: place, ending, constants: { GRADIENT: true }, bindings: { norm: site.affine(affineOf(node, site.inputs[0])) } })];
  },
  twin: {
    forward: ({ factor, shift }, { inputs: [{ data, shape }] }) => data.map((x, i) => channelOf(shape, i, (c) => of(factor, c) * x + of(shift, c))),
    gradient: ({ factor }, { inputs: [{ shape }] }, dy) => [dy.map((g, i) => channelOf(shape, i, (c) => of(factor, c) * g))],
  },
};

const channelOf = ({ channels, height, width }: { channels: number; height: number; width: number }, i: number, value: (channel: number) => number): number => value(Math.floor(i / (height * width)) % channels);
