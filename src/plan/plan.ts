/**
 * Compiles a network and a set of filtered layers to steps: plain data that an executor runs. Names of what a step
 * reads and writes: `clean/x`, `grad/x`, `adv/x` tensors, `weights/x/forward|gradient|…` and `affine/x` of the node that makes x,
 * `intervals/layer`, `labels`, `results`.
 */
import type { BlockLayout } from "../layout/blocks.js";
import type { Architecture } from "../model/architecture.js";
import type { Attack } from "../ops/fgsm.js";
import type { Affine, Place, WeightPlan } from "../ops/common/site.js";
import { lossStep } from "../ops/softmax_loss.js";
import type { Step } from "../ops/common/step.js";
import { fgsmSteps, pgdLoop, type Loop } from "./attack.js";
import { BackwardPlanner } from "./backward.js";
import { type ContextOptions, PlanContext, type TensorPlan } from "./context.js";
import { forwardSteps } from "./forward.js";

export interface UnitPlan {
  /** Once per image tile: everything that does not depend on the filtered layers. */
  prefix: Step[];
  /** For every chunk of variants. */
  body: Step[];
  /** Behind the body, one after the other: attacks of several steps. */
  loops?: Loop[];
  tensors: Map<string, TensorPlan>;
  weights: Map<string, WeightPlan>;
  affines: Map<string, Affine>;
  /** Layers whose weights are filtered, in the order of `Interval[]`. */
  filtered: string[];
  blocksPerVariant: number;
  /** Images in a block. */
  blockImages: number;
  variants: number;
  passes: number;
  input: BlockLayout;
  /** Name of the logits: `clean/logits` and `adv/logits` are tensors. */
  logits: string;
  /** Resource of the input's gradient; null where there is none. */
  inputGradient: string | null;
  /** Tensors that are read when the steps are done; others may lie in one texture. */
  kept?: Set<string>;
}

export interface PlanOptions extends ContextOptions {
  /** False: no backward pass, and with it no attack; steps then keep nothing for it. */
  gradient?: boolean;
  /** One a pass. */
  attacks: Attack[];
  clamp: boolean;
  /** Steps of each attack, and whether it begins at a random place in the ball around the image, by seed; without it one step, FGSM. */
  pgd?: { steps: number; randomStart: number | null };
}

/** Every step of a plan once, in the order of their first time. */
export const stepsOf = ({ prefix, body, loops = [] }: UnitPlan): Step[] => [...prefix, ...body, ...loops.flatMap(({ first, steps, last }) => [...first, ...steps, ...last])];

/** What is done for every chunk of variants, loops as often as they go round. */
export const unrolledBody = ({ body, loops = [] }: UnitPlan): Step[] =>
  [...body, ...loops.flatMap(({ first, steps, times, last }) => [...first, ...Array.from({ length: times }, () => steps).flat(), ...last])];

/** @throws Error naming the layer whose input does not fit, and where the output is no vector of logits */
export function planUnit(network: Architecture, options: PlanOptions): UnitPlan {
  const context = new PlanContext(network, options);
  const { variants, blocksPerVariant, attacks, pgd } = options;
  // From a random place on, the gradient of the images themselves is none of the attack's.
  const gradient = options.gradient !== false && (pgd?.randomStart ?? null) === null;
  const { input } = network.graph;
  const logits = context.logits();
  const image = context.allocate(context.place("clean", input));

  const planned = forwardSteps(context, "clean", gradient);
  const prefix = planned.filter(({ isStacked }) => !isStacked).flatMap(({ steps }) => steps);
  const body = planned.filter(({ isStacked }) => isStacked).flatMap(({ steps }) => steps);
  const ofLogits = context.allocate(context.gradient(logits, "#loss"));
  body.push(lossStep(context.place("clean", logits), ofLogits, blocksPerVariant, 0));
  let ofInput: Place | null = null;
  if (gradient) {
    const backward = new BackwardPlanner(context);
    body.push(...backward.steps(ofLogits));
    ofInput = backward.gradientOf(input);
  }
  const loops: Loop[] = [];
  if (options.gradient !== false) {
    attacks.forEach((attack, pass) => {
      if (pgd) loops.push(pgdLoop(context, { input, gradient: ofInput, attack, pass, clamp: options.clamp, ...pgd }));
      else body.push(...fgsmSteps(context, { input, gradient: ofInput!, attack, pass, clamp: options.clamp }));
    });
  }
  return {
    prefix, body, ...(pgd && { loops }), tensors: context.tensors, weights: context.weights, affines: context.affines,
    filtered: options.filtered, blocksPerVariant, blockImages: image.layout.images, variants, passes: attacks.length + 1, input: image.layout, logits, inputGradient: ofInput?.resource ?? null,
  };
}
