/** A convolution by itself as a plan of one step: what the canary checks and the tuner measures. */
import type { BlockLayout } from "../layout/blocks.js";
import { type AnyPlan, roomOf } from "../ops/convolution/kernels.js";
import type { KernelLimits } from "../ops/convolution/room.js";
import type { Step } from "../ops/common/step.js";
import type { UnitPlan } from "../plan/plan.js";

/**
 * @param blocks of images, all of one variant
 * @param fused what the kernel does beside the sum: MASKED, RELU or GATE
 * @returns a plan that reads the tensor `input` and writes `output`, and wants `weights`, `norm`, and of `intervals` and `gate` what is fused
 */
export function planAlone(plan: AnyPlan, input: BlockLayout, output: BlockLayout, blocks: number, limits: KernelLimits, fused: Step["constants"]): UnitPlan {
  const body = roomOf(plan).dispatches(plan, output, blocks, limits).map(({ kernel, constants, params, grid }, i): Step => ({
    kernel,
    name: `dispatch ${i}`,
    constants: { ...constants, ...fused },
    params: { ...params, in_blocks: blocks, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: blocks },
    bindings: { input: "input", output: "output", weights: "weights", norm: "norm", intervals: "intervals", gate: "gate" },
    writes: ["output"],
    grid,
    cost: 1,
  }));
  const tensors = new Map(Object.entries({ input, output }).map(([name, layout]) => [name, { width: layout.texels, height: blocks * layout.fold }]));
  return { prefix: [], body, tensors, weights: new Map(), affines: new Map(), filtered: [], blocksPerVariant: blocks, blockImages: input.images, variants: 1, passes: 1, input, logits: "output", inputGradient: null };
}
