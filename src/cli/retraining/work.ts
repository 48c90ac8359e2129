/** One checkpoint's retraining: the loop of `train`, with chosen weights, tests under attack and marks that may be renewed. */
import { createHash } from "node:crypto";
import type { Curve } from "../../analysis/curves.js";
import { needsMarks, updateText } from "../../analysis/update.js";
import type { Gpu } from "../../gpu/device.js";
import type { OpenedTraining } from "../../inputs/training.js";
import type { Checkpoint, Dataset } from "../../io/types.js";
import type { Network } from "../../model/architecture.js";
import { PACKAGE_VERSION } from "../../package.js";
import type { LoadedRun } from "../../results/loadRun.js";
import { openDevice } from "../../run/open.js";
import type { SweepConfig } from "../../sweep/config.js";
import { Trainer } from "../../train/trainer.js";
import type { Learner } from "../../train/training.js";
import type { TrainOptions } from "../training/options.js";
import type { TrainingProgress } from "../training/progress.js";
import { identityOf, TrainingSession } from "../training/session.js";
import { trainInit, type TrainRun } from "../training/work.js";
import type { RetrainOptions } from "./options.js";
import { pulseCurves } from "./rescore.js";
import { Selection, type MarksOf } from "./selection.js";
import { NONE_UPDATED, RetrainingTests } from "./tests.js";

/** One of the run's checkpoints, found and opened. */
export interface Source {
  /** Path in the run's rows. */
  path: string;
  checkpoint: Checkpoint;
  network: string;
  dataset: string;
  init: number | null;
  opened: OpenedTraining;
  training: TrainOptions;
  /** At the strength that the marks go by. */
  curves: Curve[];
  images: number;
}

export interface Retraining {
  options: RetrainOptions;
  run: LoadedRun;
  attacks: SweepConfig[];
  /** The sweep's own images, where it is done again. */
  swept: { dataset: Dataset; config: SweepConfig } | null;
  epsilon: number;
  /** Images to test with. */
  test: Dataset;
  /** But for what is each checkpoint's own. */
  shared: Omit<TrainRun, "engine" | "options" | "opened" | "hashes" | "stepsPerEpoch">;
}

/** The network's place in the tree; a checkpoint whose path tells no initialisation is the first. */
export const placeOf = ({ init }: Source): number => init ?? 1;

const marksOf = ({ options: { by, band }, run, epsilon }: Retraining, { path, network, dataset, checkpoint, images }: Source): MarksOf =>
  ({ by, band, packageVersion: PACKAGE_VERSION, network, dataset, checkpoint: path, checkpointSha256: checkpoint.sha256, images, epsilon, results: run.metadata });

/** What two retrainings of one folder have to have in common, beside what two trainings have. */
function identityOfRetraining({ options, attacks, epsilon, test, swept }: Retraining, { curves, path, checkpoint }: Source): Record<string, unknown> {
  const { update, by, band, also, keepsStatistics, rescoreEvery } = options;
  const curvesHash = createHash("sha256").update(JSON.stringify(curves)).digest("hex");
  return { checkpoint: path, checkpointSha256: checkpoint.sha256, update: updateText(update), also, keepsStatistics, rescoreEvery, ...(needsMarks(update) && { by, band, epsilon, curves: curvesHash }), ...(swept && { swept: swept.dataset.sha256 }), attacks: Object.fromEntries(attacks.map((config) => [config.attack ?? "fgsm", config])), testImages: test.images };
}

export function openSession(retraining: Retraining, source: Source, stepsPerEpoch: number): Promise<TrainingSession> {
  const { shared: { gpu, tree } } = retraining;
  const { opened, training, checkpoint } = source;
  const identity = { ...identityOf(training, opened, null, checkpoint.sha256, gpu, placeOf(source)), retraining: identityOfRetraining(retraining, source) };
  return TrainingSession.open(tree, training, opened, identity, gpu.adapter, stepsPerEpoch);
}

/** @returns when the last epoch is over, or the run was interrupted and everything is saved */
export async function retrain(retraining: Retraining, source: Source, session: TrainingSession, stepsPerEpoch: number, progress: TrainingProgress | null): Promise<void> {
  const { options, shared, swept, test, attacks, run, epsilon } = retraining;
  const { opened, training, checkpoint, curves } = source;
  const { architecture } = opened;
  const before: Network = { ...architecture, tensors: checkpoint.tensors };
  const done = Math.floor(session.step / stepsPerEpoch);
  const selection = await Selection.open(before, curves, { update: options.update, also: options.also, seed: session.seed, source: marksOf(retraining, source), file: run.file }, session.folder, shared.tree, done);
  const rowSource = { network: source.network, dataset: source.dataset, checkpoint: source.path, init: source.init, seed: options.seed, variant: updateText(options.update), by: needsMarks(options.update) ? options.by : null };
  const metadata = { package_version: PACKAGE_VERSION, adapter: shared.gpu.adapter.name, kernels: shared.gpu.kernels, epsilon_space: attacks[0].epsilonSpace, clamp: String(attacks[0].clamp), attacks: JSON.stringify(attacks.map(({ attack = "fgsm", steps, stepSize, randomStart }) => ({ attack, steps, stepSize, randomStart }))) };
  const tests = new RetrainingTests(session.folder, rowSource, attacks, metadata, done);
  if (!tests.has(0)) await tests.add(shared.gpu, before, test, 0, { ...NONE_UPDATED, weights: selection.counts().weights });
  const renew = async (network: Network, epoch: number): Promise<void> => selection.renew(network, await pulseCurves(shared.gpu, network, swept!.dataset, swept!.config, epsilon), epoch);
  const isRenewed = (epoch: number): boolean => swept !== null && epoch > 0 && epoch % options.rescoreEvery! === 0 && epoch < training.config.epochs;
  // Where a training ends nothing is renewed; one that is prolonged makes up for it.
  if (isRenewed(done) && session.saved && !selection.has(done)) await renew({ ...architecture, tensors: session.saved.state.tensors }, done);
  let trainer: Trainer | null = null;
  let steps = session.step;
  const engine: TrainRun["engine"] = {
    openDevice,
    async openLearner(gpu: Gpu, network: Network, _run, seed: number, microBatch: number): Promise<Learner> {
      const { config } = training;
      const { channels, height, width } = opened.train;
      trainer = await Trainer.open(gpu, network, { optimizer: config.optimizer, batch: config.batch, microBatch, labelSmoothing: config.labelSmoothing, seed, profiler: shared.profiler, update: selection.numbers(), keepsStatistics: shared.keepsStatistics }, { channels, height, width });
      return stepCounter(trainer, (step) => (steps = step));
    },
    async testNetwork(gpu, network) {
      const epoch = steps / stepsPerEpoch;
      const tested = await tests.add(gpu, network, test, epoch, selection.counts());
      if (isRenewed(epoch)) {
        await renew(network, epoch);
        trainer!.choose(selection.numbers());
      }
      return tested;
    },
  };
  await trainInit({ ...shared, engine, options: training, opened: { ...opened, test }, hashes: { program: null, from: checkpoint.sha256 }, stepsPerEpoch }, session, progress);
}

/** A learner that tells how many steps are behind the state it gave last. */
function stepCounter(trainer: Trainer, onState: (step: number) => void): Learner {
  return {
    step: (images, labels, rate) => trainer.step(images, labels, rate),
    get onStep() {
      return trainer.onStep;
    },
    set onStep(tell) {
      trainer.onStep = tell;
    },
    drain: () => trainer.drain(),
    async state() {
      const state = await trainer.state();
      onState(state.step);
      return state;
    },
    restore: (state) => trainer.restore(state),
    largestGradient: () => trainer.largestGradient(),
    close: () => trainer.close(),
  };
}
