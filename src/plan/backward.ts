/** Steps of the input gradient: the forward ops in reverse. No weight gradients: a sweep never needs them. */
import { addStep } from "../ops/add.js";
import type { GradientSite, Place, Target } from "../ops/site.js";
import type { Step } from "../ops/step.js";
import { opOf } from "../ops/table.js";
import type { PlanContext } from "./context.js";
import { pairOf } from "./forward.js";
import { type FusedNode, readsOf } from "./fuse.js";

/**
 * `grad/x` is the gradient behind the gate of the ReLU that made x. A tensor read several times (a block's input) gets
 * one contribution after the other: each adds to the sum before it, and the last one applies the gate. Where a kernel cannot do
 * one of these itself, an addition follows it.
 */
export class BackwardPlanner {
  /** Contributions still missing. */
  readonly #pending = new Map<string, number>();
  /** Sum of the contributions so far. */
  readonly #partial = new Map<string, Place>();
  /** Done together with what follows them. */
  readonly #joined = new Set<FusedNode>();
  /** What has to follow the step that is planned. */
  #after: Step[] = [];

  constructor(private readonly context: PlanContext) {
    for (const node of context.nodes) for (const tensor of readsOf(node)) this.#pending.set(tensor, (this.#pending.get(tensor) ?? 0) + 1);
    this.#pending.set(context.output, (this.#pending.get(context.output) ?? 0) + 1);
  }

  /** @param ofLogits gradient of the loss by the logits */
  steps(ofLogits: Place): Step[] {
    const { context } = this;
    this.#pass(context.output, ofLogits);
    const steps = this.#after.splice(0);
    for (const fused of context.nodes.toReversed()) {
      if (this.#joined.has(fused)) continue;
      const gradient = this.#partial.get(fused.output)!;
      if (fused.residual !== null) this.#pass(fused.residual, gradient);
      const own = this.#ownSteps(fused, gradient);
      steps.push(...own, ...this.#after.splice(0));
    }
    return steps;
  }

  /** Of the images, when the steps are planned. */
  gradientOf(tensor: string): Place {
    return this.#partial.get(tensor)!;
  }

  #ownSteps(fused: FusedNode, gradient: Place): Step[] {
    const site = this.#site(fused, gradient);
    const pair = pairOf(this.context, fused);
    const joined = pair?.rule.inputGradient({ node: pair.first.node, site: this.#site(pair.first, gradient) }, { node: fused.node, site }) ?? null;
    if (pair && joined) this.#joined.add(pair.first);
    return joined ?? opOf(fused.node).inputGradient(fused.node, site);
  }

  #site(fused: FusedNode, gradient: Place): GradientSite {
    return {
      ...this.context.site(fused, "clean", `grad/${fused.output}`),
      gradient,
      target: (input, can) => this.#target(fused.inputs[input], can),
      pass: (input) => this.#pass(fused.inputs[input], gradient),
      isSole: (input) => this.#pending.get(fused.inputs[input]) === 1 && !this.#partial.has(fused.inputs[input]) && this.context.reluOf(fused.inputs[input]) === null,
    };
  }

  /** The next contribution to the gradient of a tensor: what is there already, and the gate if it is the last. */
  #next(tensor: string): { left: number; residual: Place | null; gate: Target["gate"] } {
    const left = this.#pending.get(tensor)! - 1;
    this.#pending.set(tensor, left);
    const relu = this.context.reluOf(tensor);
    return { left, residual: this.#partial.get(tensor) ?? null, gate: left === 0 && relu ? { place: this.context.place("clean", tensor), relu } : null };
  }

  #place(tensor: string, suffix: string): Place {
    const place = this.context.place("grad", tensor);
    return this.context.allocate({ ...place, resource: `${place.resource}${suffix}` });
  }

  /** A contribution that a step writes. */
  #target(tensor: string, can: { sum: boolean; gate: boolean }): Target {
    const { left, residual, gate } = this.#next(tensor);
    const place = this.#place(tensor, left === 0 ? "" : `#${left}`);
    this.#partial.set(tensor, place);
    if ((residual === null || can.sum) && (gate === null || can.gate)) return { place, residual, gate };
    const alone = this.#place(tensor, `#${left}-alone`);
    this.#after.push(addStep("add gradients", alone, residual, place, { gate }));
    return { place: alone, residual: null, gate: null };
  }

  /** A contribution that is there already: an addition hands its gradient on as it is. */
  #pass(tensor: string, gradient: Place): void {
    const { left, residual, gate } = this.#next(tensor);
    if (residual === null && gate === null) {
      this.#partial.set(tensor, gradient);
      return;
    }
    const place = this.#place(tensor, left === 0 ? "" : `#${left}`);
    this.#partial.set(tensor, place);
    this.#after.push(addStep("add gradients", gradient, residual, place, { gate }));
  }
}
