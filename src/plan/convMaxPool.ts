/** Joins convolutions to the max-pool that alone reads them: the map in between is never stored. */
import { type ConvMaxPoolPlan, planConvMaxPool } from "../ops/conv2d_max_pool.js";
import { type ConvOp, convShape, type FusedOp } from "./fuse.js";
import type { PlanContext, Step } from "./plan.js";

export interface ConvMaxPoolOp {
  kind: "conv_max_pool";
  conv: ConvOp;
  plan: ConvMaxPoolPlan;
  input: string;
  output: string;
}

export type ForwardOp = FusedOp | ConvMaxPoolOp;

/**
 * @returns ops of a forward pass, whether a gradient follows or not: the gate of the ReLU between the two is in what the pool
 * tells of its winners, and no gradient reads the convolution's output
 */
export function joinMaxPools(context: PlanContext): ForwardOp[] {
  const joined: ForwardOp[] = [];
  for (const op of context.ops) {
    const before = joined.at(-1);
    const both = before?.kind === "conv" && op.kind === "max_pool" ? join(context, before, op) : null;
    if (both) joined.pop();
    joined.push(both ?? op);
  }
  return joined;
}

/** @returns null where the pool is not all that follows the convolution, or the kernel cannot do both */
function join(context: PlanContext, conv: ConvOp, pool: Extract<FusedOp, { kind: "max_pool" }>): ConvMaxPoolOp | null {
  const { ops, options } = context;
  const readers = ops.filter((op) => op.input === conv.output || (op.kind === "conv" && op.residual === conv.output));
  const isAlone = readers.length === 1 && readers[0] === pool && conv.relu && !conv.residual;
  if (!isAlone || !options.shuffle || options.batchNorm !== "running") return null;
  const layouts = { input: context.layout(conv.input), map: context.layout(pool.input), output: context.layout(pool.output) };
  const plan = planConvMaxPool(convShape(conv.node, layouts.input), pool, layouts, options);
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
