/** What of an adapter the kernels go by, for images of a size. */
import { AdapterError } from "../errors.js";
import type { Gpu } from "../gpu/device.js";
import { ACCUMULATORS } from "../ops/convolution/tile.js";
import { mapQuads, type MapShape } from "../layout/blocks.js";
import type { KernelLimits } from "../ops/common/site.js";

export const kindOf = (gpu: Gpu): "software" | "hardware" => (gpu.adapter.software ? "software" : "hardware");

const NARROWEST = 8;

/**
 * Blocks are as wide as the adapter's subgroups, but no wider than a texture row that holds one channel of the image.
 * @throws AdapterError when not even the narrowest block fits
 */
export function kernelLimits(gpu: Gpu, image: MapShape): KernelLimits {
  const { maxTextureWidth, shuffle } = gpu;
  let { lanes } = gpu;
  while (lanes > NARROWEST && mapQuads(image) * lanes > maxTextureWidth) lanes /= 2;
  if (mapQuads(image) * lanes > maxTextureWidth) throw new AdapterError(`${gpu.adapter.name}: images of ${image.height}x${image.width} do not fit into its textures, which are ${maxTextureWidth} texels wide`);
  return { lanes, maxTextureWidth, shuffle, accumulators: ACCUMULATORS[kindOf(gpu)] };
}
