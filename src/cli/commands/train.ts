/** `train`: inputs, device, and for each initialisation a folder, its epochs, its checkpoints. */
import { EXIT, UsageError } from "../../errors.js";
import { Profiler } from "../../gpu/profiler.js";
import { hashCheckpoint } from "../../io/checkpoints/checkpoint.js";
import { normalisationText } from "../../io/datasets/normalise.js";
import { datasetTitle } from "../../io/datasets/titles.js";
import { openTraining } from "../../inputs/training.js";
import { isBoundByStores } from "../../plan/intensity.js";
import { openDevice } from "../../run/open.js";
import { TrainingTree } from "../../results/training/folder.js";
import { checkTrainable } from "../../train/parts.js";
import { testNetwork } from "../../train/testing.js";
import type { Command } from "../command.js";
import { deviceText } from "../running/device.js";
import { listenForInterruption } from "../running/signals.js";
import { grouped, note, plural } from "../terminal.js";
import { again, report } from "../training/ending.js";
import { TRAIN_FLAGS } from "../training/flags.js";
import { trainOptions, type TrainOptions } from "../training/options.js";
import { TrainingProgress } from "../training/progress.js";
import { identityOf, TrainingSession } from "../training/session.js";
import { openLearner, trainInit, type TrainEngine, type TrainRun } from "../training/work.js";

function announce({ options, opened, gpu, tree, stepsPerEpoch }: TrainRun): void {
  const { architecture, train, test, notes } = opened;
  const { name, width } = architecture;
  const { epochs, batch, optimizer } = options.config;
  for (const text of notes) note(options, text);
  if (options.note) note(options, options.note);
  const inits = options.inits.map((init) => `Init_${init}`).join(", ");
  note(options, `${name} of width ${width} on ${grouped(train.images)} ${train.name} images (${train.normalisation ? normalisationText(train.normalisation) : "normalised already"}), tested on ${test ? grouped(test.images) : "none"}`);
  note(options, `${inits}: ${plural(epochs, "epoch")} of ${grouped(stepsPerEpoch)} steps of ${batch} images, ${optimizer.kind}, learning rate ${options.config.schedule.rate}`);
  note(options, `${deviceText(gpu)}, writing ${tree.folder}`);
}

async function work(run: TrainRun): Promise<number> {
  const { options, stepsPerEpoch, interruption } = run;
  const { config, quiet } = options;
  announce(run);
  const sessions: TrainingSession[] = [];
  const begun = async (init: number): Promise<TrainingSession> => {
    const session = await TrainingSession.open(run.tree, options, run.opened, identityOf(options, run.opened, run.hashes.program, run.hashes.from, run.gpu, init), run.gpu.adapter, stepsPerEpoch);
    sessions.push(session);
    return session;
  };
  try {
    // All at once: what is in the way of the last one shouldn't come out days later.
    for (const init of options.inits) await begun(init);
    const perInit = config.epochs * stepsPerEpoch * config.batch;
    const before = sessions.reduce((sum, { step }) => sum + Math.min(perInit, step * config.batch), 0);
    if (before > 0) note(options, `going on: ${grouped(before / config.batch)} of ${grouped((perInit * sessions.length) / config.batch)} steps were done before`);
    const left = sessions.filter(({ complete }) => !complete);
    const progress = quiet || left.length === 0 ? null : new TrainingProgress({ stream: process.stderr, inits: options.inits, epochs: config.epochs, images: perInit * sessions.length, done: before });
    try {
      for (const session of left) {
        if (interruption.signal.aborted) break;
        await trainInit(run, session, progress);
        await session.end();
      }
    } finally {
      progress?.end();
    }
    const isDone = sessions.every(({ complete }) => complete);
    for (const session of left) await session.end();
    await report(run, sessions, isDone ? "done" : "interrupted", left.length === 0);
    return isDone ? EXIT.done : (interruption.code() ?? EXIT.interrupted);
  } catch (error) {
    for (const session of sessions) if (!session.complete) await session.end(error as Error).catch(() => undefined);
    if (sessions.some(({ step }) => step > 0)) note(options, `what was saved is kept. To go on: ${again(run)}`);
    throw error;
  } finally {
    for (const session of sessions) await session.release();
  }
}

/** @returns the exit code */
export async function train(options: TrainOptions, argv: string[], engine: TrainEngine = { openDevice, openLearner, testNetwork }): Promise<number> {
  const started = performance.now();
  const opened = await openTraining(options.inputs);
  const stepsPerEpoch = Math.floor(opened.train.images / options.config.batch);
  if (stepsPerEpoch === 0) throw new UsageError(`--batch-size: a step takes ${options.config.batch} images, and there are ${opened.train.images}; lower it${options.inputs.limit === null ? "" : ", or raise --limit"}`);
  checkTrainable(opened.architecture, opened.train, options.config);
  const { adversarial } = options.config;
  if (adversarial && !opened.train.normalisation && (adversarial.clamp || adversarial.epsilonSpace === "pixel")) throw new UsageError("--adversarial: these images come normalised already, so their pixel range is unknown: use --epsilon-space input without --clamp");
  const { from } = options.inputs;
  const hashes = { program: opened.graph?.sha256 ?? null, from: from === null ? null : hashCheckpoint(from) };
  const tree = new TrainingTree(options.out, opened.architecture.name, datasetTitle(opened.train.name));
  const gpu = await engine.openDevice({ adapter: options.adapter ?? undefined, kernels: options.kernels, boundByStores: isBoundByStores([opened.architecture], opened.train) });
  try {
    const interruption = listenForInterruption(options.deadline, (what) => note(options, what === "deadline" ? "deadline: finishing what is in flight" : `${what}: finishing what is in flight; once more to end at once`));
    try {
      return await work({ engine, options, argv, opened, hashes, tree, gpu, stepsPerEpoch, interruption, started, keepsStatistics: false, profiler: options.profile ? new Profiler(gpu) : null });
    } finally {
      interruption.dispose();
    }
  } finally {
    gpu.close();
  }
}

const DETAILS = `Trains networks from the beginning (or --from a checkpoint) on the adapter, several initialisations one after the other,
and writes a checkpoint every few epochs into the tree that run --saved-models takes.`;

export const trainCommand: Command = {
  flags: TRAIN_FLAGS,
  describe: (y) =>
    y
      .usage(`$0 train [options]\n\n${DETAILS}`)
      .example("$0 train --network ResNet18 --data MNIST/raw --epochs 10", "Three of them, as the notebooks train them")
      .example("$0 train --network SqueezeNet1_1 --data cifar-10-batches-py --augment crop,flip --optimizer sgd --lr 0.1 --momentum 0.9 --schedule cosine", "")
      .example("$0 train --network ResNet18 --data MNIST/raw --init 2 --out study", "One initialisation a task")
      .example("$0 train --from net.ckpt --data MNIST/raw --lr 1e-4 --epochs 5 --inits 1", "Fine-tuning")
      .epilogue("Written: Saved_models/<network>/<dataset>/Init_<i>/ with checkpoints, training.arrow, training.json, a .state to go on from and the\nnotebooks' pickle; training.html and training.svg beside them.\nExit codes: 0 done, 2 usage (also a loss that is no number), 65 bad input, 69 no usable adapter, 74 file system, 75 try again, 130 interrupted, 143 terminated, 1 a bug."),
  run: (args, argv) => train(trainOptions(args), argv),
};
