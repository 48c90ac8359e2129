/** The folder of one run: made, found again or refused; held by one process; and what lies in it. */
import { randomBytes } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors.js";
import { isShardName } from "../../sweep/shards.js";
import { FORMATS } from "../../tables/format.js";
import { PARTIAL, RESULTS } from "../arrow/arrow.js";
import { takeHashes, type CheckpointRecord } from "./checkpoints.js";
import { makeFolder, makeOneFolder, onFile } from "./durable.js";
import { differences, type RunIdentity } from "../identity.js";
import { JOURNAL } from "./journal.js";
import { FolderLock, LOCK, type Owner } from "./lock.js";
import { MANIFEST, readManifest, type Manifest } from "../manifest.js";

export interface FolderRequest {
  /** As the user gave it; null: a new folder under runs/. */
  out: string | null;
  overwrite: boolean;
  identity: RunIdentity;
  /** At least one; those that an earlier run hashed get their hash. */
  checkpoints: CheckpointRecord[];
  /** SHA-256 of a checkpoint's file as it is now. */
  hash(record: CheckpointRecord): string;
  /** The folder's owner may be gone; this takes two minutes at most to show. */
  onWait?(owner: Owner): void;
}

export interface RunFolder {
  path: string;
  lock: FolderLock;
  /** The manifest of the same run begun earlier; null for a new run. */
  earlier: Manifest | null;
}

/** A text as a part of a path that any file system takes, and that leads nowhere else. */
export const safeName = (text: string): string => text.replace(/[^A-Za-z0-9._-]+/g, "_").replace(/^\.*$/, "_");

/** The page written at the end of a run, and the folder of `plot`'s figures. */
export const REPORT = "report.html";
export const FIGURES = "plots";

/** What other commands make of the results: stale with them. */
const DERIVED = [REPORT, ...["results", "scores", "scores-means"].flatMap((name) => FORMATS.map((format) => `${name}.${format}`))].filter((name) => name !== RESULTS);

/** yyyymmddThhmmssZ */
function timestamp(now: Date): string {
  return `${now.toISOString().replace(/[-:]/g, "").slice(0, 15)}Z`;
}

/** Makes runs/<UTC>-<network>-<dataset>-<6 hex>; its name is nobody else's. */
async function createFresh(network: string, dataset: string): Promise<string> {
  await onFile("runs", () => makeFolder("runs"));
  for (;;) {
    const path = join("runs", `${timestamp(new Date())}-${safeName(network)}-${safeName(dataset)}-${randomBytes(3).toString("hex")}`);
    const made = await onFile(path, async () => {
      try {
        await makeOneFolder(path);
        return true;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
        throw error;
      }
    });
    if (made) return path;
  }
}

/** What lies in a folder without a manifest beside locks and what a crash leaves. */
export async function strangers(path: string): Promise<string[]> {
  return (await onFile(path, () => readdir(path))).filter((name) => !name.startsWith(LOCK) && !name.endsWith(".tmp"));
}

/**
 * Takes away what processes that were killed in the middle of a write left. The lock must be held: nobody else is writing. What
 * lies around the lock itself may be of somebody who is trying it just now.
 */
export async function removeTemporaries(path: string): Promise<void> {
  const isOurs = (name: string): boolean => name.endsWith(".tmp") && [RESULTS, PARTIAL, JOURNAL, MANIFEST, ...DERIVED].some((own) => name.startsWith(`${own}.`));
  for (const name of (await onFile(path, () => readdir(path))).filter(isOurs)) await onFile(join(path, name), () => rm(join(path, name), { force: true }));
}

/** Takes away what other commands made of results that are about to change. */
export async function removeDerived(path: string): Promise<void> {
  const figures = await readdir(join(path, FIGURES), { recursive: true }).catch(() => []);
  const drawn = figures.filter((name) => name.endsWith(".svg")).map((name) => join(FIGURES, name));
  for (const name of [...DERIVED, ...drawn]) await onFile(join(path, name), () => rm(join(path, name), { force: true }));
}

const MOST = 8;
const listed = (items: string[]): string => [...items.slice(0, MOST), ...(items.length > MOST ? [`and ${items.length - MOST} more`] : [])].join("; ");

/** The earlier run in the folder, if it computes the same for these checkpoints or some of them; refuses what it doesn't know. */
async function earlierRun(path: string, { identity, checkpoints, hash }: FolderRequest): Promise<Manifest | null> {
  const manifest = await readManifest(path);
  if (!manifest) {
    const left = await strangers(path);
    if (left.some(isShardName)) throw new UsageError(`${path}: holds shards of a run (${left.find(isShardName)}); put them together by wgpu-inferlink merge, or choose another --out`);
    if (left.length > 0) throw new UsageError(`${path}: the folder isn't empty and holds no run of this program (${left[0]}); choose another --out`);
    return null;
  }
  const different = [...differences(manifest.identity, identity), ...takeHashes(manifest.checkpoints, checkpoints, hash)];
  if (different.length > 0) throw new UsageError(`${path}: holds another run (${listed(different)}); choose another --out, or start it anew with --overwrite`);
  return manifest;
}

/** Opens the folder for this process alone. */
export async function openRunFolder(request: FolderRequest): Promise<RunFolder> {
  const path = request.out ?? (await createFresh(request.checkpoints[0].network, request.identity.dataset.name));
  if (request.out !== null) await onFile(path, () => makeFolder(path));
  const lock = await FolderLock.acquire(path, request.onWait);
  try {
    await removeTemporaries(path);
    if (request.overwrite) {
      await removeDerived(path);
      // The manifest last: until then the folder is known as a run's.
      for (const name of [RESULTS, PARTIAL, JOURNAL, MANIFEST]) await onFile(join(path, name), () => rm(join(path, name), { force: true }));
    }
    return { path, lock, earlier: request.overwrite ? null : await earlierRun(path, request) };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
