/** A convolution, ReLU and the max-pool that alone reads them, in one kernel, forward and backward: the map in between and its gradient are never stored. */
import { type BlockLayout, layoutConstants } from "../layout/blocks.js";
import { affineOf, convShape, tiledPlan, weightsOf } from "./conv2d.js";
import { type ConvPlan, planConv } from "./convolution/software/plan.js";
import { type ConvShape, isSquare } from "./convolution/shape.js";
import { isByRows, winnerOf } from "./max_pool.js";
import type { Conv2dNode, MaxPoolNode } from "./common/nodes.js";
import type { Joined, Pair } from "./common/op.js";
import type { GradientSite, Site } from "./common/site.js";
import { layerOf } from "./common/step.js";

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
  shape: ConvShape, pool: Pick<MaxPoolNode, "kernel" | "stride" | "pad">, { input, map, output }: Record<"input" | "map" | "output", BlockLayout>, limits: { accumulators: number; maxTextureWidth: number },
): ConvMaxPoolPlan | null {
  const [kernel, stride, pad] = [pool.kernel[0], pool.stride[0], pool.pad[0]];
  const channels = CHANNELS.find((count) => map.groups % count === 0 && map.width * count <= limits.accumulators);
  const isRowWise = [input, map, output].every(({ width, height }) => width >= 3 && height > 1);
  if (!channels || output.groups < map.groups || !isRowWise || kernel < stride || kernel > stride + 1) return null;
  const conv = planConv(shape, false, input, map, { channels, rows: 1, blocks: 1, banded: false }, limits.maxTextureWidth);
  if (conv.rowSteps !== shape.kernel[0]) return null;
  return {
    conv,
    channels: shape.inChannels,
    tiles: map.groups / channels,
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", output),
      KERNEL: shape.kernel[0], KERNEL_LEFT: conv.taps.left, KERNEL_COLS: conv.taps.cols, STRIDE: shape.stride[0], PAD: shape.pad[0],
      MAP_H: Math.min(map.height, (output.height - 1) * stride - pad + kernel), MAP_W: map.width,
      POOL_KERNEL: kernel, POOL_STRIDE: stride, POOL_PAD: pad,
      OC: channels, STEPS_PER_ROW: conv.stepsPerRow, WEIGHT_FOLD: conv.weightFold,
    },
  };
}

type Both<S extends Site | GradientSite> = [Joined<Conv2dNode, S>, Joined<MaxPoolNode, S>];

/** Both kernels need a plain ReLU between the two (its gate is in what the pool tells of its winners), subgroups and trained statistics. */
function isJoinable([conv, pool]: Both<Site | GradientSite>, map: BlockLayout, pooled: BlockLayout): boolean {
  const { epilogue: { residual, relu }, options, inputs: [input] } = conv.site;
  const isPlain = conv.node.groups === 1 && isSquare(convShape(conv.node, input.layout)) && isByRows(pool.node, map, pooled);
  return isPlain && relu !== null && relu.cap === null && !residual && options.shuffle && options.batchNorm === "running";
}

export const conv2dMaxPool: Pair<Conv2dNode, MaxPoolNode> = {
  first: "conv2d",
  second: "max_pool",
  forward(conv, pool) {
    const { inputs: [input], output: map, options, epilogue } = conv.site;
    const { output } = pool.site;
    if (!isJoinable([conv, pool], map.layout, output.layout)) return null;
    const shape = convShape(conv.node, input.layout);
    const plan = planConvMaxPool(shape, pool.node, { input: input.layout, map: map.layout, output: output.layout }, options);
    if (!plan) return null;
    const affine = affineOf({ ...conv.node, shape }, epilogue);
    const { weights, intervals } = weightsOf({ ...conv.node, shape }, plan.conv, false, plan.conv.weightTexture, conv.site, affine, "-max-pool");
    const winner = pool.site.keeps ? winnerOf(pool.site) : null;
    return [{
      kernel: "conv2d_max_pool",
      name: `conv2d+max_pool ${layerOf(conv.node.weight)}`,
      constants: { ...plan.constants, MASKED: intervals !== null, WINNER: winner !== null, ...layoutConstants("OTHER", pool.site.plain(output.layout)) },
      params: { channels: plan.channels, in_blocks: input.blocks, blocks_per_variant: options.blocksPerVariant },
      bindings: { input: input.resource, weights, norm: conv.site.affine(affine), output: output.resource, ...(winner && { winner }), ...(intervals && { intervals }) },
      writes: winner ? [output.resource, winner] : [output.resource],
      grid: [output.blocks, plan.tiles, 1],
      cost: plan.conv.multiplyAdds * output.blocks * options.lanes,
    }];
  },
  inputGradient(conv, pool) {
    const { inputs: [image], output: map, options, epilogue } = conv.site;
    const { gradient, output: pooled } = pool.site;
    if (!isJoinable([conv, pool], map.layout, pooled.layout) || !conv.site.isSole(0)) return null;
    const shape = convShape(conv.node, image.layout);
    const plan = tiledPlan(shape, true, map.layout, image.layout, options) as ConvPlan | null;
    // The kernel keeps the whole of what it writes in registers, adds nothing to it and knows no gate.
    if (!plan || plan.tile.rows !== image.layout.height || plan.tile.blocks !== 1) return null;
    const affine = affineOf({ ...conv.node, shape }, epilogue);
    const { weights, intervals } = weightsOf({ ...conv.node, shape }, plan, true, plan.weightTexture, conv.site, affine);
    const { place: output } = conv.site.target(0, { sum: false, gate: false });
    const { top, left, rows, cols } = plan.taps;
    const winner = pool.site.kept("winner");
    return [{
      kernel: "conv2d_max_pool_grad",
      name: `conv2d+max_pool gradient ${layerOf(conv.node.weight)}`,
      constants: {
        ...layoutConstants("IN", gradient.layout), ...layoutConstants("OTHER", pool.site.plain(pooled.layout)), ...layoutConstants("OUT", output.layout),
        KERNEL_TOP: top, KERNEL_LEFT: left, KERNEL_ROWS: rows, KERNEL_COLS: cols, STRIDE: shape.stride[0], PAD: shape.pad[0],
        MAP_H: map.layout.height, MAP_W: map.layout.width, POOL_KERNEL: pool.node.kernel[0], POOL_STRIDE: pool.node.stride[0], POOL_PAD: pool.node.pad[0],
        OC: plan.tile.channels, STEPS_PER_ROW: plan.stepsPerRow, WEIGHT_FOLD: plan.weightFold, MASKED: intervals !== null,
      },
      params: { channels: map.layout.channels, winner_blocks: pooled.blocks, blocks_per_variant: options.blocksPerVariant },
      bindings: { input: gradient.resource, weights, norm: conv.site.affine(affine), output: output.resource, winner, ...(intervals && { intervals }) },
      writes: [output.resource],
      grid: [output.blocks, Math.ceil(output.layout.channels / plan.tile.channels), 1],
      cost: plan.multiplyAdds * output.blocks * options.lanes,
    }];
  },
};
