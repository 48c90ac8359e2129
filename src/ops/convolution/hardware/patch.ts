/** How shaders/conv2d_patch.wgsl does convolutions of few output channels a group: its patches of pixels, constants, weights, grid. */
import { type BlockLayout, layoutConstants, type LayoutLimits } from "../../../layout/blocks.js";
import { distinctTiles } from "../room.js";
import { channelsOfGroup, type ConvShape, convOutput, multiplyAdds } from "../shape.js";
import { type HardwarePlan, weightTextureFor } from "./plan.js";

/** Pixels of an invocation, which does four images and all channels of a group. */
export interface PatchTile {
  kernel: "conv2d_patch";
  rows: number;
  columns: number;
}

/** Channels in a texel of weights. */
const MOST_CHANNELS = 4;
/** Sums of an invocation, in vec4, beyond which no adapter keeps them in registers. */
const MOST_SUMS = 24;
const MOST_ROWS = 4;
const MOST_COLUMNS = 8;
/** Products of a patch with one channel: each is written out. */
const MOST_PRODUCTS = 400;
/** Of weights in workgroup memory, so that ten workgroups share 32 KiB; and channels that they may be of. */
const SHARED_TEXELS = 200;
const MOST_DEPTH = 8;

/** Along one axis: the window that a patch reads, and which tap joins its pixels; see the kernel. */
interface Reach {
  size: number;
  /** Where the first patch's begins, and how far behind it the next one's does. */
  first: number;
  next: number;
  inStep: number;
  outStep: number;
  reach: number;
}

function windowOf({ kernel, stride, pad, dilation }: ConvShape, gradient: boolean, axis: 0 | 1, size: number): Reach {
  const [s, p, beyond] = [stride[axis], pad[axis], (kernel[axis] - 1) * dilation[axis]];
  if (!gradient) return { size: (size - 1) * s + beyond + 1, first: -p, next: size * s, inStep: 1, outStep: -s, reach: 0 };
  const first = Math.ceil((p - beyond) / s);
  return { size: Math.floor((size - 1 + p) / s) - first + 1, first, next: size / s, inStep: -s, outStep: 1, reach: p - first * s };
}

const productsOf = ({ kernel, stride }: ConvShape, gradient: boolean, sums: number): number => (sums * kernel[0] * kernel[1]) / (gradient ? stride[0] * stride[1] : 1);

/**
 * Every patch, the one that loads least first: a gradient's begins where the first tap's phase does, so it has a multiple of the stride.
 * @param accumulators sums of an invocation; the smallest patch may have more
 */
function patches(shape: ConvShape, gradient: boolean, accumulators: number): PatchTile[] {
  const { outs } = channelsOfGroup(shape, gradient);
  const { height, width } = gradient ? shape : convOutput(shape);
  const [down, across] = gradient ? shape.stride : [1, 1];
  const all: (PatchTile & { loads: number })[] = [];
  for (let rows = down; rows <= Math.max(down, Math.min(MOST_ROWS, height)); rows += down) {
    for (let columns = across; columns <= Math.max(across, Math.min(MOST_COLUMNS, width)); columns += across) {
      const sums = outs * rows * columns;
      const isLeast = rows === down && columns === across;
      if (productsOf(shape, gradient, sums) > MOST_PRODUCTS || (!isLeast && 4 * sums > accumulators)) continue;
      const window = windowOf(shape, gradient, 0, rows).size * windowOf(shape, gradient, 1, columns).size;
      all.push({ kernel: "conv2d_patch", rows, columns, loads: Math.ceil(height / rows) * Math.ceil(width / columns) * window });
    }
  }
  return all.sort((a, b) => a.loads - b.loads || a.rows * a.columns - b.rows * b.columns).map(({ loads: _, ...tile }) => tile);
}

/** Whether the kernel does it: where few channels of a group are written, by taps whose sums fit into registers. */
export function isPatch(shape: ConvShape, gradient: boolean): boolean {
  const { outs } = channelsOfGroup(shape, gradient);
  const taps = shape.kernel[0] * shape.kernel[1];
  return outs <= MOST_CHANNELS && (taps > 1 || shape.groups > 1) && taps <= SHARED_TEXELS && patches(shape, gradient, 0).length > 0 && outs * (gradient ? shape.stride[0] * shape.stride[1] : 1) <= MOST_SUMS;
}

/** The patch to take without measuring, and smaller and larger ones. */
export function patchCandidates(shape: ConvShape, gradient: boolean, { accumulators }: { accumulators: number }): PatchTile[] {
  const all = [1.5, 1, 0.5].map((share) => patches(shape, gradient, share * accumulators)[0]);
  return distinctTiles(all);
}

/** See planGemm. */
export function planPatch(shape: ConvShape, gradient: boolean, input: BlockLayout, output: BlockLayout, tile: PatchTile, limits: Pick<LayoutLimits, "maxTextureWidth">): HardwarePlan {
  const { groups, kernel, dilation } = shape;
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const taps = kernel[0] * kernel[1];
  const [down, across] = [windowOf(shape, gradient, 0, tile.rows), windowOf(shape, gradient, 1, tile.columns)];
  const { row, size } = weightTextureFor(groups * taps * sums, limits);
  return {
    kernels: "hardware", kernel: tile.kernel, shape, gradient, rows: taps * sums, isFlat: true, columns: MOST_CHANNELS, weightTexture: size,
    workgroups: { images: output.images, channels: groups, pixels: Math.ceil(output.height / tile.rows) * Math.ceil(output.width / tile.columns) },
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output), GRADIENT: gradient,
      TAPS: taps, KERNEL_H: kernel[0], KERNEL_W: kernel[1], DILATION_H: dilation[0], DILATION_W: dilation[1],
      CHANNELS: sums, OC: outs, ROWS: tile.rows, COLS: tile.columns, K: Math.min(sums, MOST_DEPTH, Math.floor(SHARED_TEXELS / taps)), WEIGHT_ROW: row,
      WINDOW_H: down.size, FIRST_H: down.first, NEXT_H: down.next, IN_STEP_H: down.inStep, OUT_STEP_H: down.outStep, REACH_H: down.reach,
      WINDOW_W: across.size, FIRST_W: across.first, NEXT_W: across.next, IN_STEP_W: across.inStep, OUT_STEP_W: across.outStep, REACH_W: across.reach,
    },
    params: {},
    multiplyAdds: multiplyAdds(shape),
  };
}
