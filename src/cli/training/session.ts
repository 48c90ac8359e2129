/** One process's work on the folder of one initialisation: opened (new, or gone on with), saved to, closed on every way out. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { trainingPickle } from "../../export/training.js";
import type { AdapterSummary } from "../../gpu/adapter.js";
import type { StateEntry } from "../../inputs/stateDict.js";
import type { OpenedTraining } from "../../inputs/training.js";
import type { Entry } from "../../io/checkpoints/entry.js";
import { encodeStateDict } from "../../io/checkpoints/stateDict.js";
import { parametersOf } from "../../model/graph.js";
import { identityOfDevice, type RunsOn } from "../../results/identity.js";
import { shownPath, versions } from "../../package.js";
import { replaceFile } from "../../results/folder/durable.js";
import type { FolderLock } from "../../results/folder/lock.js";
import { openTrainingFolder, type TrainingTree } from "../../results/training/folder.js";
import { identityOfConfig, newManifest, writeTrainingManifest, type TrainingIdentity, type TrainingManifest } from "../../results/training/manifest.js";
import { epochRow, readTrainingRows, writeTrainingRows, type TrainingRow } from "../../results/training/rows.js";
import { readState, stepOfState, writeState, type SavedState } from "../../results/training/state.js";
import { isSaved } from "../../train/config.js";
import type { TrainerState } from "../../train/trainer.js";
import { seedOf } from "../../train/random.js";
import type { Tested } from "../../train/testing.js";
import type { TrainedStep } from "../../train/training.js";
import type { Fault } from "../../sweep/recovery.js";
import { say } from "../terminal.js";
import type { TrainOptions } from "./options.js";

/** Behind epochs without a checkpoint the state is written when so much time has gone by. */
const WRITE_MS = 30_000;
/** Of the names in a checkpoint: the notebooks keep the network as `model` in theirs. */
const PREFIX = "model.";

export function identityOf({ config, seed }: TrainOptions, { architecture, graph, start, train, test }: OpenedTraining, programHash: string | null, fromHash: string | null, gpu: RunsOn, init: number): TrainingIdentity {
  const { name, width, channels, classes } = architecture;
  return {
    packageVersion: versions().package,
    ...identityOfDevice(gpu),
    network: { name, width, channels, classes, ...(graph && programHash && { program: programHash }), ...(start && fromHash && { from: fromHash }) },
    init,
    seed: { given: seed, own: seedOf(seed, init) },
    config: identityOfConfig(config),
    dataset: { name: train.name, images: train.images, sha256: train.sha256, normalisation: train.normalisation },
    test: test && { images: test.images, sha256: test.sha256 },
  };
}

export class TrainingSession {
  readonly folder: string;
  /** Steps that are done, and their rows. */
  step = 0;
  rows: TrainingRow[] = [];
  /** The network behind these steps, while it is trained here. */
  #saved: SavedState | null = null;
  #written = 0;
  #ended = false;
  readonly #began = performance.now();
  readonly #secondsBefore: number;

  private constructor(
    private readonly tree: TrainingTree,
    private readonly options: TrainOptions,
    private readonly opened: OpenedTraining,
    readonly manifest: TrainingManifest,
    private readonly lock: FolderLock,
    private readonly stepsPerEpoch: number,
  ) {
    this.folder = tree.init(this.init);
    this.#secondsBefore = manifest.seconds;
  }

  static async open(tree: TrainingTree, options: TrainOptions, opened: OpenedTraining, identity: TrainingIdentity, adapter: AdapterSummary, stepsPerEpoch: number): Promise<TrainingSession> {
    const onWait = ({ pid, host }: { pid: number; host: string }): void => say(`${tree.init(identity.init)}: process ${pid} on ${host} has fallen silent; waiting up to two minutes to see whether it is gone`);
    const { path, lock, earlier } = await openTrainingFolder({ tree, identity, overwrite: options.overwrite, resume: options.resume, onWait });
    try {
      const { name, vendor, architecture, description, backend, type, software } = adapter;
      const { epochs, saveEvery } = options.config;
      const manifest = newManifest({
        identity, epochs, save_every: saveEvery, versions: versions(),
        data: { files: opened.train.files.map(shownPath), test: (opened.test?.files ?? []).map(shownPath) },
        adapter: { name, vendor, architecture, description, backend, type, software },
      });
      const session = new TrainingSession(tree, options, opened, earlier ? { ...earlier, epochs, save_every: saveEvery, identity } : manifest, lock, stepsPerEpoch);
      if (earlier) session.#takeUp(path);
      if (session.complete) return session;
      if (earlier) session.manifest.resumed = [...earlier.resumed, new Date().toISOString()];
      Object.assign(session.manifest, { status: "running", ended: null });
      await writeTrainingManifest(path, session.manifest);
      return session;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** Reads what an earlier process saved. Files that it wrote behind its last state are written again. */
  #takeUp(path: string): void {
    const steps = stepOfState(join(path, this.tree.state));
    this.step = steps;
    this.rows = readTrainingRows(path).filter(({ step }) => step <= steps);
    if (this.rows.filter(({ kind }) => kind === "step").length !== steps) throw new InputError(join(path, "training.arrow"), `does not hold the ${steps} steps that ${this.tree.state} has behind it; put it back, or start the training anew with --overwrite`);
    this.#written = steps;
    const { manifest } = this;
    manifest.checkpoints = manifest.checkpoints.filter(({ epoch }) => epoch * this.stepsPerEpoch <= steps);
    manifest.steps_done = steps;
    manifest.epochs_done = Math.floor(steps / this.stepsPerEpoch);
  }

  get init(): number {
    return this.manifest.identity.init;
  }

  get seed(): number {
    return this.manifest.identity.seed.own;
  }

  /** What to go on from; null where nothing was saved yet. There may be gigabytes of it, so it is read when it is needed. */
  get saved(): SavedState | null {
    if (this.step === 0) return null;
    const shapes = new Map(parametersOf(this.opened.architecture.graph).map(({ tensor, shape }) => [tensor, shape]));
    return (this.#saved ??= readState(join(this.folder, this.tree.state), shapes));
  }

  set saved(saved: SavedState) {
    this.#saved = saved;
    this.step = saved.state.step;
  }

  /** Whether nothing is left to train. */
  get complete(): boolean {
    return this.step >= this.manifest.epochs * this.stepsPerEpoch;
  }

  add({ epoch, step, loss, correct, images, learningRate }: TrainedStep): void {
    this.rows.push({ kind: "step", epoch, step, loss, correct, images, learning_rate: learningRate, test_loss: null, test_correct: null, test_images: null });
  }

  /** Forgets the steps that were not saved: they are done again. @returns their images */
  rewind(): number {
    const lost = this.rows.filter(({ kind, step }) => kind === "step" && step > this.step);
    this.rows = this.rows.filter(({ step }) => step <= this.step);
    return lost.reduce((sum, { images }) => sum + images, 0);
  }

  /** Writes down an epoch, and its network where that is wanted. */
  async endEpoch(epoch: number, state: TrainerState, microBatch: number, test: Tested | null): Promise<TrainingRow> {
    const row = epochRow(this.rows.filter((each) => each.kind === "step" && each.epoch === epoch), test);
    this.rows.push(row);
    const { config } = this.options;
    // A later end of the same training is no reason for another checkpoint.
    if (isSaved(epoch, config)) await this.#checkpoint(epoch, state);
    this.manifest.epochs_done = epoch;
    this.saved = { state, microBatch };
    if (isSaved(epoch, config) || performance.now() - this.#lastWrite > WRITE_MS) await this.#write();
    return row;
  }
  #lastWrite = performance.now();

  /** Writes down the middle of an epoch. */
  async pause(state: TrainerState, microBatch: number): Promise<void> {
    this.saved = { state, microBatch };
    if (state.step !== this.#written) await this.#write();
  }

  async #checkpoint(epoch: number, { tensors, passes }: TrainerState): Promise<void> {
    const valueOf = (entry: StateEntry): Entry => (entry.kind === "trained" ? tensors.get(entry.tensor)! : entry.kind === "counter" ? entry.start + passes * entry.each : entry.value);
    const entries = new Map(this.opened.state.map((entry) => [PREFIX + entry.name, valueOf(entry)]));
    const file = this.tree.checkpoint(epoch, this.options.format);
    const bytes = encodeStateDict(entries, this.options.format);
    await this.lock.verify();
    await replaceFile(join(this.folder, file), bytes);
    const { manifest } = this;
    manifest.checkpoints = [...manifest.checkpoints.filter((each) => each.file !== file), { epoch, file, sha256: createHash("sha256").update(bytes).digest("hex") }];
  }

  /** The state last: what it is behind is there when it is. */
  async #write(): Promise<void> {
    const { identity } = this.manifest;
    await this.lock.verify();
    const { network, dataset, seed, init } = identity;
    await writeTrainingRows(this.folder, this.rows, { network: network.name, dataset: dataset.name, init: String(init), seed: String(seed.own), package_version: identity.packageVersion, adapter: identity.adapter, kernels: identity.kernels ?? "software" });
    await replaceFile(join(this.folder, this.tree.pickle(this.init)), trainingPickle(this.rows));
    this.manifest.steps_done = this.step;
    this.manifest.seconds = this.#seconds();
    await writeTrainingManifest(this.folder, this.manifest);
    await writeState(join(this.folder, this.tree.state), this.saved!);
    this.#written = this.step;
    this.#lastWrite = performance.now();
  }

  #seconds(): number {
    return this.#secondsBefore + (performance.now() - this.#began) / 1000;
  }

  /** Writes down that the device failed and what is done about it. */
  async noteFault({ kind, message, action }: Fault): Promise<void> {
    this.manifest.faults.push({ time: new Date().toISOString(), kind, message, action });
    await writeTrainingManifest(this.folder, this.manifest);
  }

  /** Leaves the folder: done, or so that the same command goes on. @param error what ended the work, if it was that */
  async end(error?: Error): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.lock.verify();
    if (!error && this.step !== this.#written) await this.#write();
    if (error) this.manifest.faults.push({ time: new Date().toISOString(), kind: "error", message: error.message, action: "ended" });
    Object.assign(this.manifest, { status: !error && this.complete ? "done" : "interrupted", ended: new Date().toISOString(), seconds: this.#seconds() });
    await writeTrainingManifest(this.folder, this.manifest);
    this.#saved = null;
  }

  async release(): Promise<void> {
    await this.lock.release();
  }
}
