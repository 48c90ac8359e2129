/** Addition of two tensors. Where a kernel in front of it can, it adds the other one to its sum. */
import { layoutConstants } from "../layout/blocks.js";
import { isPixel, sameMap } from "../layout/shape.js";
import { broadcastAt, broadcastShape, largerOf, sumToInput } from "./common/broadcast.js";
import { type Ending, mapStep } from "./common/elementwise.js";
import type { AddNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";
import type { Place } from "./common/site.js";
import type { Step } from "./common/step.js";

/** factor * a + otherFactor * b; b may be a single pixel, or left out. Gradients that meet are added by it, too. */
export function addStep(name: string, a: Place, b: Place | null, output: Place, ending: Ending, factor = 1, otherFactor = 1): Step {
  return mapStep({
    kernel: "add", name, input: a, output, ending,
    constants: { ...layoutConstants("OTHER", (b ?? a).layout), OTHER: b !== null },
    params: { factor, other_factor: otherFactor, other_blocks: b?.blocks ?? 1 },
    bindings: b ? { other: b.resource } : {},
  });
}

/** The gradient of a single pixel that went to a whole map: the sum over it, times a factor or another map. */
export function mapSumStep(name: string, gradient: Place, other: Place | null, output: Place, ending: Ending, factor = 1): Step {
  return mapStep({
    kernel: "map_sum", name, input: gradient, output, ending,
    constants: { ...layoutConstants("OTHER", (other ?? gradient).layout), OTHER: other !== null, CHANNELS: output.layout.channels },
    params: { factor, other_blocks: other?.blocks ?? 1 },
    bindings: other ? { other: other.resource } : {},
    work: gradient.layout.quads,
  });
}

export const add: Op<AddNode> = {
  kind: "add",
  shape: (_, inputs) => broadcastShape(inputs),
  part: ({ alpha, inputs: [a, b] }, [first, second]) => (alpha === 1 && a !== b && sameMap(first, second) ? { residual: true } : null),
  takes: () => ["relu"],
  forward({ alpha }, { inputs, output, epilogue }) {
    const larger = largerOf(inputs.map(({ layout }) => layout));
    const factors = [1, alpha];
    return [addStep("add", inputs[larger], inputs[1 - larger], output, epilogue, factors[larger], factors[1 - larger])];
  },
  inputGradient({ alpha }, site) {
    const factors = [1, alpha];
    return site.inputs.flatMap(({ layout }, i) => {
      if (isPixel(layout) && !isPixel(site.output.layout)) {
        const { place, ...ending } = site.target(i, { sum: true, gate: true });
        return [mapSumStep("add gradient", site.gradient, null, place, ending, factors[i])];
      }
      if (factors[i] === 1) {
        site.pass(i);
        return [];
      }
      const { place, ...ending } = site.target(i, { sum: true, gate: true });
      return [addStep("add gradient", site.gradient, null, place, ending, factors[i])];
    });
  },
  twin: {
    forward: ({ alpha }, { inputs: [a, b], output, images }) =>
      Float64Array.from({ length: images * output.channels * output.height * output.width }, (_, i) => broadcastAt(a, output, i) + alpha * broadcastAt(b, output, i)),
    gradient: ({ alpha }, { inputs: [a, b], output }, dy) => [sumToInput(a, output, dy), sumToInput(b, output, dy.map((g) => alpha * g))],
  },
};
