/** Rows and columns of zeros around a map, or its rim left out. Where a convolution alone reads it, that pads by itself instead. */
import { shapeText } from "../layout/shape.js";
import { byQuad, mapStep } from "./common/elementwise.js";
import type { PadNode } from "./common/nodes.js";
import type { Op, Values } from "./common/op.js";

/** Calls `visit(input index, output index)` for every pixel that is in both maps. */
function eachPixel({ around: [top, left] }: PadNode, { shape, data }: Values, output: { height: number; width: number }, visit: (i: number, o: number) => void): void {
  data.forEach((_, i) => {
    const [x, row] = [i % shape.width, Math.floor(i / shape.width)];
    const [y, map] = [row % shape.height, Math.floor(row / shape.height)];
    const [oy, ox] = [y + top, x + left];
    if (oy >= 0 && oy < output.height && ox >= 0 && ox < output.width) visit(i, (map * output.height + oy) * output.width + ox);
  });
}

export const pad: Op<PadNode> = {
  kind: "pad",
  shape({ around: [top, left, bottom, right] }, [input]) {
    const padded = { ...input, height: input.height + top + bottom, width: input.width + left + right };
    if (padded.height < 1 || padded.width < 1) throw new Error(`leaves nothing of maps of ${shapeText(input)}`);
    return padded;
  },
  zeros: ({ around }) => (Math.min(...around) >= 0 ? around : null),
  forward: ({ around: [top, left] }, { inputs: [input], output }) =>
    [mapStep({ kernel: "pad", name: "pad", input, output, constants: { TOP: top, LEFT: left, CHANNELS: output.layout.channels }, grid: byQuad(output) })],
  inputGradient({ around: [top, left] }, site) {
    const { place: output, ...ending } = site.target(0, { sum: true, gate: true });
    return [mapStep({ kernel: "pad", name: "pad gradient", input: site.gradient, output, ending, constants: { TOP: -top, LEFT: -left, CHANNELS: output.layout.channels }, grid: byQuad(output) })];
  },
  twin: {
    forward(node, { inputs: [input], output, images }) {
      const y = new Float64Array(images * output.channels * output.height * output.width);
      eachPixel(node, input, output, (i, o) => (y[o] = input.data[i]));
      return y;
    },
    gradient(node, { inputs: [input], output }, dy) {
      const dx = new Float64Array(input.data.length);
      eachPixel(node, input, output, (i, o) => (dx[i] = dy[o]));
      return [dx];
    },
  },
};
