/**
 * Compiles a network to the steps of a training: parameters packed for the kernels, forward pass, loss, gradients of the parameters.
 * Beside what plan.ts names, steps read and write `parameters/N`, `gradients/N` (learned tensors in their arenas), `statistics`
 * (those that are counted) and `training` (seed, step and first image: what a dropout counts).
 */
import type { Architecture } from "../model/architecture.js";
import { type Attack, fgsmStep } from "../ops/fgsm.js";
import type { Site } from "../ops/common/site.js";
import { pgdStep, randomStartStep } from "../ops/pgd.js";
import { trainingLossStep } from "../ops/softmax_loss.js";
import { BackwardPlanner, type Learning } from "./backward.js";
import { type ContextOptions, PlanContext } from "./context.js";
import { forwardSteps } from "./forward.js";
import { isConstant, packAffineStep, packWeightsStep } from "./packing.js";
import type { UnitPlan } from "./plan.js";

export interface TrainingPlanOptions extends Omit<ContextOptions, "filtered" | "variants" | "batchNorm" | "training"> {
  learning: Pick<Learning, "learned"> & Pick<Site, "counted">;
  /** Images over which the loss is a mean: those of the whole batch, of which this plan may do a part. */
  batch: number;
  labelSmoothing: number;
  /** Share of this pass in the loss; 0: nothing is learned by it. By default all of it. */
  share?: number;
  /** Makes attacked images of the images, by the network as it is. */
  attack?: TrainingAttackStep | null;
}

export interface TrainingAttackStep {
  ball: Attack;
  clamp: boolean;
  /** One step of several: the images are where the last one left them, and those that are attacked lie at `originalImages`. */
  moving?: boolean;
  /** Of the first of them: a seed; null: the images. */
  randomStart?: number | null;
}

/** Where attacked images lie. */
export const attackedImages = (input: string): string => `adv/${input}`;

/** Where the images lie that an attack of several steps keeps close to. */
export const originalImages = (input: string): string => `original/${input}`;

/**
 * @returns prefix: the packing, once a step of the optimizer, and what begins a moving attack; body: what adds a part of the batch to the
 * gradients
 * @throws Error naming the layer whose input does not fit, and where the output is no vector of logits
 */
export function planTraining(network: Architecture, { learning, batch, labelSmoothing, share = 1, attack = null, ...options }: TrainingPlanOptions): UnitPlan {
  const context = new PlanContext(network, { ...options, filtered: [], variants: 1, batchNorm: "batch", training: true });
  const logits = context.logits();
  const image = context.allocate(context.place("clean", network.graph.input));
  const isLearned = share > 0;
  const body = forwardSteps(context, "clean", true, isLearned ? learning.counted : undefined).flatMap(({ steps }) => steps);
  const ofLogits = context.allocate(context.gradient(logits, "#loss"));
  body.push(trainingLossStep(context.place("clean", logits), ofLogits, (share || 1) / batch, labelSmoothing));
  const backward = new BackwardPlanner(context, { learned: isLearned ? learning.learned : () => null, ofImages: attack !== null });
  body.push(...backward.steps(ofLogits));
  const attacked = attack && context.allocate(context.place("adv", network.graph.input));
  const original = attack?.moving ? context.allocate({ ...image, resource: originalImages(network.graph.input) }) : image;
  if (attack && attacked) {
    const { ball, clamp, moving } = attack;
    const gradient = backward.gradientOf(network.graph.input);
    body.push(moving ? pgdStep({ image: original, moving: image, gradient, output: attacked, attack: ball, clamp }) : fgsmStep(image, gradient, attacked, ball, clamp));
  }
  const packing = [
    ...[...context.weights].map(([resource, plan]) => packWeightsStep(resource, plan, learning.learned)),
    ...[...context.affines].filter(([, affine]) => !isConstant(affine)).map(([resource, affine]) => packAffineStep(resource, affine, learning.learned)),
  ];
  const begin = attack?.moving && attack.randomStart != null ? [randomStartStep(original, image, attack.ball, attack.clamp, { seed: attack.randomStart, blocksPerVariant: options.blocksPerVariant })] : [];
  return {
    prefix: [...packing, ...begin], body, tensors: context.tensors, weights: context.weights, affines: context.affines, filtered: [], blocksPerVariant: options.blocksPerVariant, blockImages: image.layout.images,
    variants: 1, passes: 1, input: image.layout, logits, inputGradient: null, ...(attacked && { kept: new Set([attacked.resource]) }),
  };
}
