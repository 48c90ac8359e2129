/** How far a run or a shard is, read off its folder while another process works in it. No device is needed. */
import type { Shard } from "../sweep/shards.js";
import { chunksOf, usedImages } from "../sweep/units.js";
import { lockHolder } from "./folder/lock.js";
import type { Manifest } from "./manifest.js";
import { finishedKeys, layersOfSweep, openPart, type Part } from "./folder/parts.js";

/** `killed`: its process ended without a word; the same command goes on, as it does with an interrupted one. */
export type RunState = "not started" | "running" | "interrupted" | "killed" | "done";

export interface RunStatus {
  folder: string;
  state: RunState;
  shard: Shard | null;
  units: { done: number; left: number; total: number };
  /** Units of the whole sweep, of which a shard has a part. */
  sweepUnits: number;
  /** Checkpoints of which every unit is done here; null for a shard, which has parts of them. */
  checkpoints: { done: number; total: number } | null;
  /** Fraction of the multiply-adds. */
  fraction: number;
  /** Filtered networks x images a second, since its process started; null where nothing is known. */
  rate: number | null;
  /** Null where nothing is known. */
  secondsLeft: number | null;
  /** Who works in it. */
  process: { pid: number; host: string } | null;
  started: string | null;
  /** Starts after the first. */
  resumed: number;
  /** When the last unit was written down, or the run ended. */
  updated: string | null;
  /** Failures of the device, and what ended a process. */
  errors: NonNullable<Manifest["faults"]>;
}

/** Work per ms since the last start, by the times in the journal. */
function speed({ manifest, journal }: Part): { cost: number; networkImages: number } | null {
  const since = Date.parse(manifest.resumed.at(-1) ?? manifest.started);
  const images = new Map(chunksOf(manifest.identity.dataset.images, manifest.identity.config).map((chunk) => [chunk.firstImage, chunk.images]));
  let [last, cost, networkImages] = [since, 0, 0];
  for (const entry of journal?.contents.units.values() ?? []) {
    if (entry.time <= since) continue;
    last = Math.max(last, entry.time);
    cost += entry.cost;
    networkImages += entry.variants * (images.get(entry.firstImage) ?? 0);
  }
  return cost > 0 ? { cost: cost / (last - since), networkImages: networkImages / (last - since) } : null;
}

function doneCheckpoints(part: Part, keys: Set<string>): { done: number; total: number } {
  const open = new Set<number>();
  for (const layer of layersOfSweep(part.manifest)) if (layer.keys.some((key) => !keys.has(key))) open.add(layer.checkpoint);
  const total = part.manifest.checkpoints.length;
  return { done: total - open.size, total };
}

/** A run that was finished in one go says by its times how fast it was. */
function overallRate({ manifest }: Part): number | null {
  const { started, ended, resumed, networks, identity, units, sweep } = manifest;
  if (ended === null || resumed.length > 0 || manifest.merged) return null;
  const networkImages = networks * (units / sweep.units) * usedImages(identity.dataset.images, identity.config);
  return (1000 * networkImages) / Math.max(1, Date.parse(ended) - Date.parse(started));
}

/** @returns null where no run has begun */
export async function runStatus(folder: string): Promise<RunStatus | null> {
  const [holder, part] = [await lockHolder(folder), await openPart(folder, ({ status }) => status !== "done")];
  if (!part) return null;
  const { manifest, journal } = part;
  const isDone = manifest.status === "done";
  const keys = finishedKeys(part);
  const done = isDone ? manifest.units : Math.min(keys.size, manifest.units);
  const journaled = [...(journal?.contents.units.values() ?? [])].reduce((sum, { cost }) => sum + cost, 0);
  // Units out of an earlier result have no journal; the mean does for them.
  const carried = Math.max(0, done - (journal?.contents.units.size ?? 0)) * (manifest.cost / Math.max(1, manifest.units));
  const cost = isDone ? manifest.cost : Math.min(manifest.cost, journaled + carried);
  const rate = isDone ? null : speed(part);
  const last = [...(journal?.contents.units.values() ?? [])].reduce((latest, { time }) => Math.max(latest, time), 0);
  return {
    folder,
    state: isDone ? "done" : holder ? "running" : manifest.status === "interrupted" ? "interrupted" : "killed",
    shard: manifest.identity.shard,
    units: { done, left: manifest.units - done, total: manifest.units },
    sweepUnits: manifest.sweep.units,
    checkpoints: manifest.identity.shard ? null : isDone ? { done: manifest.checkpoints.length, total: manifest.checkpoints.length } : doneCheckpoints(part, keys),
    fraction: manifest.cost === 0 ? 1 : cost / manifest.cost,
    rate: isDone ? overallRate(part) : rate && 1000 * rate.networkImages,
    secondsLeft: isDone ? 0 : rate && (manifest.cost - cost) / rate.cost / 1000,
    process: holder && holder !== "unknown" ? { pid: holder.pid, host: holder.host } : null,
    started: manifest.started,
    resumed: manifest.resumed.length,
    updated: manifest.ended ?? (last > 0 ? new Date(last).toISOString() : null),
    errors: manifest.faults ?? [],
  };
}
