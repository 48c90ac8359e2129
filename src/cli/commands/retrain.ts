/** `retrain`: a finished sweep's networks, trained on with only chosen weights updated. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { curvesOf } from "../../analysis/curves.js";
import { needsMarks, updateText } from "../../analysis/update.js";
import { EXIT, InputError, UsageError } from "../../errors.js";
import { Profiler } from "../../gpu/profiler.js";
import { openTraining } from "../../inputs/training.js";
import { normalisedImages } from "../../inputs/normalisation.js";
import { openDataset } from "../../io/datasets/dataset.js";
import { datasetTitle } from "../../io/datasets/titles.js";
import type { Dataset } from "../../io/types.js";
import { isBoundByStores } from "../../plan/intensity.js";
import { loadRun, type LoadedRun } from "../../results/loadRun.js";
import { readRetraining, RETRAINING, writeRetraining } from "../../results/retraining/rows.js";
import { TrainingTree } from "../../results/training/folder.js";
import { openDevice } from "../../run/open.js";
import { checkTrainable } from "../../train/parts.js";
import type { Command } from "../command.js";
import { RETRAIN_FLAGS } from "../retraining/flags.js";
import { retrainOptions, type RetrainOptions } from "../retraining/options.js";
import { curvesAt } from "../retraining/selection.js";
import { openSession, placeOf, retrain as retrainOne, type Retraining, type Source } from "../retraining/work.js";
import { listenForInterruption } from "../running/signals.js";
import { grouped, note, plural, quoted } from "../terminal.js";
import { report } from "../training/ending.js";
import { TrainingProgress } from "../training/progress.js";
import type { TrainingSession } from "../training/session.js";
import { checkpointsOf, CheckpointFinder } from "../weights.js";
import { chosenEpsilon } from "./scoreMarks.js";

/** @throws InputError for a run that isn't finished, or lies without its manifest */
async function finishedRun(given: string): Promise<LoadedRun & { manifest: NonNullable<LoadedRun["manifest"]> }> {
  const run = await loadRun(given);
  const { manifest } = run;
  if (!manifest) throw new InputError(run.file, "lies without its manifest.json, which says what was swept; give the run's folder");
  if (!run.complete) throw new InputError(given, "is not finished; the same run command goes on, then retrain");
  return { ...run, manifest };
}

/** The checkpoints that are meant, opened. */
async function sourcesOf(run: Awaited<ReturnType<typeof finishedRun>>, options: RetrainOptions, epsilon: number): Promise<Source[]> {
  const { inits, epoch } = options;
  const chosen = run.manifest.checkpoints.filter((record) => (inits === null || inits.includes(record.init ?? 1)) && (epoch === null || record.epoch === epoch));
  if (chosen.length === 0) throw new UsageError(`${run.file}: none of its checkpoints is of ${inits === null ? "" : `init ${inits.join(", ")} `}${epoch === null ? "" : `epoch ${epoch}`}; leave --init and --epoch out for all`);
  const twice = chosen.find((record, i) => chosen.findIndex((other) => (other.init ?? 1) === (record.init ?? 1)) !== i);
  if (twice) throw new UsageError(`${run.file}: holds several checkpoints of initialisation ${twice.init ?? 1}; choose by --epoch, or make a run of the one that is meant`);
  const networks = [...new Set(chosen.map(({ network }) => network))];
  if (networks.length > 1) throw new UsageError(`${run.file}: holds several networks (${networks.join(", ")}); make a run of the one that is meant`);
  const finder = new CheckpointFinder(options.checkpoints);
  const find = checkpointsOf(run, finder);
  const curves = curvesOf(run.rows);
  const { identity } = run.manifest;
  const sources: Source[] = [];
  for (const { path, network, init } of chosen) {
    const checkpoint = find(path);
    if (typeof checkpoint === "string") throw new InputError(path, `${checkpoint}; say where it is by --checkpoint`);
    const training = options.training(checkpoint.path);
    const { inputs } = training;
    inputs.key ??= identity.key ?? null;
    inputs.stem = identity.stem ?? {};
    inputs.network = checkpoint.graph && { program: checkpoint.graph.path };
    // As the network was swept, unless something else is said.
    if (inputs.normalisation === null && identity.dataset.normalisation) inputs.normalisation = { ...identity.dataset.normalisation, options: ["--normalisation"] };
    const opened = await openTraining(inputs);
    if (!opened.test) throw new InputError(inputs.data, "has no test split, by which retrained networks are compared; add it");
    if (opened.start!.renewed.size > 0) throw new InputError(inputs.data, `has ${opened.train.classes} classes, and ${path} tells other ones apart; give the images that it was trained on`);
    sources.push({ path, checkpoint, network, dataset: opened.train.name, init, opened, training, curves: curvesAt(curves, path, epsilon), images: run.rows[0].images });
  }
  finder.checkUsed();
  return sources;
}

/** The images of the sweep, where it is to be made again. @throws InputError where they are others by now */
async function sweptImages({ manifest, file }: Awaited<ReturnType<typeof finishedRun>>, { training: { inputs } }: Source): Promise<Dataset> {
  const { dataset: { name, split, images, sha256, normalisation } } = manifest.identity;
  const { data, coarse, resize, crop } = inputs;
  const read = await openDataset(data, { dataset: inputs.dataset ?? undefined, split: split as "test" | "train", limit: images, coarse, resize: resize ?? undefined, crop: crop ?? undefined });
  if (read.sha256 !== sha256) throw new InputError(data, `holds other ${name} images (${split} split) than ${file} was swept over, so that marks can't be renewed; give those, or leave --rescore-every out`);
  return normalisedImages(read, [], normalisation ? { ...normalisation, options: [] } : null).dataset;
}

const firstImages = (dataset: Dataset, limit: number | null): Dataset => (limit === null || limit >= dataset.images ? dataset : { ...dataset, images: limit, labels: dataset.labels.subarray(0, limit) });

/** All retrainings in the tree, as one table. */
async function gather(tree: TrainingTree, out: string): Promise<string> {
  const found = readdirSync(tree.folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(RETRAINING)).sort((a, b) => a.localeCompare(b, "en", { numeric: true })).map((name) => readRetraining(join(tree.folder, name)));
  const { table: _, schema_version: __, ...metadata } = Object.fromEntries(found[0].metadata) as Record<string, string>;
  await writeRetraining(out, found.flatMap(({ rows }) => rows), metadata);
  return join(out, RETRAINING);
}

/** @returns the exit code */
export async function retrain(options: RetrainOptions, argv: string[]): Promise<number> {
  const started = performance.now();
  const run = await finishedRun(options.run);
  const epsilon = chosenEpsilon(run, options.marksEpsilon, "marks-epsilon");
  const attacks = options.attacks(run.manifest.identity.config);
  const sources = await sourcesOf(run, options, epsilon);
  const [first] = sources;
  const { config, out, quiet, deadline, adapter, kernels, json } = first.training;
  const stepsPerEpoch = Math.floor(first.opened.train.images / config.batch);
  if (stepsPerEpoch === 0) throw new UsageError(`--batch-size: a step takes ${config.batch} images, and there are ${first.opened.train.images}; lower it, or raise --limit`);
  for (const { opened, training } of sources) checkTrainable(opened.architecture, opened.train, { ...training.config, keepsStatistics: options.keepsStatistics });
  const test = firstImages(first.opened.test!, options.testLimit);
  const swept = options.rescoreEvery === null ? null : { dataset: await sweptImages(run, first), config: run.manifest.identity.config };
  const tree = new TrainingTree(out, first.opened.architecture.name, datasetTitle(first.opened.train.name));
  const gpu = await openDevice({ adapter: adapter ?? undefined, kernels, boundByStores: isBoundByStores(sources.map(({ opened }) => opened.architecture), first.opened.train) });
  const interruption = listenForInterruption(deadline, (what) => note({ quiet }, what === "deadline" ? "deadline: finishing what is in flight" : `${what}: finishing what is in flight; once more to end at once`));
  const profiler = first.training.profile ? new Profiler(gpu) : null;
  const sessions: TrainingSession[] = [];
  const retraining: Retraining = { options, run, attacks, swept, epsilon, test, shared: { argv, tree, gpu, interruption, started, keepsStatistics: options.keepsStatistics, profiler } };
  try {
    note({ quiet }, `${updateText(options.update)}${needsMarks(options.update) ? ` by ${options.by} response at epsilon ${epsilon}` : ""}: ${plural(sources.length, "checkpoint")}, ${plural(config.epochs, "epoch")} of ${grouped(stepsPerEpoch)} steps of ${config.batch} images, tested on ${grouped(test.images)}`);
    for (const source of sources) sessions.push(await openSession(retraining, source, stepsPerEpoch));
    const images = config.epochs * stepsPerEpoch * config.batch;
    const progress = quiet ? null : new TrainingProgress({ stream: process.stderr, inits: sources.map(placeOf), epochs: config.epochs, images: images * sources.length, done: sessions.reduce((sum, { step }) => sum + step * config.batch, 0) });
    const wasComplete = sessions.every(({ complete }) => complete);
    try {
      for (const [i, session] of sessions.entries()) {
        if (!session.complete && !interruption.signal.aborted) await retrainOne(retraining, sources[i], session, stepsPerEpoch, progress);
        await session.end();
      }
    } finally {
      progress?.end();
    }
    const isDone = sessions.every(({ complete }) => complete);
    if (isDone) await gather(tree, out);
    const engine = null as never;
    await report({ ...retraining.shared, engine, options: { ...first.training, inits: sources.map(placeOf), of: sources.length }, opened: first.opened, hashes: { program: null, from: first.checkpoint.sha256 }, stepsPerEpoch }, sessions, isDone ? "done" : "interrupted", wasComplete);
    if (isDone && !quiet && !json) process.stdout.write(`under attack: ${join(out, RETRAINING)}; side by side with others: wgpu-inferlink compare ${quoted([out])} …\n`);
    return isDone ? EXIT.done : (interruption.code() ?? EXIT.interrupted);
  } catch (error) {
    for (const session of sessions) if (!session.complete) await session.end(error as Error).catch(() => undefined);
    throw error;
  } finally {
    for (const session of sessions) await session.release();
    interruption.dispose();
    gpu.close();
  }
}

const DETAILS = `Marks every weight of a sweep's networks by what its window's removal did, and trains on with only the chosen ones updated:
the others keep their bytes. Needs the training images; the sweep has to be of all layers with the filter h_c.`;

export const retrainCommand: Command = {
  flags: RETRAIN_FLAGS,
  describe: (y) =>
    y
      .usage(`$0 retrain <run> --update WHAT --data DIR --out DIR [options]\n\n${DETAILS}`)
      .positional("run", { type: "string", description: "Folder of a finished run" })
      .example("$0 retrain runs/mine --update robust,antifragile --data MNIST/raw --epochs 2 --out selective", "")
      .example("$0 retrain runs/mine --update random:0.6 --data MNIST/raw --epochs 2 --out random", "The control")
      .example("$0 compare all selective random", "")
      .epilogue("Written: retraining.arrow, and Saved_models/… as `train` writes it, with the marks beside the checkpoints.\nExit codes: as of train."),
  run: (args, argv) => retrain(retrainOptions(args), argv),
};
