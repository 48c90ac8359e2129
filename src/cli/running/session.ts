/** One process's work on a run's or a shard's folder: opened (new, gone on with, given more checkpoints), closed on every way out. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import type { AdapterSummary } from "../../gpu/device.js";
import { hashCheckpoint } from "../../io/checkpoints/checkpoint.js";
import { shownPath, versions } from "../../package.js";
import { readLayers, RESULTS, ResultWriter } from "../../results/arrow/arrow.js";
import type { CheckpointRecord } from "../../results/folder/checkpoints.js";
import { identityOfDevice, type RunIdentity, type RunsOn } from "../../results/identity.js";
import { Journal, JournalReader, removeJournal } from "../../results/folder/journal.js";
import { resultMetadata, writeManifest, type Manifest } from "../../results/manifest.js";
import type { StemOptions } from "../../model/networks/family.js";
import { openRunFolder, removeDerived, type RunFolder } from "../../results/folder/runFolder.js";
import { variantCount } from "../../sweep/config.js";
import type { Fault } from "../../sweep/recovery.js";
import { FinishedUnits } from "../../sweep/finished.js";
import { shardName, shardUnits, type Shard } from "../../sweep/shards.js";
import type { OpenedInputs } from "../../inputs/inputs.js";
import type { SweepJob, SweepPlan } from "../../sweep/sweep.js";
import type { Unit } from "../../sweep/units.js";
import { Collector } from "./collector.js";
import type { RunOptions } from "../options.js";
import { say } from "../terminal.js";

export function identityOf(job: Omit<OpenedInputs, "layerOf">, gpu: RunsOn, shard: Shard | null, stem: StemOptions = {}): RunIdentity {
  const { dataset, graph } = job;
  const key = job.checkpoints[0]?.file.key ?? null;
  return {
    packageVersion: versions().package,
    ...identityOfDevice(gpu),
    config: job.config,
    ...(Object.keys(stem).length > 0 && { stem }),
    ...(key !== null && { key }),
    ...(graph && { graph: graph.sha256 }),
    dataset: { name: dataset.name, split: dataset.split, images: dataset.images, sha256: dataset.sha256, normalisation: dataset.normalisation },
    shard,
  };
}

const recordsOf = (job: SweepJob): CheckpointRecord[] =>
  job.checkpoints.map(({ path, file, network, init, epoch }) => ({ path, sha256: null, bytes: file.bytes, modified: file.modified, network, init, epoch }));

const costOf = (units: Unit[]): number => units.reduce((sum, unit) => sum + unit.cost, 0);

/** @param units those of this folder */
function newManifest(identity: RunIdentity, checkpoints: CheckpointRecord[], { layerOf, ...job }: OpenedInputs, plan: SweepPlan, units: Unit[], adapter: AdapterSummary, tiles: Manifest["tiles"]): Manifest {
  const { name, vendor, architecture, description, backend, type, software } = adapter;
  const layers: Record<string, string[]> = {};
  for (const { checkpoint, layer } of plan.units) {
    const names = (layers[job.checkpoints[checkpoint].network] ??= []);
    if (!names.includes(layer)) names.push(layer);
  }
  return {
    manifest_version: 1,
    status: "running",
    identity,
    checkpoints,
    ...(job.graph && { graph: shownPath(job.graph.path) }),
    data: { files: job.dataset.files.map(shownPath), normalisation: job.dataset.normalisation, ...(layerOf !== null && { normalisation_layer_of: shownPath(layerOf) }) },
    adapter: { name, vendor, architecture, description, backend, type, software },
    versions: versions(),
    units: units.length,
    cost: costOf(units),
    sweep: { units: plan.units.length, cost: costOf(plan.units), layers },
    networks: plan.networks,
    tiles,
    started: new Date().toISOString(),
    resumed: [],
    ended: null,
    rows: null,
  };
}

/** Whether the earlier process finished everything that is asked for, in the order asked for, and it is still there. */
async function isComplete(folder: string, earlier: Manifest, checkpoints: CheckpointRecord[]): Promise<boolean> {
  const sameOrder = earlier.checkpoints.length === checkpoints.length && earlier.checkpoints.every(({ path }, i) => path === checkpoints[i].path);
  if (earlier.status !== "done" || !sameOrder) return false;
  if (!earlier.identity.shard) return existsSync(join(folder, RESULTS));
  const journal = await JournalReader.open(folder, earlier.identity);
  return journal !== null && journal.contents.units.size === earlier.units;
}

export class Session {
  private constructor(
    readonly folder: string,
    /** Whether an earlier process finished everything. */
    readonly complete: boolean,
    private readonly opened: RunFolder,
    private readonly manifest: Manifest,
    private readonly work: { journal: Journal; writer: ResultWriter | null; collector: Collector } | null,
  ) {}

  static async open(options: RunOptions, job: OpenedInputs, plan: SweepPlan, gpu: RunsOn, tiles: Manifest["tiles"] = {}): Promise<Session> {
    const { shard } = options.part;
    const identity = identityOf(job, gpu, shard, options.stem);
    const checkpoints = recordsOf(job);
    const hash = ({ path }: CheckpointRecord): string => hashCheckpoint(job.checkpoints.find((source) => source.path === path)!.file.path);
    const opened = await openRunFolder({ out: options.out && shard ? join(options.out, shardName(shard)) : options.out, overwrite: options.overwrite, identity, checkpoints, hash, onWait: ({ pid, host }) => say(`${options.out}: process ${pid} on ${host} has fallen silent; waiting up to two minutes to see whether it is gone`) });
    const { path, earlier } = opened;
    let [journal, writer]: [Journal | null, ResultWriter | null] = [null, null];
    try {
      const units = shard ? shardUnits(plan.units, shard) : plan.units;
      const manifest = newManifest(identity, checkpoints, job, plan, units, gpu.adapter, tiles);
      if (earlier && (await isComplete(path, earlier, checkpoints))) {
        // Should the earlier process have ended just before it did. A shard's result is its journal.
        if (!shard) await removeJournal(path);
        return new Session(path, true, opened, earlier, null);
      }
      if (earlier) Object.assign(manifest, { started: earlier.started, resumed: [...earlier.resumed, new Date().toISOString()], ...(earlier.faults && { faults: earlier.faults }) });
      await writeManifest(path, manifest);
      journal = await Journal.open(path, identity);
      writer = shard ? null : await ResultWriter.open(path, resultMetadata(identity, checkpoints));
      const collector = new Collector(units, journal, writer && { writer, units: new FinishedUnits(job, plan) }, () => opened.lock.verify());
      if (existsSync(join(path, RESULTS))) {
        await removeDerived(path);
        for (const rows of await readLayers(join(path, RESULTS))) {
          const at = checkpoints.findIndex((record) => record.path === rows[0].checkpoint);
          const isOurs = units.some(({ checkpoint, layer }) => checkpoint === at && layer === rows[0].layer) && rows.length === variantCount(job.config) * job.config.epsilons.length;
          if (!isOurs) throw new InputError(join(path, RESULTS), "holds layers that are none of this run's; start the folder anew with --overwrite");
          await collector.carryOver(at, rows);
        }
      }
      await collector.restore(checkpoints.map(({ sha256 }) => sha256));
      return new Session(path, false, opened, manifest, { journal, writer, collector });
    } catch (error) {
      await Promise.allSettled([journal?.close(), writer?.close()]);
      await opened.lock.release();
      throw error;
    }
  }

  /** Null when there is nothing left to evaluate. */
  get collector(): Collector | null {
    return this.work?.collector ?? null;
  }

  /**
   * Notes what a checkpoint's weights were, before any of its units is written down.
   * @throws InputError when earlier units came from other weights
   */
  async loaded(checkpoint: number, sha256: string): Promise<void> {
    const record = this.manifest.checkpoints[checkpoint];
    if (record.sha256 === sha256) return;
    if (record.sha256 !== null) throw new InputError(record.path, "has changed since its first layers were evaluated; put the old file back, or start the folder anew with --overwrite");
    record.sha256 = sha256;
    await writeManifest(this.folder, this.manifest);
  }

  /** Writes down that the device failed and what is done about it. */
  async noteFault({ kind, message, action }: Fault): Promise<void> {
    (this.manifest.faults ??= []).push({ time: new Date().toISOString(), kind, message, action });
    await writeManifest(this.folder, this.manifest);
  }

  /** Puts the result in place; a shard's is its journal. */
  async finish(): Promise<void> {
    if (!this.work) return;
    const { writer, journal } = this.work;
    await this.opened.lock.verify();
    const rows = (await writer?.finish(resultMetadata(this.manifest.identity, this.manifest.checkpoints))) ?? null;
    await writeManifest(this.folder, { ...this.manifest, status: "done", ended: new Date().toISOString(), rows });
    await journal.close();
    if (writer) await removeJournal(this.folder);
  }

  /** Leaves the folder so that the same command goes on. @param error what ended the work, if it was that */
  async interrupt(error?: Error): Promise<void> {
    if (!this.work) return;
    await this.work.writer?.close();
    await this.work.journal.close();
    await this.opened.lock.verify();
    if (error) (this.manifest.faults ??= []).push({ time: new Date().toISOString(), kind: "error", message: error.message, action: "ended" });
    await writeManifest(this.folder, { ...this.manifest, status: "interrupted", ended: new Date().toISOString() });
  }

  async release(): Promise<void> {
    await this.opened.lock.release();
  }
}
