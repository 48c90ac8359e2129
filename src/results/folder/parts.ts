/** Folders of runs and of shards, as those take them that only read: found, and opened with what each has finished. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { FileSystemError, InputError } from "../../errors.js";
import { isShardName } from "../../sweep/shards.js";
import { chunksOf, unitKey } from "../../sweep/units.js";
import { readLayers, RESULTS } from "../arrow/arrow.js";
import { JournalReader } from "./journal.js";
import { MANIFEST, readManifest, type Manifest } from "../manifest.js";
import type { Row } from "../../sweep/row.js";

export interface Part {
  folder: string;
  manifest: Manifest;
  /** Null where there is none: the run is done, or has not begun. */
  journal: JournalReader | null;
  /** Rows of layers that an earlier, finished run left here, by `layerKey`. */
  rows: Map<string, Row[]>;
}

export const layerKey = (checkpoint: string, layer: string): string => `${checkpoint}\n${layer}`;

/** Shards' folders in a folder, by number. */
export function shardFolders(folder: string): string[] {
  const number = (name: string): number => Number(name.split("-")[1]);
  return readdirSync(folder).filter(isShardName).sort((a, b) => number(a) - number(b)).map((name) => join(folder, name));
}

/**
 * @param given a run's or shard's folder, or one in which shards lie
 * @throws FileSystemError, InputError where there is neither
 */
export function findParts(given: string): string[] {
  const stats = statSync(given, { throwIfNoEntry: false });
  if (!stats) throw new FileSystemError(given, "does not exist; give the folder of a run or of its shards");
  if (!stats.isDirectory()) throw new InputError(given, "is a file; give the folder of a run or of its shards");
  const shards = shardFolders(given);
  if (shards.length > 0) return shards;
  if (existsSync(join(given, MANIFEST)) || isShardName(given.split(/[\\/]/).at(-1)!)) return [given];
  throw new InputError(given, `holds neither a run (${MANIFEST}) nor shards of one (shard-i-of-n)`);
}

/**
 * Null where no run has begun in the folder.
 * @param needsRows whether rows of an earlier result are wanted; there may be very many
 * @throws InputError for a manifest or journal that is damaged
 */
export async function openPart(folder: string, needsRows: (manifest: Manifest) => boolean = () => true): Promise<Part | null> {
  const manifest = await readManifest(folder);
  if (!manifest) return null;
  const rows = new Map<string, Row[]>();
  const results = join(folder, RESULTS);
  if (needsRows(manifest) && existsSync(results)) for (const layer of await readLayers(results)) rows.set(layerKey(layer[0].checkpoint, layer[0].layer), layer);
  return { folder, manifest, journal: await JournalReader.open(folder, manifest.identity), rows };
}

/** One layer of one checkpoint of a sweep, and the keys of its units in image order. */
export interface PlannedLayer {
  /** Index into the manifest's checkpoints. */
  checkpoint: number;
  layer: string;
  keys: string[];
}

/** Every layer of a sweep in the order of its results. A checkpoint that was never read has units that nobody has. */
export function* layersOfSweep({ identity, checkpoints, sweep }: Manifest): Generator<PlannedLayer> {
  const chunks = chunksOf(identity.dataset.images, identity.config);
  for (const [checkpoint, { sha256, network }] of checkpoints.entries()) {
    for (const layer of sweep.layers[network] ?? []) yield { checkpoint, layer, keys: chunks.map(({ firstImage }) => unitKey(sha256 ?? "unread", layer, firstImage)) };
  }
}

/** Keys of the units in the folder that are finished. */
export function finishedKeys({ manifest, journal, rows }: Part): Set<string> {
  const finished = new Set(journal?.contents.units.keys());
  for (const { checkpoint, layer, keys } of rows.size > 0 ? layersOfSweep(manifest) : []) {
    if (rows.has(layerKey(manifest.checkpoints[checkpoint].path, layer))) for (const key of keys) finished.add(key);
  }
  return finished;
}
