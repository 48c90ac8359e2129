/** Product of two tensors, pixel by pixel: the gates of squeeze-and-excite among others. */
import { layoutConstants } from "../layout/blocks.js";
import { isPixel } from "../layout/shape.js";
import { mapSumStep } from "./add.js";
import { broadcastAt, broadcastShape, largerOf, sumToInput } from "./common/broadcast.js";
import { type Ending, mapStep } from "./common/elementwise.js";
import type { MultiplyNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";
import type { Place } from "./common/site.js";
import type { Step } from "./common/step.js";

/** @param b may be a single pixel */
const product = (name: string, a: Place, b: Place, output: Place, ending: Ending): Step =>
  mapStep({ kernel: "multiply", name, input: a, output, ending, constants: layoutConstants("OTHER", b.layout), params: { other_blocks: b.blocks }, bindings: { other: b.resource } });

export const multiply: Op<MultiplyNode> = {
  kind: "multiply",
  shape: (_, inputs) => broadcastShape(inputs),
  takes: () => ["residual", "relu"],
  forward(_, { inputs, output, epilogue }) {
    const larger = largerOf(inputs.map(({ layout }) => layout));
    return [product("multiply", inputs[larger], inputs[1 - larger], output, epilogue)];
  },
  inputGradient(_, site) {
    const { inputs, gradient, output } = site;
    return inputs.map(({ layout }, i) => {
      const { place, ...ending } = site.target(i, { sum: true, gate: true });
      if (isPixel(layout) && !isPixel(output.layout)) return mapSumStep("multiply gradient", gradient, inputs[1 - i], place, ending);
      return product("multiply gradient", gradient, inputs[1 - i], place, ending);
    });
  },
  twin: {
    forward: (_, { inputs: [a, b], output, images }) =>
      Float64Array.from({ length: images * output.channels * output.height * output.width }, (_, i) => broadcastAt(a, output, i) * broadcastAt(b, output, i)),
    gradient: (_, { inputs: [a, b], output }, dy) => [
      sumToInput(a, output, dy.map((g, i) => g * broadcastAt(b, output, i))),
      sumToInput(b, output, dy.map((g, i) => g * broadcastAt(a, output, i))),
    ],
  },
};
