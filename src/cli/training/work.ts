/** One initialisation from its beginning, or from what was saved, to its last epoch; a device that fails is tried again. */
import { pgdOf, stepOf } from "../../sweep/attack.js";
import type { Gpu } from "../../gpu/device.js";
import type { Profiler } from "../../gpu/profiler.js";
import type { OpenedTraining } from "../../inputs/training.js";
import type { Dataset, Tensor } from "../../io/types.js";
import type { Network } from "../../model/architecture.js";
import type { openDevice } from "../../run/open.js";
import type { TrainingRow } from "../../results/training/rows.js";
import type { TrainingTree } from "../../results/training/folder.js";
import { Recovery, type Cuttable } from "../../sweep/recovery.js";
import { Batches } from "../../train/batches.js";
import { initialTensors } from "../../train/initialise.js";
import type { testNetwork } from "../../train/testing.js";
import type { TrainingConfig } from "../../train/config.js";
import { isTrainable } from "../../train/parts.js";
import type { TrainingAttack } from "../../train/batchPlans.js";
import { Trainer } from "../../train/trainer.js";
import { trainEpochs, type Learner } from "../../train/training.js";
import type { Interruption } from "../running/signals.js";
import { plural } from "../terminal.js";
import type { TrainOptions } from "./options.js";
import type { TrainingProgress } from "./progress.js";
import type { TrainingSession } from "./session.js";

/** What computes. Tests of everything around it put a stand-in here. */
export interface TrainEngine {
  openDevice: typeof openDevice;
  openLearner: typeof openLearner;
  testNetwork: typeof testNetwork;
}

/** Everything of trainings that are on their way. */
export interface TrainRun {
  engine: TrainEngine;
  options: TrainOptions;
  argv: string[];
  opened: OpenedTraining;
  hashes: { program: string | null; from: string | null };
  tree: TrainingTree;
  gpu: Gpu;
  stepsPerEpoch: number;
  interruption: Interruption;
  started: number;
  /** Running statistics keep their bytes: a retraining may ask for it. */
  keepsStatistics: boolean;
  /** Null without --profile. */
  profiler: Profiler | null;
}

/** The attack in units of the normalised input, by channel. */
function attackOf({ adversarial }: TrainingConfig, { channels, normalisation }: Dataset): TrainingAttack | null {
  if (!adversarial) return null;
  const { epsilon, epsilonSpace, mix } = adversarial;
  const inInput = (value: number): number[] => perChannel((channel) => (epsilonSpace === "pixel" ? value / deviation(channel) : value));
  const deviation = (channel: number): number => normalisation?.std[channel] ?? 1;
  const mean = (channel: number): number => normalisation?.mean[channel] ?? 0;
  const perChannel = (value: (channel: number) => number): number[] => Array.from({ length: 4 }, (_, channel) => (channel < channels ? value(channel) : 0));
  const pgd = pgdOf(adversarial);
  const ball = {
    epsilon: inInput(epsilon),
    ...(pgd && { step: inInput(stepOf(adversarial, epsilon)) }),
    low: perChannel((channel) => (0 - mean(channel)) / deviation(channel)),
    high: perChannel((channel) => (1 - mean(channel)) / deviation(channel)),
  };
  return { ball, pgd, clamp: adversarial.clamp, mix };
}

/** @param microBatch images that are computed at once */
export function openLearner(gpu: Gpu, network: Network, { options: { config }, opened: { train }, keepsStatistics, profiler }: TrainRun, seed: number, microBatch: number): Promise<Learner> {
  const { optimizer, batch, labelSmoothing } = config;
  const { channels, height, width } = train;
  return Trainer.open(gpu, network, { optimizer, batch, microBatch, labelSmoothing, seed, profiler, keepsStatistics, attack: attackOf(config, train) }, { channels, height, width });
}

/** Parameters as they are before the first step. */
function beginning({ architecture, start }: OpenedTraining, seed: number): Map<string, Tensor> {
  const tensors = initialTensors(architecture, seed);
  if (!start) return tensors;
  return new Map([...tensors].map(([name, tensor]) => [name, start.renewed.has(name) ? tensor : start.checkpoint.tensors.get(name)!]));
}

/** @returns when the last epoch is over, or the run was interrupted and everything is saved */
export async function trainInit(run: TrainRun, session: TrainingSession, progress: TrainingProgress | null): Promise<void> {
  const { engine, options: { config }, opened, gpu, interruption, keepsStatistics } = run;
  const { architecture, train, test } = opened;
  const { batch, order, augment } = config;
  let microBatch = session.saved?.microBatch ?? config.microBatch;
  let learner: Learner | null = null;
  const cut: Cuttable = {
    async shrink() {
      const smaller = Math.ceil(microBatch / 2);
      if (microBatch === 1 || !isTrainable(architecture, train, { batch, microBatch: smaller, keepsStatistics })) return false;
      microBatch = smaller;
      return true;
    },
    get cutText() {
      return plural(microBatch, "image");
    },
  };
  const recovery = new Recovery(gpu, async (fault) => {
    progress?.note(`${fault.message}; ${fault.action}`);
    await session.noteFault(fault);
  });
  const batches = new Batches(train, { batch, order, augment, seed: session.seed });
  progress?.begin(session.init);
  for (;;) {
    try {
      const tensors = session.saved?.state.tensors ?? beginning(opened, session.seed);
      learner = await engine.openLearner(gpu, { ...architecture, tensors }, run, session.seed, microBatch);
      if (session.saved) learner.restore(session.saved.state);
      await trainEpochs({ learner, batches, config, from: session.step, signal: interruption.signal }, {
        onStep(step) {
          session.add(step);
          progress?.step(step);
        },
        async onEpoch(epoch, state) {
          if (test) progress?.testing();
          const tested = test && (await engine.testNetwork(gpu, { ...architecture, tensors: state.tensors }, test));
          const row = await session.endEpoch(epoch, state, microBatch, tested);
          progress?.note(epochText(session.init, row));
        },
        onPause: (state) => session.pause(state, microBatch),
      });
      return;
    } catch (error) {
      learner?.close();
      learner = null;
      await recovery.after(error, cut);
      const again = session.rewind();
      progress?.begin(session.init, again);
    } finally {
      learner?.close();
    }
  }
}

/** `Init_2, epoch 4: loss 0.0312, 98.9 % right; test loss 0.0401, 98.6 % right` */
function epochText(init: number, { epoch, loss, correct, images, test_loss, test_correct, test_images }: TrainingRow): string {
  const right = (of: number, all: number): string => `${((100 * of) / all).toFixed(2)} % right`;
  const test = test_images ? `; test loss ${test_loss!.toFixed(4)}, ${right(test_correct!, test_images)}` : "";
  return `Init_${init}, epoch ${epoch}: loss ${loss.toFixed(4)}, ${right(correct, images)}${test}`;
}
