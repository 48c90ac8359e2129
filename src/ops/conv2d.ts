/** Convolution, its input gradient, and the linear layer (a 1x1 convolution of a 1x1 map). Kernel: shaders/conv2d.wgsl. */
import type { BlockLayout } from "../layout/blocks.js";
import type { ConvTile } from "./convTile.js";

/** A convolution's geometry; `height` and `width` are those of its input. Square kernels, zero padding. */
export interface ConvShape {
  inChannels: number;
  outChannels: number;
  height: number;
  width: number;
  kernel: number;
  stride: number;
  pad: number;
}

/** @returns height and width of the convolution's output */
export function convOutput({ height, width, kernel, stride, pad }: ConvShape): { height: number; width: number } {
  return { height: Math.floor((height + 2 * pad - kernel) / stride) + 1, width: Math.floor((width + 2 * pad - kernel) / stride) + 1 };
}

/** Kernel positions 0..kernel-1 that touch a pixel at all: on small maps most of a 3x3 kernel only ever sees padding. */
function usedTaps(kernel: number, stride: number, pad: number, size: number, outSize: number): { first: number; count: number } {
  const used = Array.from({ length: kernel }, (_, k) => k).filter((k) =>
    Array.from({ length: outSize }, (_, o) => o * stride + k - pad).some((i) => i >= 0 && i < size),
  );
  return { first: used[0], count: used[used.length - 1] - used[0] + 1 };
}

/** What the kernel, the weights' packing and the grid have to agree on. */
export interface ConvPlan {
  shape: ConvShape;
  gradient: boolean;
  tile: ConvTile;
  /** Channels that a step of the sum adds. */
  channels: number;
  steps: number;
  rowSteps: number;
  taps: { top: number; left: number; rows: number; cols: number };
  /** vec4 of weights that a tile reads in a step. */
  weightTexels: number;
  stepsPerRow: number;
  weightFold: number;
  weightTexture: { width: number; height: number };
  constants: Record<string, number | boolean>;
  /** Its dispatches: one, or one a band of rows. */
  bands: ConvBand[];
  /** Multiply-adds on real (non-padding) pixels, per image. */
  multiplyAdds: number;
}

export interface ConvBand {
  constants: Record<string, number>;
  /** Its share of the plan's. */
  multiplyAdds: number;
}

/**
 * @param input layout of what is read: the activations, or in a gradient the gradient of the convolution's output
 * @param output layout of what is written
 * @param maxTextureWidth the adapter's widest texture
 */
export function planConv(shape: ConvShape, gradient: boolean, input: BlockLayout, output: BlockLayout, tile: ConvTile, maxTextureWidth: number): ConvPlan {
  const { kernel, stride, pad } = shape;
  const forwardOut = convOutput(shape);
  // Where the rows are known, kernel rows that only ever see padding are left out.
  const known = tile.banded || tile.rows === output.height;
  const v = usedTaps(kernel, stride, pad, shape.height, forwardOut.height);
  const h = usedTaps(kernel, stride, pad, shape.width, forwardOut.width);
  // Forward over many rows of a large kernel: the loop walks kernel rows, so that the body stays small.
  const rowSteps = !gradient && !known && kernel > 3 ? kernel : 1;
  const top = known ? v.first : 0;
  const rows = rowSteps > 1 ? 1 : known ? v.count : kernel;
  const taps = { top, left: h.first, rows, cols: h.count };
  /** Rows that those from `first` to `last` are made of, `first` being anywhere in the map where it is not known. */
  const source = (first: number, last: number): [number, number] =>
    gradient ? [Math.floor((first + pad - (top + (known ? rows : kernel) - 1)) / stride), Math.floor((last + pad - top) / stride)] : [first * stride + top - pad, last * stride + top + rows - 1 - pad];
  const band = (first: number, height: number): ConvBand => {
    const [from, to] = source(first, first + height - 1);
    const [firstRow, lastRow] = known ? [Math.max(0, from), Math.min(input.height - 1, to)] : [from, to];
    const span = lastRow - firstRow + 1;
    return {
      constants: { TOP: first, ROWS: height, FIRST_ROW: firstRow, SPAN: span, SOURCE_QUADS: height === output.height ? input.quads : (span * input.pitch) / 4 },
      multiplyAdds: multiplyAdds(shape) * (known ? height / output.height : 1),
    };
  };
  const bands = Array.from({ length: known ? Math.ceil(output.height / tile.rows) : 1 }, (_, i) => band(i * tile.rows, known ? Math.min(tile.rows, output.height - i * tile.rows) : tile.rows));
  const summed = gradient ? shape.outChannels : shape.inChannels;
  // One tap does little for a load: four channels at a time fill a vec4 of weights, and touch each sum once.
  const maps = input.pack === 1 && rows * h.count * rowSteps === 1 && summed % 4 === 0 ? 4 : 1;
  const channels = maps * input.pack;
  const steps = Math.ceil(summed / channels) * rowSteps;
  const weightTexels = Math.ceil((tile.channels * channels * rows * h.count) / 4);
  // The lanes load whole vectors of texels: past the last step there have to be as many as lanes.
  const stepsPerRow = steps * weightTexels + input.lanes <= maxTextureWidth ? steps : Math.floor((maxTextureWidth - input.lanes) / weightTexels);
  const weightFold = Math.ceil(steps / stepsPerRow);
  const outChannels = gradient ? shape.inChannels : shape.outChannels;
  const tiles = Math.ceil(outChannels / tile.channels);
  return {
    shape, gradient, tile, channels, steps, rowSteps, taps, weightTexels, stepsPerRow, weightFold,
    weightTexture: { width: stepsPerRow * weightTexels + input.lanes, height: tiles * weightFold },
    bands,
    multiplyAdds: multiplyAdds(shape),
    constants: {
      LANES: input.lanes, GRADIENT: gradient, KERNEL_TOP: top, KERNEL_LEFT: h.first, KERNEL_ROWS: rows, KERNEL_COLS: h.count,
      STEPS_PER_ROW: stepsPerRow, WEIGHT_FOLD: weightFold, ROW_STEPS: rowSteps, MAPS: maps, STRIDE: stride, PAD: pad,
      IN_H: input.height, IN_W: input.width, IN_PITCH: input.pitch, IN_QUADS: input.quads, IN_GROUPS_PER_ROW: input.groupsPerRow, IN_FOLD: input.fold, IN_PACK: input.pack,
      OUT_H: output.height, OUT_W: output.width, OUT_PITCH: output.pitch, OUT_QUADS: output.quads, OUT_GROUPS_PER_ROW: output.groupsPerRow, OUT_FOLD: output.fold, OUT_PACK: output.pack,
      OC: tile.channels, BLOCKS: tile.blocks, KNOWN: known,
    },
  };
}

/** Multiply-adds on real (non-padding) pixels, per image; the gradient takes as many. */
export function multiplyAdds(shape: ConvShape): number {
  const { kernel, stride, pad } = shape;
  const out = convOutput(shape);
  return realTaps(kernel, stride, pad, shape.height, out.height) * realTaps(kernel, stride, pad, shape.width, out.width) * shape.inChannels * shape.outChannels;
}

/** Pairs (output, tap) along one axis that touch a real pixel. */
function realTaps(kernel: number, stride: number, pad: number, size: number, outSize: number): number {
  let count = 0;
  for (let o = 0; o < outSize; o++) for (let k = 0; k < kernel; k++) if (o * stride + k - pad >= 0 && o * stride + k - pad < size) count++;
  return count;
}

/** @returns workgroups of each dispatch for `blocks` blocks of images (a multiple of the tile's) */
export function convGrid(plan: ConvPlan, output: BlockLayout, blocks: number): [number, number, number] {
  const outChannels = plan.gradient ? plan.shape.inChannels : plan.shape.outChannels;
  return [Math.ceil(blocks / plan.tile.blocks), Math.ceil(outChannels / plan.tile.channels), plan.constants.KNOWN ? 1 : Math.ceil(output.height / plan.tile.rows)];
}

/**
 * Raw weights in the order the kernel reads them: one texel row a tile of output channels (the input's channels, in a
 * gradient), column (step, channel of the tile, tap), four weights a texel.
 * @param weights [outChannels][inChannels][kernel][kernel]
 * @returns rgba32float texels of `plan.weightTexture`
 */
export function packWeights(plan: ConvPlan, weights: Float32Array): Float32Array {
  const { shape, gradient, tile, channels, steps, rowSteps, taps, weightTexels, stepsPerRow, weightFold, weightTexture } = plan;
  const area = shape.kernel ** 2;
  const [sums, outs] = gradient ? [shape.outChannels, shape.inChannels] : [shape.inChannels, shape.outChannels];
  const [sumStride, outStride] = gradient ? [shape.inChannels * area, area] : [area, shape.inChannels * area];
  const texels = new Float32Array(weightTexture.width * weightTexture.height * 4);
  for (let out = 0; out < outs; out++) {
    const tileRow = Math.floor(out / tile.channels) * weightFold;
    const column = (out % tile.channels) * channels * taps.rows * taps.cols;
    for (let step = 0; step < steps; step++) {
      const rowStep = step % rowSteps;
      const base = ((tileRow + Math.floor(step / stepsPerRow)) * weightTexture.width + (step % stepsPerRow) * weightTexels) * 4 + column;
      for (let u = 0; u < channels; u++) {
        const channel = Math.floor(step / rowSteps) * channels + u;
        if (channel >= sums) continue;
        for (let ky = 0; ky < taps.rows; ky++) {
          const from = channel * sumStride + out * outStride + (taps.top + rowStep + ky) * shape.kernel + taps.left;
          for (let kx = 0; kx < taps.cols; kx++) {
            texels[base + (u * taps.rows + ky) * taps.cols + kx] = weights[from + kx];
          }
        }
      }
    }
  }
  return texels;
}

/** Plain loops, NCHW, float64 sums: what the kernel is checked against. */
export function conv2d(shape: ConvShape, x: Float32Array, weights: ArrayLike<number>): Float32Array {
  const out = convOutput(shape);
  const images = x.length / (shape.inChannels * shape.height * shape.width);
  const sums = new Float64Array(images * shape.outChannels * out.height * out.width);
  forEachTap(shape, images, (i, o, w) => void (sums[o] += x[i] * weights[w]));
  return Float32Array.from(sums);
}

/** Gradient of the convolution's input given that of its output; NCHW, float64 sums. */
export function conv2dInputGradient(shape: ConvShape, dy: Float32Array, weights: ArrayLike<number>): Float32Array {
  const out = convOutput(shape);
  const images = dy.length / (shape.outChannels * out.height * out.width);
  const sums = new Float64Array(images * shape.inChannels * shape.height * shape.width);
  forEachTap(shape, images, (i, o, w) => void (sums[i] += dy[o] * weights[w]));
  return Float32Array.from(sums);
}

/** Calls `visit(input index, output index, weight index)` for every product of the convolution. */
function forEachTap(shape: ConvShape, images: number, visit: (i: number, o: number, w: number) => void): void {
  const { inChannels, outChannels, height, width, kernel, stride, pad } = shape;
  const out = convOutput(shape);
  for (let n = 0; n < images; n++)
    for (let oc = 0; oc < outChannels; oc++)
      for (let oy = 0; oy < out.height; oy++)
        for (let ox = 0; ox < out.width; ox++)
          for (let ic = 0; ic < inChannels; ic++)
            for (let ky = 0; ky < kernel; ky++)
              for (let kx = 0; kx < kernel; kx++) {
                const y = oy * stride + ky - pad;
                const x = ox * stride + kx - pad;
                if (y < 0 || y >= height || x < 0 || x >= width) continue;
                visit(((n * inChannels + ic) * height + y) * width + x, ((n * outChannels + oc) * out.height + oy) * out.width + ox, ((oc * inChannels + ic) * kernel + ky) * kernel + kx);
              }
}
