/** A convolution, ReLU and max-pool in one: what shaders/conv2d_max_pool.wgsl can do and how it is cut. */
import { type BlockLayout, layoutConstants } from "../layout/blocks.js";
import { type ConvPlan, type ConvShape, planConv } from "./conv2d.js";
import type { Window } from "./max_pool.js";

/** Output channels an invocation may do, best first. */
const CHANNELS = [16, 8];

export interface ConvMaxPoolPlan {
  /** How the weights lie. */
  conv: ConvPlan;
  constants: Record<string, number | boolean>;
  /** Channels of the input. */
  channels: number;
  /** Tiles of output channels: a workgroup does one of a block. */
  tiles: number;
}

/**
 * @param layouts of what is read, of the convolution's map in between, and of what is written
 * @param limits sums that an invocation keeps: a row of the map has to fit, eight channels of it at least
 * @returns null where the kernel does not fit: it walks large kernels row by row, and windows that share at most a row
 */
export function planConvMaxPool(
  shape: ConvShape, window: Window, { input, map, output }: Record<"input" | "map" | "output", BlockLayout>, limits: { accumulators: number; maxTextureWidth: number },
): ConvMaxPoolPlan | null {
  const channels = CHANNELS.find((count) => map.groups % count === 0 && map.width * count <= limits.accumulators);
  const isRowWise = [input, map, output].every(({ width, height }) => width >= 3 && height > 1);
  if (!channels || !isRowWise || window.kernel < window.stride || window.kernel > window.stride + 1) return null;
  const conv = planConv(shape, false, input, map, { channels, rows: 1, blocks: 1, banded: false }, limits.maxTextureWidth);
  if (conv.rowSteps !== shape.kernel) return null;
  return {
    conv,
    channels: shape.inChannels,
    tiles: map.groups / channels,
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output),
      KERNEL: shape.kernel, KERNEL_LEFT: conv.taps.left, KERNEL_COLS: conv.taps.cols, STRIDE: shape.stride, PAD: shape.pad,
      MAP_H: Math.min(map.height, (output.height - 1) * window.stride - window.pad + window.kernel), MAP_W: map.width,
      POOL_KERNEL: window.kernel, POOL_STRIDE: window.stride, POOL_PAD: window.pad,
      OC: channels, STEPS_PER_ROW: conv.stepsPerRow, WEIGHT_FOLD: conv.weightFold,
    },
  };
}
