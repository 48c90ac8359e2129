/** Steps of the input gradient: the forward ops in reverse. No weight gradients: a sweep never needs them. */
import { poolRows } from "../ops/max_pool.js";
import { convMaxPoolGradientStep, convOfGradient } from "./convMaxPool.js";
import { convolutionSteps } from "./convolution.js";
import type { ConvOp, FusedOp } from "./fuse.js";
import { layoutConstants } from "../layout/blocks.js";
import type { PlanContext, Step } from "./plan.js";

/**
 * `grad/x` is the gradient behind the gate of the ReLU that made x. A tensor read several times (a block's input) gets
 * one contribution after the other: each adds to the sum before it, and the last one applies the gate.
 */
export class BackwardPlanner {
  private readonly pending = new Map<string, number>();
  /** Sum of the contributions so far. */
  private readonly partial = new Map<string, string>();
  /** Done together with what follows them. */
  private readonly joined = new Set<FusedOp>();

  constructor(private readonly context: PlanContext) {
    for (const op of context.ops) {
      for (const tensor of [op.input, ...(op.kind === "conv" && op.residual ? [op.residual] : [])]) {
        this.pending.set(tensor, (this.pending.get(tensor) ?? 0) + 1);
      }
    }
  }

  private get blocks(): number {
    return this.context.options.blocksPerVariant * this.context.options.variants;
  }

  steps(): Step[] {
    const { ops } = this.context;
    const logits = ops[ops.length - 1].output;
    this.partial.set(logits, `grad/${logits}`);
    return ops.toReversed().flatMap((op) => {
      if (this.joined.has(op)) return [];
      const gradient = this.partial.get(op.output)!;
      if (op.kind === "max_pool") return [this.maxPool(op, gradient)];
      if (op.kind === "avg_pool") return [this.avgPool(op, gradient)];
      if (op.residual) this.passOn(op.residual, gradient);
      return this.conv(op, gradient);
    });
  }

  /** An addition hands its gradient to the residual as it is. */
  private passOn(tensor: string, gradient: string): void {
    if (this.partial.has(tensor) || (this.take(tensor) === 0 && this.context.hasRelu(tensor))) {
      throw new Error(`the gradient of ${tensor} needs an addition of its own, for which there is no kernel yet`);
    }
    this.partial.set(tensor, gradient);
  }

  /** @returns contributions still missing after this one */
  private take(tensor: string): number {
    const left = this.pending.get(tensor)! - 1;
    this.pending.set(tensor, left);
    return left;
  }

  /** Registers the gradient of `tensor` that a step makes from what was there before. */
  private contribution(tensor: string): { output: string; residual: string | null; gate: string | null } {
    const left = this.take(tensor);
    const residual = this.partial.get(tensor) ?? null;
    const output = this.context.tensor(left === 0 ? `grad/${tensor}` : `grad/${tensor}#${left}`, tensor, this.blocks);
    this.partial.set(tensor, output);
    return { output, residual, gate: left === 0 && this.context.hasRelu(tensor) ? `clean/${tensor}` : null };
  }

  private conv(op: ConvOp, gradient: string): Step[] {
    const { context } = this;
    const { options } = context;
    const steps: Step[] = [];
    let from = gradient;
    if (options.batchNorm === "batch" && op.norm) {
      from = `${gradient}#${op.node.name}`;
      steps.push(...this.batchNorm(op, gradient, from));
    }
    const { output, residual, gate } = this.contribution(op.input);
    return [...steps, ...convolutionSteps(context, op, true, { input: from, output, blocks: this.blocks }, { residual, relu: false, gate })];
  }

  private batchNorm(op: ConvOp, gradient: string, output: string): Step[] {
    const { context, blocks } = this;
    const { blocksPerVariant, variants, images } = context.options;
    const layout = context.layout(op.output);
    const [raw, stats] = [`clean/${op.output}#raw`, `clean/${op.output}#stats`];
    const statsRows = context.tensors.get(stats)!.height;
    const constants = { ...layoutConstants("IN", layout), GRADIENT: true };
    const gradientStats = context.statistics(`${output}#stats`, op.output, variants);
    context.tensor(output, op.output, blocks);
    const norm = `norm/${op.norm}`;
    const rawBlocks = statsRows * blocksPerVariant;
    const cost = blocks * layout.lanes * layout.groups * layout.quads * 4;
    return [
      { kernel: "batch_norm_stats", name: "batch_norm_stats gradient", constants, params: { blocks_per_variant: blocksPerVariant, images, stats_rows: statsRows, raw_blocks: rawBlocks }, bindings: { input: gradient, output: gradientStats, raw, stats }, writes: [gradientStats], grid: [variants, layout.groups, 1], cost },
      { kernel: "batch_norm", name: "batch_norm gradient", constants, params: { blocks_per_variant: blocksPerVariant, input_blocks: rawBlocks, residual_blocks: 1, stats_rows: statsRows }, bindings: { input: raw, output, dy: gradient, norm, stats, gradient_stats: gradientStats }, writes: [output], grid: [blocks, layout.groups, layout.quads], cost },
    ];
  }

  private maxPool(op: Extract<FusedOp, { kind: "max_pool" }>, gradient: string): Step {
    const { context, blocks } = this;
    const conv = convOfGradient(context, op);
    if (conv) {
      this.joined.add(conv);
      return convMaxPoolGradientStep(context, conv, op, gradient, this.contribution(conv.input).output, blocks);
    }
    const [input, out] = [context.layout(op.output), context.layout(op.input)];
    // The gate of the ReLU in front needs no map: where it is shut the window has no winner.
    const { output, residual } = this.contribution(op.input);
    if (residual) throw new Error(`the gradient of ${op.input} needs an addition of its own, for which there is no kernel yet`);
    const rows = poolRows(out, input.height, op.stride).written;
    return {
      kernel: "max_pool_grad",
      name: "max_pool gradient",
      constants: { ...layoutConstants("IN", input), ...layoutConstants("OUT", out), KERNEL: op.kernel, STRIDE: op.stride, PAD: op.pad, ROWS: rows },
      params: { winner_blocks: context.blocks(`clean/${op.output}`) },
      bindings: { input: gradient, winner: `clean/${op.output}#winner`, output },
      writes: [output],
      grid: [blocks, out.groups, Math.ceil(out.height / rows)],
      cost: blocks * out.lanes * out.groups * out.quads * 16,
    };
  }

  private avgPool(op: Extract<FusedOp, { kind: "avg_pool" }>, gradient: string): Step {
    const { context, blocks } = this;
    const [input, out] = [context.layout(op.output), context.layout(op.input)];
    const { output, residual, gate } = this.contribution(op.input);
    if (residual) throw new Error(`the gradient of ${op.input} needs an addition of its own, for which there is no kernel yet`);
    return {
      kernel: "avg_pool_grad",
      name: "avg_pool gradient",
      constants: { ...layoutConstants("IN", input), ...layoutConstants("OUT", out), GATE: gate !== null },
      params: { gate_blocks: context.blocks(`clean/${op.input}`) },
      bindings: { input: gradient, output, ...(gate && { gate }) },
      writes: [output],
      grid: [blocks, out.groups, 1],
      cost: blocks * out.lanes * out.groups * out.quads * 4,
    };
  }
}
