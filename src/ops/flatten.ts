/** All pixels of all channels as one vector: nothing for maps of one pixel. */
import { isPixel } from "../layout/shape.js";
import { byQuad, mapStep } from "./common/elementwise.js";
import type { FlattenNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";

export const flatten: Op<FlattenNode> = {
  kind: "flatten",
  shape: (_, [{ channels, height, width }]) => ({ channels: channels * height * width, height: 1, width: 1 }),
  isIdentity: (_, [input]) => isPixel(input),
  forward: (_, { inputs: [input], output }) => [mapStep({ kernel: "flatten", name: "flatten", input, output, constants: { CHANNELS: output.layout.channels }, grid: byQuad(output) })],
  inputGradient(_, site) {
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [mapStep({ kernel: "flatten", name: "flatten gradient", input: site.gradient, output: place, ending, constants: { CHANNELS: place.layout.channels, GRADIENT: true }, grid: byQuad(place) })];
  },
  twin: { forward: (_, { inputs: [{ data }] }) => data.slice(), gradient: (_, __, dy) => [dy.slice()] },
};
