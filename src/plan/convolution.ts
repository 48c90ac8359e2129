/** The steps of a convolution or linear layer, or of its input gradient, with what is fused behind the sum. */
import { convGrid } from "../ops/conv2d.js";
import type { ConvOp } from "./fuse.js";
import type { PlanContext, Step } from "./plan.js";

/** What is read and what is written, resources of whole batches. */
export interface Ends {
  input: string;
  output: string;
  /** Blocks of what is written. */
  blocks: number;
}

/** What is fused behind the sum, beside the batch norm's scale and shift; resources, or null. */
export interface Epilogue {
  residual: string | null;
  relu: boolean;
  /** Activation behind the ReLU whose gradient is written. */
  gate: string | null;
}

export function convolutionSteps(context: PlanContext, op: ConvOp, gradient: boolean, { input, output, blocks }: Ends, { residual, relu, gate }: Epilogue): Step[] {
  const { options } = context;
  const plan = context.convPlan(op, gradient);
  const masked = context.isFiltered(op);
  const written = context.layout(gradient ? op.input : op.output);
  return plan.bands.map((band) => ({
    kernel: "conv2d",
    name: `conv2d ${gradient ? "gradient " : ""}${op.node.name}`,
    // A linear layer's norm holds (1, bias), whose scale leaves the gradient as it is.
    constants: { ...plan.constants, ...band.constants, SHUFFLE: options.shuffle, MASKED: masked, SCALED: gradient && masked, RESIDUAL: residual !== null, RELU: relu, GATE: gate !== null },
    params: { steps: plan.steps, in_blocks: context.blocks(input), residual_blocks: residual ? context.blocks(residual) : 1, gate_blocks: gate ? context.blocks(gate) : 1, blocks_per_variant: options.blocksPerVariant },
    bindings: { input, weights: context.weightName(op, gradient), norm: context.normName(op), output, ...(masked && { intervals: `intervals/${op.node.name}` }), ...(residual && { residual }), ...(gate && { gate }) },
    writes: [output],
    grid: convGrid(plan, written, blocks),
    cost: band.multiplyAdds * blocks * options.lanes,
  }));
}
