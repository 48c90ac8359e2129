/** Fast gradient sign method: x + epsilon * sign(gradient). Goodfellow et al. 2015, arXiv 1412.6572. */
import { layoutConstants } from "../layout/blocks.js";
import type { Place } from "./common/site.js";
import type { Step } from "./common/step.js";

/** By channel, after normalisation. */
export interface Attack {
  epsilon: number[];
  /** Length of a step of an attack that has several; epsilon by default. */
  step?: number[];
  /** Range that pixels are clamped to, where they are. */
  low: number[];
  high: number[];
}

export function fgsmStep(image: Place, gradient: Place, output: Place, { epsilon, low, high }: Attack, clamp: boolean): Step {
  const { channels, quads, lanes } = image.layout;
  return {
    kernel: "fgsm",
    name: "fgsm",
    constants: { ...layoutConstants("IN", image.layout), ...layoutConstants("OTHER", gradient.layout), ...layoutConstants("OUT", output.layout), CLAMP: clamp },
    params: { in_blocks: image.blocks, epsilon, low, high },
    bindings: { input: image.resource, gradient: gradient.resource, output: output.resource },
    writes: [output.resource],
    grid: [output.blocks, channels, quads],
    cost: output.blocks * lanes * channels * quads * 4,
  };
}
