/** Steps of the input gradient: the forward ops in reverse; in a training the weights' gradients on the way. */
import { type ChannelMap, viewOf } from "../layout/blocks.js";
import { addStep } from "../ops/add.js";
import { moveStep } from "../ops/common/channels.js";
import type { Ending } from "../ops/common/elementwise.js";
import type { GradientSite, LearningSite, ParameterPlace, Place, Target } from "../ops/common/site.js";
import type { Step } from "../ops/common/step.js";
import { opOf } from "../ops/table.js";
import type { Pass, PlanContext } from "./context.js";
import { pairOf } from "./forward.js";
import { type FusedNode, readsOf } from "./fuse.js";

/** What a tensor's gradient is made of so far. */
interface Sum {
  place: Place;
  /** Whether each contribution went through the gate of the ReLU that made the tensor. */
  isGated: boolean;
}

/** What a training learns, and where. */
export interface Learning {
  learned(tensor: string): ParameterPlace | null;
  /** Whether the gradient of the images is wanted, too. */
  ofImages: boolean;
}

/** The next contribution to the gradient of a tensor. */
interface Next {
  left: number;
  residual: Place | null;
  /** Only the last one goes through the gate, for all. */
  gate: Target["gate"];
  isGated: boolean;
}

/**
 * `grad/x` is the gradient behind the gate of the ReLU that made x. A tensor read several times (a block's input) gets
 * one contribution after the other: each adds to the sum before it, and the last one applies the gate. Where a kernel cannot do
 * one of these itself, an addition follows it.
 */
export class BackwardPlanner {
  /** Contributions still missing. */
  readonly #pending = new Map<string, number>();
  readonly #sums = new Map<string, Sum>();
  /** Done together with what follows them. */
  readonly #joined = new Set<FusedNode>();
  /** Slices that make up the whole of a tensor: their gradients are made in the place of its own. */
  readonly #homes = new Map<string, { of: string; map: ChannelMap }>();
  /** What has to follow the step that is planned. */
  #after: Step[] = [];

  /** Tensors that depend on something that is learned. */
  readonly #learned = new Set<string>();

  /** @param pass whose gradient it is; it has to have kept what that needs */
  constructor(private readonly context: PlanContext, private readonly learning: Learning | null = null, private readonly pass: Pass = "clean") {
    for (const node of context.nodes) if (this.#learns(node) || readsOf(node).some((tensor) => this.#learned.has(tensor))) this.#learned.add(node.output);
    const readers = new Map<string, FusedNode[]>();
    for (const node of context.nodes) for (const tensor of readsOf(node)) readers.set(tensor, [...(readers.get(tensor) ?? []), node]);
    for (const [tensor, nodes] of readers) {
      this.#pending.set(tensor, nodes.length);
      if (tensor !== context.output) this.#findHomes(tensor, nodes);
    }
    this.#pending.set(context.output, (this.#pending.get(context.output) ?? 0) + 1);
  }

  #learns({ node }: FusedNode): boolean {
    return this.learning !== null && (opOf(node).parameters?.(node) ?? []).some(({ tensor }) => this.learning!.learned(tensor) !== null);
  }

  /** Whether a gradient has to be brought to what a node reads. */
  #wantsInputs(fused: FusedNode): boolean {
    return !this.learning || this.learning.ofImages || readsOf(fused).some((tensor) => this.#learned.has(tensor));
  }

  #findHomes(tensor: string, readers: FusedNode[]): void {
    const shape = this.context.shapes.get(tensor)!;
    const slices = readers.map((reader) => ({ reader, map: opOf(reader.node).view?.(reader.node, [shape]) })).sort((a, b) => (a.map?.from ?? 0) - (b.map?.from ?? 0));
    let at = 0;
    for (const { map } of slices) {
      if (!map || map.radix !== 1 || map.from !== at || !viewOf(this.context.layout(tensor), map)) return;
      at += map.count;
    }
    if (at === shape.channels && slices.length > 1) for (const { reader, map } of slices) this.#homes.set(reader.output, { of: tensor, map: map! });
  }

  /** @param ofLogits gradient of the loss by the logits */
  steps(ofLogits: Place): Step[] {
    const { context } = this;
    this.#pass(context.output, ofLogits, false);
    const steps = this.#after.splice(0);
    for (const fused of context.nodes.toReversed()) {
      if (this.#joined.has(fused)) continue;
      if (this.learning && !this.learning.ofImages && !this.#learned.has(fused.output)) continue;
      const gradient = this.gradientOf(fused.output);
      if (fused.residual !== null) this.#pass(fused.residual, gradient, false);
      // The node may go on adding to what it handed the gradient on to.
      steps.push(...this.#after.splice(0));
      if (this.learning) steps.push(...(opOf(fused.node).weightGradient?.(fused.node, this.#learningSite(fused, gradient, this.learning)) ?? []));
      if (!this.#wantsInputs(fused)) continue;
      const own = this.#ownSteps(fused, gradient);
      steps.push(...own, ...this.#after.splice(0));
    }
    return steps;
  }

  /** Of the images, when the steps are planned. */
  gradientOf(tensor: string): Place {
    return this.#sums.get(tensor)!.place;
  }

  #gradient(tensor: string, suffix = ""): Place {
    return this.context.gradient(tensor, suffix, this.pass);
  }

  #ownSteps(fused: FusedNode, gradient: Place): Step[] {
    const home = this.#homes.get(fused.output);
    if (home) {
      // It was made in its place; the whole is there when its last part is.
      this.#pending.set(home.of, this.#pending.get(home.of)! - 1);
      this.#sums.set(home.of, { place: this.#gradient(home.of), isGated: true });
      return [];
    }
    const site = this.#site(fused, gradient);
    const pair = pairOf(this.context, fused);
    const joined = pair?.rule.inputGradient({ node: pair.first.node, site: this.#site(pair.first, gradient) }, { node: fused.node, site }) ?? null;
    if (pair && joined) this.#joined.add(pair.first);
    return joined ?? opOf(fused.node).inputGradient(fused.node, site);
  }

  #learningSite(fused: FusedNode, gradient: Place, { learned }: Learning): LearningSite {
    return { ...this.context.site(fused, "clean", `grad/${fused.output}`), gradient, kept: (name) => `clean/${fused.output}#${name}`, learned };
  }

  #site(fused: FusedNode, gradient: Place): GradientSite {
    const isGated = this.context.reluOf(fused.output) !== null;
    const { view, parts } = opOf(fused.node);
    return {
      ...this.context.site(fused, this.pass, this.#gradient(fused.output).resource),
      gradient,
      kept: (name) => `${this.pass}/${fused.output}#${name}`,
      target: (input, can) => this.#target(fused.inputs[input], can),
      // Behind a gate that is the input's, too, where channels are only moved.
      pass: (input, map) => this.#pass(fused.inputs[input], gradient, isGated && (view !== undefined || parts !== undefined), map),
      isSole: (input) => this.#pending.get(fused.inputs[input]) === 1 && !this.#sums.has(fused.inputs[input]) && this.context.reluOf(fused.inputs[input]) === null,
    };
  }

  #next(tensor: string, isGated: boolean): Next {
    const left = this.#pending.get(tensor)! - 1;
    this.#pending.set(tensor, left);
    const before = this.#sums.get(tensor);
    const relu = this.context.reluOf(tensor);
    const all = isGated && (before?.isGated ?? true);
    return { left, residual: before?.place ?? null, gate: left === 0 && relu && !all ? { place: this.context.place(this.pass, tensor), relu } : null, isGated: all };
  }

  /** Where the gradient of a tensor is made: the last contribution in the place of the whole, where it is a part of one. */
  #place(tensor: string, left: number): Place {
    const home = left === 0 ? this.#homes.get(tensor) : undefined;
    if (!home) return this.context.allocate(this.#gradient(tensor, left === 0 ? "" : `#${left}`));
    const whole = this.context.allocate(this.#gradient(home.of));
    return { ...whole, layout: viewOf(whole.layout, home.map)! };
  }

  /** A contribution that a step writes. */
  #target(tensor: string, can: { sum: boolean; gate: boolean }): Target {
    const { left, residual, gate, isGated } = this.#next(tensor, false);
    const place = this.#place(tensor, left);
    this.#sums.set(tensor, { place, isGated: isGated || gate !== null });
    // What follows this step can't be added by it.
    const isThere = !this.#after.some(({ writes }) => residual !== null && writes.includes(residual.resource));
    if ((residual === null || (can.sum && isThere)) && (gate === null || can.gate)) return { place, residual, gate };
    const alone = this.context.allocate(this.#gradient(tensor, `#${left}-alone`));
    this.#after.push(addStep("add gradients", alone, residual, place, { gate }));
    return { place: alone, residual: null, gate: null };
  }

  /** A contribution that is there already: an addition hands its gradient on as it is, and moved channels are those of the whole. */
  #pass(tensor: string, gradient: Place, isGated: boolean, map?: ChannelMap): void {
    const { left, residual, gate, isGated: isAllGated } = this.#next(tensor, isGated);
    const layout = map ? viewOf(gradient.layout, map) : gradient.layout;
    const isHome = left === 0 && this.#homes.has(tensor);
    if (layout && residual === null && gate === null && !isHome) {
      this.#sums.set(tensor, { place: { ...gradient, layout }, isGated: isAllGated });
      return;
    }
    const place = this.#place(tensor, left);
    this.#sums.set(tensor, { place, isGated: isAllGated || gate !== null });
    const ending: Ending = { residual, gate };
    if (layout) this.#after.push(addStep("add gradients", { ...gradient, layout }, null, place, ending));
    else this.#after.push(moveStep("move gradients", gradient, place, { first: 0, ...map! }, ending, true));
  }
}
