/** How the kernel for hardware (shaders/conv2d_gemm.wgsl) does a convolution or its input gradient: constants, weights, grid. */
import { type BlockLayout, layoutConstants, type LayoutLimits } from "../../../layout/blocks.js";
import type { TiledPlan } from "../room.js";
import { channelsOfGroup, type ConvShape, multiplyAdds } from "../shape.js";
import type { GemmTile } from "./tile.js";

/** What the kernel, the weights' packing and the grid have to agree on. */
export interface GemmPlan extends TiledPlan {
  kernels: "hardware";
  tile: GemmTile;
  /** Rows of weights of a tap; of a whole group where the sum is flat. */
  rows: number;
  isFlat: boolean;
  /** Output channels of a group in a row of weights, with padding. */
  columns: number;
  constants: Record<string, number | boolean>;
}

/** Texels in a row of weights, a power of two; more where there would be too many rows. */
const WEIGHT_ROW = 4096;
const MOST_ROWS = 8192;
/** Fewer channels than this are summed as one row with the taps: an image's, or those of small groups. */
const FLAT_BELOW = 8;

/**
 * @param input layout of what is read: the activations, or in a gradient the gradient of the convolution's output
 * @param output layout of what is written
 */
export function planGemm(shape: ConvShape, gradient: boolean, input: BlockLayout, output: BlockLayout, tile: GemmTile, { maxTextureWidth }: Pick<LayoutLimits, "maxTextureWidth">): GemmPlan {
  const { kernel, stride, pad, dilation, groups } = shape;
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const taps = kernel[0] * kernel[1];
  const isFlat = sums < FLAT_BELOW;
  const padded = (count: number, to: number): number => Math.ceil(count / to) * to;
  const rows = padded(isFlat ? sums * taps : sums, tile.depth);
  const columns = padded(outs, tile.channels);
  const texels = (groups * rows * (isFlat ? 1 : taps) * columns) / 4;
  let row = WEIGHT_ROW;
  while (texels > row * MOST_ROWS && row * 2 <= maxTextureWidth) row *= 2;
  return {
    kernels: "hardware", shape, gradient, tile, rows, isFlat, columns,
    weightTexture: { width: Math.min(texels, row), height: Math.ceil(texels / row) },
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output), GRADIENT: gradient,
      KERNEL_H: kernel[0], KERNEL_W: kernel[1], STRIDE_H: stride[0], STRIDE_W: stride[1], PAD_H: pad[0], PAD_W: pad[1], DILATION_H: dilation[0], DILATION_W: dilation[1],
      CHANNELS: sums, OUT_CHANNELS: outs, FLAT: isFlat, TM: tile.channels, TN: tile.images, TILE_M: tile.own, K: tile.depth,
      ROWS: rows, GROUP_ROWS: rows * (isFlat ? 1 : taps), OUT_QUADS_OF_GROUP: columns / 4, WEIGHT_ROW: row,
    },
    multiplyAdds: multiplyAdds(shape),
  };
}

/** @returns workgroups for `blocks` blocks of images */
export const gemmGrid = ({ shape, tile, columns }: GemmPlan, output: BlockLayout, blocks: number): [number, number, number] =>
  [(blocks * output.images) / tile.images, (shape.groups * columns) / tile.channels, output.quads];

/**
 * Raw weights in the order the kernel reads them: a row of output channels (the input's channels, in a gradient) for every group, tap and
 * channel that is summed, four a texel.
 * @param weights [outChannels][inChannels / groups][kernel rows][kernel columns]
 * @returns rgba32float texels of `plan.weightTexture`
 */
export function packGemmWeights({ shape, gradient, rows, isFlat, columns, weightTexture }: GemmPlan, weights: Float32Array): Float32Array {
  const { groups, kernel, inChannels } = shape;
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const taps = kernel[0] * kernel[1];
  const each = (inChannels / groups) * taps;
  const texels = new Float32Array(weightTexture.width * weightTexture.height * 4);
  for (let group = 0; group < groups; group++) {
    for (let tap = 0; tap < taps; tap++) {
      for (let channel = 0; channel < sums; channel++) {
        const row = isFlat ? group * rows + tap * sums + channel : (group * taps + tap) * rows + channel;
        for (let out = 0; out < outs; out++) {
          const from = gradient ? (group * sums + channel) * each + out * taps + tap : (group * outs + out) * each + channel * taps + tap;
          texels[row * columns + out] = weights[from];
        }
      }
    }
  }
  return texels;
}
