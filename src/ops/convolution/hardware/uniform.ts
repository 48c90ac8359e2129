/** How shaders/conv2d_uniform.wgsl does a convolution or its input gradient: the rival of conv2d_gemm.wgsl that the tuner may choose. */
import { type BlockLayout, layoutConstants } from "../../../layout/blocks.js";
import { windowConstants } from "../../../layout/shape.js";
import { channelsOfGroup, type ConvShape, multiplyAdds } from "../shape.js";
import type { HardwarePlan } from "./plan.js";
import { FLAT_BELOW, paddedTo } from "./tile.js";

/** What an invocation computes, for four images at one pixel. */
export interface UniformTile {
  kernel: "conv2d_uniform";
  /** Output channels. */
  channels: number;
}

const CHANNELS = 16;
/** Channels that are summed at once: so many weights fit into the scalar registers of AMD's GPUs. */
const DEPTHS = [4, 2, 1];
/** Of weights, which are a buffer here: what every adapter binds. */
const MOST_BYTES = 2 ** 27;

/** @returns nothing where few channels are summed, or weights are too large for a buffer; less than a tile of channels would be mostly padding */
export function uniformCandidates(shape: ConvShape, gradient: boolean): UniformTile[] {
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const bytes = shape.groups * shape.kernel[0] * shape.kernel[1] * sums * paddedTo(outs, CHANNELS) * 4;
  return sums >= FLAT_BELOW && outs >= CHANNELS && bytes <= MOST_BYTES ? [{ kernel: "conv2d_uniform", channels: CHANNELS }] : [];
}

/** See planGemm. */
export function planUniform(shape: ConvShape, gradient: boolean, input: BlockLayout, output: BlockLayout, tile: UniformTile): HardwarePlan {
  const { groups, kernel } = shape;
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const columns = paddedTo(outs, CHANNELS);
  return {
    kernels: "hardware", kernel: tile.kernel, shape, gradient, rows: sums, isFlat: false, columns,
    weightTexture: { width: columns / 4, height: groups * kernel[0] * kernel[1] * sums }, weightBuffer: true,
    workgroups: { images: output.images, channels: (groups * columns) / tile.channels, pixels: output.quads },
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output), GRADIENT: gradient, ...windowConstants(shape),
      CHANNELS: sums, OUT_CHANNELS: outs, OC: tile.channels, K: DEPTHS.find((depth) => sums % depth === 0)!, OUT_QUADS_OF_GROUP: columns / 4,
    },
    params: { kernel_h: kernel[0], kernel_w: kernel[1], sum_rows: sums },
    multiplyAdds: multiplyAdds(shape),
  };
}
