/**
 * Projected gradient descent: steps along the sign of the gradient at the moving image, each back into the ball of radius epsilon
 * (largest difference of a pixel) around the image. Madry et al. 2018, arXiv 1706.06083.
 */
import { layoutConstants } from "../layout/blocks.js";
import { pcg3d } from "./common/random.js";
import type { Place } from "./common/site.js";
import type { Step } from "./common/step.js";
import type { Attack } from "./fgsm.js";

export interface PgdMove {
  image: Place;
  /** Where the image is by now; it lies as the image does. */
  moving: Place;
  /** At the moving image. */
  gradient: Place;
  output: Place;
  attack: Attack;
  clamp: boolean;
}

export function pgdStep({ image, moving, gradient, output, attack: { epsilon, step = epsilon, low, high }, clamp }: PgdMove): Step {
  const { channels, quads, lanes } = image.layout;
  return {
    kernel: "pgd",
    name: "pgd",
    constants: { ...layoutConstants("IN", image.layout), ...layoutConstants("OTHER", gradient.layout), ...layoutConstants("OUT", output.layout), CLAMP: clamp },
    params: { in_blocks: image.blocks, moving_blocks: moving.blocks, epsilon, step, low, high },
    bindings: { input: image.resource, moving: moving.resource, gradient: gradient.resource, output: output.resource },
    writes: [output.resource],
    grid: [output.blocks, channels, quads],
    cost: output.blocks * lanes * channels * quads * 4,
  };
}

/** A random place in the ball around each image; the resource `places` says which image of the data each one is. */
export function randomStartStep(image: Place, output: Place, { epsilon, low, high }: Attack, clamp: boolean, { seed, blocksPerVariant }: { seed: number; blocksPerVariant: number }): Step {
  const { channels, quads, lanes } = image.layout;
  return {
    kernel: "random_start",
    name: "random start",
    constants: { ...layoutConstants("IN", image.layout), ...layoutConstants("OUT", output.layout), CHANNELS: channels, CLAMP: clamp },
    params: { in_blocks: image.blocks, blocks_per_variant: blocksPerVariant, seed, epsilon, low, high },
    bindings: { input: image.resource, output: output.resource, places: "places" },
    writes: [output.resource],
    grid: [output.blocks, channels, quads],
    cost: output.blocks * lanes * channels * quads * 4,
  };
}

/**
 * The random number of a pixel, from -1 to 1 (without 1), evenly: of a counter, so that it doesn't depend on how work is cut.
 * @param image in the data
 * @param pixel (channel * height + y) * width + x
 */
export const startNoise = (seed: number, image: number, pixel: number): number => (pcg3d(seed, image, pixel)[0] >>> 8) / 2 ** 23 - 1;
