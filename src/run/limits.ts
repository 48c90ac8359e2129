/** What of an adapter the kernels go by, for images of a size. */
import { UsageError } from "../errors.js";
import { isSwiftShader } from "../gpu/adapter.js";
import type { Gpu } from "../gpu/device.js";
import { givenSums } from "../platform.js";
import { ACCUMULATORS } from "../ops/convolution/software/tile.js";
import { type Kernels, mapQuads, type MapShape } from "../layout/blocks.js";
import type { KernelLimits } from "../ops/common/site.js";
import { FEW_WORKGROUPS } from "../ops/convolution/room.js";

export const kindOf = (gpu: Gpu): Kernels => (gpu.adapter.software ? "software" : "hardware");

/** Half a minute goes there into compiling a layer's kernels of so many sums as suit Mesa's driver. */
const SWIFTSHADER_ACCUMULATORS = 64;
const accumulatorsOf = (gpu: Gpu): number => givenSums() ?? (isSwiftShader(gpu.adapter) ? SWIFTSHADER_ACCUMULATORS : ACCUMULATORS[kindOf(gpu)]);

const NARROWEST = 8;
/** A wave of most GPUs; with four images each a block of 128. Of large images so many at once would take gigabytes. */
const STACKED_LANES = { usual: 32, large: 16 };
const LARGE_PIXELS = 96 * 96;
/** Sums of an invocation of the kernels for hardware; a software adapter takes its time to compile more. */
const STACKED_ACCUMULATORS = { software: 32, hardware: 64 };
/** Workgroups that keep an adapter busy. */
const WORKGROUPS = { software: FEW_WORKGROUPS, hardware: 1024 };
/** Workgroups of a dispatch along one side, as every adapter has them: kernels for hardware take one a pixel. */
const MOST_PIXELS = 65535;

/**
 * Blocks of the kernels for software are as wide as the adapter's subgroups, but no wider than a texture row that holds one channel
 * of the image, where that can be.
 * @param kernels those that were chosen when the adapter was opened, where it is left out
 * @throws UsageError for images of more pixels than kernels for hardware take
 */
export function kernelLimits(gpu: Gpu, image: MapShape, kernels: Kernels = gpu.kernels): KernelLimits {
  const { maxTextureWidth, shuffle } = gpu;
  if (kernels === "hardware") {
    if (image.height * image.width > MOST_PIXELS) throw new UsageError(`images of ${image.width}x${image.height} pixels are too large for the kernels for hardware, which take ${MOST_PIXELS.toLocaleString("en-US")} pixels at most; use --kernels software`);
    const lanes = image.height * image.width > LARGE_PIXELS ? STACKED_LANES.large : STACKED_LANES.usual;
    return { kernels, lanes, maxTextureWidth, shuffle: false, accumulators: givenSums() ?? STACKED_ACCUMULATORS[kindOf(gpu)], workgroups: WORKGROUPS[kindOf(gpu)] };
  }
  let { lanes } = gpu;
  while (lanes > NARROWEST && mapQuads(image) * lanes > maxTextureWidth) lanes /= 2;
  return { kernels, lanes, maxTextureWidth, shuffle, accumulators: accumulatorsOf(gpu), direct: kindOf(gpu) === "hardware", workgroups: WORKGROUPS[kindOf(gpu)] };
}
