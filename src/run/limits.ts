/** What of an adapter the kernels go by, for images of a size. */
import type { Gpu } from "../gpu/device.js";
import { ACCUMULATORS } from "../ops/convolution/tile.js";
import { mapQuads, type MapShape } from "../layout/blocks.js";
import type { KernelLimits } from "../ops/common/site.js";

export const kindOf = (gpu: Gpu): "software" | "hardware" => (gpu.adapter.software ? "software" : "hardware");

const NARROWEST = 8;

/** Blocks are as wide as the adapter's subgroups, but no wider than a texture row that holds one channel of the image, where that can be. */
export function kernelLimits(gpu: Gpu, image: MapShape): KernelLimits {
  const { maxTextureWidth, shuffle } = gpu;
  let { lanes } = gpu;
  while (lanes > NARROWEST && mapQuads(image) * lanes > maxTextureWidth) lanes /= 2;
  return { lanes, maxTextureWidth, shuffle, accumulators: ACCUMULATORS[kindOf(gpu)] };
}
