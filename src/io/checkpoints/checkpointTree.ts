import { readdirSync, type Dirent } from "node:fs";
import { basename, dirname, join } from "node:path";
import { InputError } from "../../errors.js";
import { fileError } from "../source.js";

/** What a checkpoint's path says about it; null where it does not say. */
export interface CheckpointName {
  network: string | null;
  dataset: string | null;
  init: number | null;
  epoch: number | null;
}

export interface CheckpointQuery {
  /** Its folder's name, or the names it may go by, the likeliest first; likewise of the dataset. */
  network: string | string[];
  dataset: string | string[];
  /** Inits wanted; all there are by default. */
  init?: number[];
  /** Epochs wanted; all there are by default. */
  epoch?: number[];
}

export interface FoundCheckpoint {
  path: string;
  network: string;
  dataset: string;
  init: number;
  epoch: number;
}

const FILE = /^(.+)_([^_]+)_(\d{1,9})epochs?\.(?:ckpt|pt|pth|safetensors|pt2)$/i;
const FOLDER = /^Init_(\d{1,9})$/i;

/** Reads network, dataset, init and epoch off `.../Init_<i>/<Network>_<Dataset>_<epoch>epochs.ckpt`. Does not touch the disk. */
export function parseCheckpointName(path: string): CheckpointName {
  const file = FILE.exec(basename(path));
  const folder = FOLDER.exec(basename(dirname(path)));
  return {
    network: file?.[1] ?? null,
    dataset: file?.[2] ?? null,
    init: folder ? Number(folder[1]) : null,
    epoch: file ? Number(file[3]) : null,
  };
}

function list(dir: string): Dirent[] {
  try {
    return readdirSync(dir, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw fileError(dir, error);
  }
}

/** MNIST, mnist and Tiny-ImageNet, tiny_imagenet are the same name. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, "");
}

function findFolder(dir: string, name: string | string[], what: string): { path: string; name: string } {
  const entries = list(dir);
  const names = [name].flat();
  for (const wanted of names) {
    const found = entries.find((entry) => entry.name === wanted) ?? entries.find((entry) => plain(entry.name) === plain(wanted));
    if (found) return { path: join(dir, found.name), name: found.name };
  }
  const there = entries.map((entry) => entry.name).slice(0, 8).join(", ");
  throw new InputError(dir, `has no ${what} ${JSON.stringify(names[0])}; there is ${there || "nothing"}`);
}

function requireAll(dir: string, what: string, wanted: number[] | undefined, there: ReadonlySet<number>): void {
  const missing = (wanted ?? []).filter((value) => !there.has(value));
  if (missing.length === 0) return;
  const have = [...there].sort((a, b) => a - b).join(", ");
  throw new InputError(dir, `has no ${what} ${missing.join(", ")}; there is ${have || "none"}`);
}

/**
 * Finds checkpoints in the tree `dir/<Network>/<Dataset>/Init_<i>/<Network>_<Dataset>_<epoch>epochs.ckpt`, sorted by init and
 * epoch. Names match whatever their case. Throws InputError if the tree, a wanted init or a wanted epoch of any init is
 * missing, and FileSystemError if a folder may not be read.
 */
export function findCheckpoints(dir: string, query: CheckpointQuery): FoundCheckpoint[] {
  const network = findFolder(dir, query.network, "network");
  const dataset = findFolder(network.path, query.dataset, "dataset");
  const inits = new Map<number, string>();
  for (const entry of list(dataset.path)) {
    const match = FOLDER.exec(entry.name);
    if (match) inits.set(Number(match[1]), join(dataset.path, entry.name));
  }
  requireAll(dataset.path, "Init", query.init, new Set(inits.keys()));
  const found: FoundCheckpoint[] = [];
  for (const [init, folder] of [...inits].sort((a, b) => a[0] - b[0])) {
    if (query.init && !query.init.includes(init)) continue;
    const epochs = new Map<number, string>();
    for (const entry of list(folder)) {
      const match = FILE.exec(entry.name);
      if (match && !epochs.has(Number(match[3]))) epochs.set(Number(match[3]), join(folder, entry.name));
    }
    requireAll(folder, "epoch", query.epoch, new Set(epochs.keys()));
    for (const [epoch, path] of [...epochs].sort((a, b) => a[0] - b[0])) {
      if (!query.epoch || query.epoch.includes(epoch)) found.push({ path, network: network.name, dataset: dataset.name, init, epoch });
    }
  }
  if (found.length === 0) throw new InputError(dataset.path, "holds no checkpoints named Init_<i>/<Network>_<Dataset>_<epoch>epochs.ckpt; check --saved-models");
  return found;
}
