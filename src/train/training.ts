/** One initialisation's training: epoch after epoch, step after step, from any step on. */
import { InferlinkError, EXIT } from "../errors.js";
import type { Batches } from "./batches.js";
import type { TrainingConfig } from "./config.js";
import { learningRate } from "./schedule.js";
import type { Trainer, TrainerState } from "./trainer.js";

/** What an epoch needs of whatever computes its steps; tests have a stand-in. */
export type Learner = Pick<Trainer, "step" | "onStep" | "drain" | "state" | "restore" | "largestGradient" | "close">;

/** What one step came to. Epochs and steps count from 1. */
export interface TrainedStep {
  epoch: number;
  step: number;
  loss: number;
  correct: number;
  images: number;
  learningRate: number;
}

export interface TrainingEvents {
  onStep(step: TrainedStep): void;
  /** An epoch is over, and this is the network. */
  onEpoch(epoch: number, state: TrainerState): Promise<void>;
  /** The middle of an epoch, for whoever wants to go on from there. */
  onPause(state: TrainerState): Promise<void>;
}

export interface TrainingJob {
  learner: Learner;
  batches: Batches;
  config: TrainingConfig;
  /** Steps that are done. */
  from: number;
  signal?: AbortSignal;
  /** Milliseconds of steps after which `onPause` is called. */
  pauseEvery?: number;
}

const PAUSE_MS = 60_000;

/** The loss is no number any more, and so is what was learned. */
export class DivergedError extends InferlinkError {
  constructor(readonly step: number, where: string) {
    super(where, EXIT.usage);
  }
}

/** What usually helps. */
const ADVICE = "try a lower --lr, --warm-up 1, or, with adversarial training, a lower --epsilon; what was saved before is as it was";

/** @throws DivergedError for a parameter that is no finite number */
function checkFinite({ tensors, step }: TrainerState): void {
  for (const [name, { data }] of tensors) {
    if (!data.every(Number.isFinite)) throw new DivergedError(step, `step ${step} left ${name} with numbers that are not finite; ${ADVICE}`);
  }
}

/**
 * Trains until the last epoch is over or the signal aborts; then what is queued is finished and `onPause` is called.
 * @returns whether the last epoch is over
 * @throws DivergedError when the loss is no finite number, and whatever the learner throws
 */
export async function trainEpochs({ learner, batches, config, from, signal, pauseEvery = PAUSE_MS }: TrainingJob, events: TrainingEvents): Promise<boolean> {
  const { stepsPerEpoch } = batches;
  const last = config.epochs * stepsPerEpoch;
  const rateOf = (step: number): number => learningRate(config.schedule, step, stepsPerEpoch, config.epochs);
  let told = from;
  let diverged: number | null = null;
  learner.onStep = ({ loss, correct, images }) => {
    const step = told++;
    if (diverged !== null) return;
    if (!Number.isFinite(loss)) diverged = step + 1;
    else events.onStep({ epoch: Math.floor(step / stepsPerEpoch) + 1, step: step + 1, loss, correct, images, learningRate: rateOf(step) });
  };
  const check = async (): Promise<void> => {
    if (diverged === null) return;
    const { tensor, value } = await learner.largestGradient();
    throw new DivergedError(diverged, `the loss is no number after step ${diverged} (epoch ${Math.ceil(diverged / stepsPerEpoch)}); the largest gradient is that of ${tensor.replace(/\.(?:weight|bias)$/, "")} (${value.toPrecision(3)}); ${ADVICE}`);
  };
  /** The network as it is when everything queued is done. */
  const settled = async (): Promise<TrainerState> => {
    await learner.drain();
    await check();
    const state = await learner.state();
    checkFinite(state);
    return state;
  };

  let paused = performance.now();
  for (let step = from; step < last; ) {
    if (signal?.aborted) {
      if (step > from) await events.onPause(await settled());
      return false;
    }
    const { images, labels } = batches.at(step);
    await learner.step(images, labels, rateOf(step));
    await check();
    step += 1;
    if (step % stepsPerEpoch === 0) {
      await events.onEpoch(step / stepsPerEpoch, await settled());
      paused = performance.now();
    } else if (performance.now() - paused > pauseEvery) {
      await events.onPause(await settled());
      paused = performance.now();
    }
  }
  return true;
}
