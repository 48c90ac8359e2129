/** Joins convolutions to the max-pool that alone reads them, forward and backward: the map in between and its gradient are never stored. */
import type { ConvPlan } from "../ops/conv2d.js";
import { type ConvMaxPoolPlan, planConvMaxPool } from "../ops/conv2d_max_pool.js";
import { type ConvOp, convShape, type FusedOp } from "./fuse.js";
import { type BlockLayout, layoutConstants } from "../layout/blocks.js";
import type { PlanContext, Step } from "./plan.js";

export interface ConvMaxPoolOp {
  kind: "conv_max_pool";
  conv: ConvOp;
  plan: ConvMaxPoolPlan;
  input: string;
  output: string;
}

export type ForwardOp = FusedOp | ConvMaxPoolOp;

type MaxPoolOp = Extract<FusedOp, { kind: "max_pool" }>;

/**
 * @returns ops of a forward pass, whether a gradient follows or not: the gate of the ReLU between the two is in what the pool
 * tells of its winners, and no gradient reads the convolution's output
 */
export function joinMaxPools(context: PlanContext): ForwardOp[] {
  const joined: ForwardOp[] = [];
  for (const op of context.ops) {
    const conv = op.kind === "max_pool" ? joinable(context, op) : null;
    const both = op.kind === "max_pool" && conv && conv === joined.at(-1) ? join(context, conv, op) : null;
    if (both) joined.pop();
    joined.push(both ?? op);
  }
  return joined;
}

/** The convolution in front of the pool; null where something else reads its map, or kernels for both lack what they need: a ReLU between the two, subgroups, running statistics. */
function joinable({ ops, options }: PlanContext, pool: MaxPoolOp): ConvOp | null {
  const conv = ops.find((op) => op.output === pool.input);
  const readers = ops.filter((op) => op.input === pool.input || (op.kind === "conv" && op.residual === pool.input));
  const isAlone = conv?.kind === "conv" && conv.relu && !conv.residual && readers.length === 1;
  return isAlone && options.shuffle && options.batchNorm === "running" ? conv : null;
}

/** @returns null where the kernel cannot do both */
function join(context: PlanContext, conv: ConvOp, pool: MaxPoolOp): ConvMaxPoolOp | null {
  const layouts = { input: context.layout(conv.input), map: context.layout(pool.input), output: context.layout(pool.output) };
  const plan = planConvMaxPool(convShape(conv.node, layouts.input), pool, layouts, context.options);
  return plan && { kind: "conv_max_pool", conv, plan, input: conv.input, output: pool.output };
}

/** @param blocks of what is written */
export function convMaxPoolStep(context: PlanContext, { conv, plan, ...op }: ConvMaxPoolOp, pass: string, blocks: number): Step {
  const { name } = conv.node;
  const masked = context.isFiltered(conv);
  const [input, output, weights] = [`${pass}/${op.input}`, `${pass}/${op.output}`, `weights/${name}/forward-max-pool`];
  const winner = context.winner(output, blocks);
  context.weights.set(weights, { layer: name, conv: plan.conv, scale: null });
  return {
    kernel: "conv2d_max_pool",
    name: `conv2d+max_pool ${name}`,
    constants: { ...plan.constants, MASKED: masked, WINNER: winner !== null },
    params: { channels: plan.channels, in_blocks: context.blocks(input), blocks_per_variant: context.options.blocksPerVariant },
    bindings: { input, weights, norm: context.normName(conv), output, ...(winner && { winner }), ...(masked && { intervals: `intervals/${name}` }) },
    writes: winner ? [output, winner] : [output],
    grid: [blocks, plan.tiles, 1],
    cost: plan.conv.multiplyAdds * blocks * context.options.lanes,
  };
}

/** The convolution whose gradient one kernel does together with that of the pool behind it; null where each has a kernel of its own. */
export function convOfGradient(context: PlanContext, pool: MaxPoolOp): ConvOp | null {
  const conv = joinable(context, pool);
  // The kernel keeps the whole of what it writes in registers, adds nothing to it and knows no gate.
  return conv && conv.input === context.network.graph.input && isWhole(context.convPlan(conv, true), context.layout(conv.input)) ? conv : null;
}

const isWhole = ({ tile }: ConvPlan, { height }: BlockLayout): boolean => tile.rows === height && tile.blocks === 1;

/** @param gradient of the pool's output */
export function convMaxPoolGradientStep(context: PlanContext, conv: ConvOp, pool: MaxPoolOp, gradient: string, output: string, blocks: number): Step {
  const plan = context.convPlan(conv, true);
  const [input, map, image] = [pool.output, pool.input, conv.input].map((tensor) => context.layout(tensor));
  const masked = context.isFiltered(conv);
  const winner = `clean/${pool.output}#winner`;
  const { top, left, rows, cols } = plan.taps;
  return {
    kernel: "conv2d_max_pool_grad",
    name: `conv2d+max_pool gradient ${conv.node.name}`,
    constants: {
      ...layoutConstants("IN", input), ...layoutConstants("OUT", image),
      KERNEL_TOP: top, KERNEL_LEFT: left, KERNEL_ROWS: rows, KERNEL_COLS: cols, STRIDE: plan.shape.stride, PAD: plan.shape.pad,
      MAP_H: map.height, MAP_W: map.width, POOL_KERNEL: pool.kernel, POOL_STRIDE: pool.stride, POOL_PAD: pool.pad,
      OC: plan.tile.channels, STEPS_PER_ROW: plan.stepsPerRow, WEIGHT_FOLD: plan.weightFold, MASKED: masked,
    },
    params: { channels: map.channels, winner_blocks: context.blocks(`clean/${pool.output}`), blocks_per_variant: context.options.blocksPerVariant },
    bindings: { input: gradient, weights: context.weightName(conv, true), norm: context.normName(conv), output, winner, ...(masked && { intervals: `intervals/${conv.node.name}` }) },
    writes: [output],
    grid: [blocks, Math.ceil(image.channels / plan.tile.channels), 1],
    cost: plan.multiplyAdds * blocks * context.options.lanes,
  };
}
