/** One process's work on a run folder: opened (new or gone on with), closed on every way out. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { AdapterSummary } from "../gpu/device.js";
import { RESULTS, ResultWriter } from "../results/arrow.js";
import type { RunIdentity } from "../results/identity.js";
import { Journal, removeJournal } from "../results/journal.js";
import { writeManifest, type Manifest } from "../results/manifest.js";
import { openRunFolder, type RunFolder } from "../results/runFolder.js";
import type { Fault } from "../sweep/recovery.js";
import type { SweepJob, SweepPlan } from "../sweep/sweep.js";
import { Collector } from "./collector.js";
import { shownPath, versions } from "../package.js";
import type { RunOptions } from "./options.js";

export function identityOf(job: SweepJob, adapter: AdapterSummary): RunIdentity {
  const { dataset } = job;
  return {
    packageVersion: versions().package,
    adapter: `${adapter.name} (${adapter.backend})`,
    config: job.config,
    dataset: { name: dataset.name, split: dataset.split, images: dataset.images, sha256: dataset.sha256 },
    checkpoints: job.checkpoints.map(({ path, checkpoint, network, init, epoch }) => ({ path, sha256: checkpoint.sha256, network, init, epoch })),
  };
}

function newManifest(identity: RunIdentity, job: SweepJob, plan: SweepPlan, adapter: AdapterSummary): Manifest {
  const { name, vendor, architecture, description, backend, type, software } = adapter;
  return {
    manifest_version: 1,
    status: "running",
    identity,
    data: { files: job.dataset.files.map(shownPath), normalisation: job.dataset.normalisation },
    adapter: { name, vendor, architecture, description, backend, type, software },
    versions: versions(),
    units: plan.units.length,
    networks: plan.networks,
    started: new Date().toISOString(),
    resumed: [],
    ended: null,
    rows: null,
  };
}

export class Session {
  private constructor(
    readonly folder: string,
    /** Whether an earlier process finished everything. */
    readonly complete: boolean,
    private readonly opened: RunFolder,
    private readonly manifest: Manifest,
    private readonly work: { journal: Journal; writer: ResultWriter; collector: Collector } | null,
  ) {}

  static async open(options: RunOptions, job: SweepJob, plan: SweepPlan, adapter: AdapterSummary): Promise<Session> {
    const identity = identityOf(job, adapter);
    const opened = await openRunFolder({ out: options.out, overwrite: options.overwrite, network: job.checkpoints[0].network, identity });
    const { path, earlier } = opened;
    try {
      const manifest = earlier ?? newManifest(identity, job, plan, adapter);
      if (earlier?.status === "done" && existsSync(join(path, RESULTS))) return new Session(path, true, opened, manifest, null);
      if (earlier) Object.assign(manifest, { status: "running", ended: null, rows: null, resumed: [...earlier.resumed, new Date().toISOString()] });
      await writeManifest(path, manifest);
      const journal = await Journal.open(path, identity);
      const writer = await ResultWriter.open(path, {
        packageVersion: identity.packageVersion,
        adapter: identity.adapter,
        batchNorm: job.config.batchNorm,
        epsilonSpace: job.config.epsilonSpace,
        datasetSha256: identity.dataset.sha256,
        checkpointSha256: Object.fromEntries(identity.checkpoints.map((entry) => [entry.path, entry.sha256])),
      });
      const collector = new Collector(job, plan, journal, writer);
      await collector.restore();
      return new Session(path, false, opened, manifest, { journal, writer, collector });
    } catch (error) {
      await opened.lock.release();
      throw error;
    }
  }

  /** Null when there is nothing left to evaluate. */
  get collector(): Collector | null {
    return this.work?.collector ?? null;
  }

  /** Writes down that the device failed and what is done about it. */
  async noteFault({ kind, message, action }: Fault): Promise<void> {
    (this.manifest.faults ??= []).push({ time: new Date().toISOString(), kind, message, action });
    await writeManifest(this.folder, this.manifest);
  }

  /** Puts the result in place. */
  async finish(): Promise<void> {
    if (!this.work) return;
    const rows = await this.work.writer.finish();
    await writeManifest(this.folder, { ...this.manifest, status: "done", ended: new Date().toISOString(), rows });
    await this.work.journal.close();
    await removeJournal(this.folder);
  }

  /** Leaves the folder so that the same command goes on. */
  async interrupt(): Promise<void> {
    if (!this.work) return;
    await this.work.writer.close();
    await this.work.journal.close();
    await writeManifest(this.folder, { ...this.manifest, status: "interrupted", ended: new Date().toISOString() });
  }

  async release(): Promise<void> {
    await this.opened.lock.release();
  }
}
