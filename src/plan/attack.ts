/** Attacks on a network: the images they make, and what the network answers then. */
import { addStep } from "../ops/add.js";
import type { Place } from "../ops/common/site.js";
import type { Step } from "../ops/common/step.js";
import { type Attack, fgsmStep } from "../ops/fgsm.js";
import { pgdStep, randomStartStep } from "../ops/pgd.js";
import { lossStep } from "../ops/softmax_loss.js";
import { BackwardPlanner } from "./backward.js";
import type { Pass, PlanContext } from "./context.js";
import { forwardSteps } from "./forward.js";

/** Steps that are done several times over, between others. */
export interface Loop {
  first: Step[];
  steps: Step[];
  times: number;
  last: Step[];
}

interface AttackPass {
  /** Tensor of the images. */
  input: string;
  /** Of the loss by the images as they are. */
  gradient: Place;
  attack: Attack;
  clamp: boolean;
  /** Place of its results, behind those of the clean pass. */
  pass: number;
}

/** The losses of a pass, and the gradient by its logits. */
function loss(context: PlanContext, pass: Pass, suffix: string, index: number): { step: Step; ofLogits: Place } {
  const { blocksPerVariant, variants } = context.options;
  const ofLogits = context.allocate(context.gradient(context.output, suffix, pass));
  return { step: lossStep(context.place(pass, context.output), ofLogits, blocksPerVariant, (index + 1) * blocksPerVariant * variants * ofLogits.layout.images), ofLogits };
}

/** One step along the sign of the gradient, and a forward pass. */
export function fgsmSteps(context: PlanContext, { input, gradient, attack, clamp, pass }: AttackPass): Step[] {
  const attacked = context.allocate(context.place("adv", input));
  const forward = forwardSteps(context, "adv", false).flatMap(({ steps }) => steps);
  return [fgsmStep(context.place("clean", input), gradient, attacked, attack, clamp), ...forward, loss(context, "adv", "#unused", pass).step];
}

interface PgdPass extends Omit<AttackPass, "gradient"> {
  /** Null: it begins at a random place. */
  gradient: Place | null;
  steps: number;
  /** Seed. */
  randomStart: number | null;
}

/**
 * Several steps along the sign of the gradient at the moving image, each projected back. The first one takes the gradient of the images
 * as they are, which is there already. A kernel can't write the texture that it reads, so the images are moved beside their place.
 */
export function pgdLoop(context: PlanContext, { input, gradient, attack, clamp, pass: index, steps, randomStart }: PgdPass): Loop {
  // Each strength has textures by names of its own, so that they may lie where an earlier one's lay.
  const pass: Pass = `adv${index || ""}`;
  const image = context.place("clean", input);
  const attacked = context.allocate(context.place(pass, input));
  const moved = context.allocate({ ...attacked, resource: `${attacked.resource}#moved` });
  const { step: lossOf, ofLogits } = loss(context, pass, "#loss", index);
  const forward = [...forwardSteps(context, pass, true).flatMap((node) => node.steps), lossOf];
  const backward = new BackwardPlanner(context, null, pass);
  const toImages = backward.steps(ofLogits);
  const move = pgdStep({ image, moving: attacked, gradient: backward.gradientOf(input), output: moved, attack, clamp });
  const begin = gradient ? pgdStep({ image, moving: image, gradient, output: attacked, attack, clamp }) : randomStartStep(image, attacked, attack, clamp, { seed: randomStart!, blocksPerVariant: context.options.blocksPerVariant });
  return {
    first: [begin],
    steps: [...forward, ...toImages, move, addStep("pgd images", moved, null, attacked, {})],
    times: gradient ? steps - 1 : steps,
    last: forward,
  };
}
