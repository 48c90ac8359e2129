/** How the tiled kernel for software (shaders/conv2d.wgsl) does a convolution or its input gradient: constants, weights, dispatches. */
import { type BlockLayout, layoutConstants } from "../../../layout/blocks.js";
import { spanOf } from "../../../layout/shape.js";
import type { TiledPlan } from "../room.js";
import { channelsOfGroup, type ConvShape, convOutput, multiplyAdds, weightStrides } from "../shape.js";
import type { ConvTile } from "./tile.js";

/** Kernel positions 0..kernel-1 that touch a pixel at all: on small maps most of a 3x3 kernel only ever sees padding. */
export function usedTaps({ kernel, stride, pad, dilation }: ConvShape, axis: 0 | 1, size: number, outSize: number): { first: number; count: number } {
  const used = Array.from({ length: kernel[axis] }, (_, k) => k).filter((k) =>
    Array.from({ length: outSize }, (_, o) => o * stride[axis] + k * dilation[axis] - pad[axis]).some((i) => i >= 0 && i < size),
  );
  return used.length === 0 ? { first: 0, count: 1 } : { first: used[0], count: used[used.length - 1] - used[0] + 1 };
}

/** What the kernel, the weights' packing and the grid have to agree on. */
export interface ConvPlan extends TiledPlan {
  kernels: "software";
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
  const [kernel, stride, pad, dilation] = [shape.kernel[0], shape.stride[0], shape.pad[0], shape.dilation[0]];
  const forwardOut = convOutput(shape);
  // Where the rows are known, kernel rows that only ever see padding are left out.
  const known = tile.banded || tile.rows === output.height;
  const v = usedTaps(shape, 0, shape.height, forwardOut.height);
  const h = usedTaps(shape, 1, shape.width, forwardOut.width);
  // Forward over many rows of a large kernel: the loop walks kernel rows, so that the body stays small.
  const rowSteps = !gradient && !known && kernel > 3 ? kernel : 1;
  const top = known ? v.first : 0;
  const rows = rowSteps > 1 ? 1 : known ? v.count : kernel;
  const taps = { top, left: h.first, rows, cols: h.count };
  /** Rows that those from `first` to `last` are made of, `first` being anywhere in the map where it is not known. */
  const source = (first: number, last: number): [number, number] =>
    gradient
      ? [Math.floor((first + pad - (top + (known ? rows : kernel) - 1) * dilation) / stride), Math.floor((last + pad - top * dilation) / stride)]
      : [first * stride + top * dilation - pad, last * stride + top * dilation + spanOf(rows, dilation) - 1 - pad];
  const band = (first: number, height: number): ConvBand => {
    const [from, to] = source(first, first + height - 1);
    // Rows of up to two pixels share a vec4: such maps are read whole.
    const [firstRow, lastRow] = input.width < 3 ? [0, input.height - 1] : known ? [Math.max(0, from), Math.min(input.height - 1, to)] : [from, to];
    const span = Math.max(1, lastRow - firstRow + 1);
    return {
      constants: { TOP: first, ROWS: height, FIRST_ROW: firstRow, SPAN: span, SOURCE_QUADS: Math.ceil((span * input.pitch) / 4) },
      multiplyAdds: multiplyAdds(shape) * (known ? height / output.height : 1),
    };
  };
  const bands = Array.from({ length: known ? Math.ceil(output.height / tile.rows) : 1 }, (_, i) => band(i * tile.rows, known ? Math.min(tile.rows, output.height - i * tile.rows) : tile.rows));
  const { sums, outs } = channelsOfGroup(shape, gradient);
  // One tap does little for a load: four channels at a time fill a vec4 of weights, and touch each sum once.
  const maps = input.pack === 1 && rows * h.count * rowSteps === 1 && sums % 4 === 0 ? 4 : 1;
  const channels = maps * input.pack;
  const steps = Math.ceil(sums / channels) * rowSteps;
  const weightTexels = Math.ceil((tile.channels * channels * rows * h.count) / 4);
  // The lanes load whole vectors of texels: past the last step there have to be as many as lanes.
  const stepsPerRow = steps * weightTexels + input.lanes <= maxTextureWidth ? steps : Math.floor((maxTextureWidth - input.lanes) / weightTexels);
  const weightFold = Math.ceil(steps / stepsPerRow);
  const tiles = Math.ceil((outs * shape.groups) / tile.channels);
  return {
    kernels: "software", shape, gradient, tile, channels, steps, rowSteps, taps, weightTexels, stepsPerRow, weightFold,
    weightTexture: { width: stepsPerRow * weightTexels + input.lanes, height: tiles * weightFold },
    bands,
    multiplyAdds: multiplyAdds(shape),
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output),
      GRADIENT: gradient, KERNEL_TOP: top, KERNEL_LEFT: h.first, KERNEL_ROWS: rows, KERNEL_COLS: h.count,
      STEPS_PER_ROW: stepsPerRow, WEIGHT_FOLD: weightFold, ROW_STEPS: rowSteps, MAPS: maps,
      STRIDE_H: stride, STRIDE_W: shape.stride[1], PAD_H: pad, PAD_W: shape.pad[1], DILATION_H: dilation, DILATION_W: shape.dilation[1],
      ...(shape.groups > 1 && { GROUP_OUT: outs, GROUP_IN: sums / input.pack }),
      // In a view there is no room for the padding behind its channels.
      ...((tiles * tile.channels) / output.pack > output.groups && { LAST_GROUP: output.groups }),
      OC: tile.channels, BLOCKS: tile.blocks, KNOWN: known,
    },
  };
}

/** @returns workgroups of each dispatch for `blocks` blocks of images (a multiple of the tile's) */
export function convGrid(plan: ConvPlan, output: BlockLayout, blocks: number): [number, number, number] {
  const outChannels = plan.gradient ? plan.shape.inChannels : plan.shape.outChannels;
  return [Math.ceil(blocks / plan.tile.blocks), Math.ceil(outChannels / plan.tile.channels), plan.constants.KNOWN ? 1 : Math.ceil(output.height / plan.tile.rows)];
}

/**
 * Raw weights in the order the kernel reads them: one texel row a tile of output channels (the input's channels, in a
 * gradient), column (step, channel of the tile, tap), four weights a texel.
 * @param weights [outChannels][inChannels / groups][kernel rows][kernel columns]
 * @returns rgba32float texels of `plan.weightTexture`
 */
export function packWeights(plan: ConvPlan, weights: Float32Array): Float32Array {
  const { shape, gradient, tile, channels, steps, rowSteps, taps, weightTexels, stepsPerRow, weightFold, weightTexture } = plan;
  const [kernelRows, kernelCols] = shape.kernel;
  const area = kernelRows * kernelCols;
  const { sums, outs } = channelsOfGroup(shape, gradient);
  const each = (shape.inChannels / shape.groups) * area;
  const [sumStride, outStride] = gradient ? [each, area] : [area, each];
  const texels = new Float32Array(weightTexture.width * weightTexture.height * 4);
  for (let out = 0; out < outs * shape.groups; out++) {
    const tileRow = Math.floor(out / tile.channels) * weightFold;
    const column = (out % tile.channels) * channels * taps.rows * taps.cols;
    const group = Math.floor(out / outs);
    // In a gradient the outputs that are summed are those of the group; forward, the group is in the output's own place.
    const start = gradient ? group * sums * each + (out % outs) * outStride : out * outStride;
    for (let step = 0; step < steps; step++) {
      const rowStep = step % rowSteps;
      const base = ((tileRow + Math.floor(step / stepsPerRow)) * weightTexture.width + (step % stepsPerRow) * weightTexels) * 4 + column;
      for (let u = 0; u < channels; u++) {
        const channel = Math.floor(step / rowSteps) * channels + u;
        if (channel >= sums) continue;
        for (let ky = 0; ky < taps.rows; ky++) {
          const from = start + channel * sumStride + (taps.top + rowStep + ky) * kernelCols + taps.left;
          for (let kx = 0; kx < taps.cols; kx++) {
            texels[base + (u * taps.rows + ky) * taps.cols + kx] = weights[from + kx];
          }
        }
      }
    }
  }
  return texels;
}

/** Constants of shaders/pack_weights.wgsl. */
export function packingConstants({ shape, gradient, tile, channels, steps, rowSteps, taps, weightTexels, stepsPerRow, weightFold }: ConvPlan): ConvPlan["constants"] {
  return {
    TILED: true, OC: tile.channels, PRODUCTS: channels * taps.rows * taps.cols, WEIGHT_TEXELS: weightTexels, STEPS: steps, STEPS_PER_ROW: stepsPerRow, WEIGHT_FOLD: weightFold,
    ROW_STEPS: rowSteps, CHANNELS: channels, TAP_TOP: taps.top, TAP_LEFT: taps.left, TAP_ROWS: taps.rows, TAP_COLS: taps.cols, KERNEL_W: shape.kernel[1],
    ...weightStrides(shape, gradient),
  };
}
