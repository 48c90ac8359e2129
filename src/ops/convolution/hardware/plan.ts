/** How a kernel for hardware does a convolution or its input gradient: constants, weights, grid. Here of shaders/conv2d_gemm.wgsl, and the weights of all. */
import { type BlockLayout, layoutConstants, type LayoutLimits } from "../../../layout/blocks.js";
import { windowConstants } from "../../../layout/shape.js";
import type { TiledPlan } from "../room.js";
import { channelsOfGroup, type ConvShape, multiplyAdds, weightStrides } from "../shape.js";
import { FLAT_BELOW, type GemmTile, paddedTo } from "./tile.js";

/** What the kernel, the weights' packing and the grid have to agree on. */
export interface HardwarePlan extends TiledPlan {
  kernels: "hardware";
  /** File in shaders/. */
  kernel: string;
  /** Rows of weights of a tap; of a whole group where the sum is flat. */
  rows: number;
  isFlat: boolean;
  /** Output channels of a group in a row of weights, with padding. */
  columns: number;
  constants: Record<string, number | boolean>;
  params: Record<string, number>;
  /** Images that a workgroup does, and workgroups for all channels and for all pixels. */
  workgroups: { images: number; channels: number; pixels: number };
}

/** Texels in a row of weights, a power of two; more where there would be too many rows. */
const WEIGHT_ROW = 4096;
const MOST_ROWS = 8192;

/** @returns the texture of so many texels of weights, and its texels in a row before any was cut off */
export function weightTextureFor(texels: number, { maxTextureWidth }: Pick<LayoutLimits, "maxTextureWidth">): { row: number; size: TiledPlan["weightTexture"] } {
  let row = WEIGHT_ROW;
  while (texels > row * MOST_ROWS && row * 2 <= maxTextureWidth) row *= 2;
  return { row, size: { width: Math.min(texels, row), height: Math.ceil(texels / row) } };
}

/**
 * @param input layout of what is read: the activations, or in a gradient the gradient of the convolution's output
 * @param output layout of what is written
 */
export function planGemm(shape: ConvShape, gradient: boolean, input: BlockLayout, output: BlockLayout, tile: GemmTile, limits: Pick<LayoutLimits, "maxTextureWidth">): HardwarePlan {
  const { kernel, groups } = shape;
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const taps = kernel[0] * kernel[1];
  const isFlat = sums < FLAT_BELOW;
  const rows = paddedTo(isFlat ? sums * taps : sums, tile.depth);
  const columns = paddedTo(outs, tile.channels);
  const { row, size } = weightTextureFor((groups * rows * (isFlat ? 1 : taps) * columns) / 4, limits);
  return {
    kernels: "hardware", kernel: tile.kernel, shape, gradient, rows, isFlat, columns, weightTexture: size,
    workgroups: { images: tile.images, channels: (groups * columns) / tile.channels, pixels: output.quads },
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output), GRADIENT: gradient, ...windowConstants(shape),
      CHANNELS: sums, OUT_CHANNELS: outs, FLAT: isFlat, TM: tile.channels, TN: tile.images, TILE_M: tile.own, K: tile.depth,
      ROWS: rows, GROUP_ROWS: rows * (isFlat ? 1 : taps), OUT_QUADS_OF_GROUP: columns / 4, WEIGHT_ROW: row,
    },
    params: { kernel_h: kernel[0], kernel_w: kernel[1], sum_rows: isFlat ? rows : sums },
    multiplyAdds: multiplyAdds(shape),
  };
}

/** @returns workgroups for `blocks` blocks of images */
export const gridOf = ({ workgroups: { images, channels, pixels } }: HardwarePlan, output: BlockLayout, blocks: number): [number, number, number] => [(blocks * output.images) / images, channels, pixels];

/**
 * Raw weights in the order the kernels read them: a row of output channels (the input's channels, in a gradient) for every group, tap and
 * channel that is summed, four a texel.
 * @param weights [outChannels][inChannels / groups][kernel rows][kernel columns]
 * @returns rgba32float texels of `plan.weightTexture`
 */
export function packGemmWeights({ shape, gradient, rows, isFlat, columns, weightTexture }: HardwarePlan, weights: Float32Array): Float32Array {
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

/** Constants of shaders/pack_gemm_weights.wgsl. */
export function packingConstants({ shape, gradient, rows, isFlat, columns }: HardwarePlan): HardwarePlan["constants"] {
  const { sums } = channelsOfGroup(shape, gradient);
  const taps = shape.kernel[0] * shape.kernel[1];
  return { QUADS: columns / 4, ROWS: rows * (isFlat ? 1 : taps), ROWS_OF_TAP: isFlat ? sums : rows, TAPS: taps, ...weightStrides(shape, gradient) };
}
