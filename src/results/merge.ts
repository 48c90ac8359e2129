/**
 * Puts the parts of a sweep together. Units stand for themselves, so parts may be shards of any cut, several times over, or
 * unfinished; what counts is that every unit is in one of them. Rows are made as an unsharded run makes them.
 */
import type { RecordBatch } from "apache-arrow";
import { join, relative, resolve } from "node:path";
import { assembleRows } from "../sweep/rows.js";
import { usedImages, type UnitScores } from "../sweep/units.js";
import { RESULTS, writeResults } from "./arrow/arrow.js";
import { toBatch } from "./arrow/batch.js";
import { resultMetadata, writeManifest, type Manifest } from "./manifest.js";
import { layerKey, layersOfSweep, type Part, type PlannedLayer } from "./folder/parts.js";
import type { Row } from "../sweep/row.js";
import { resultSchema } from "./arrow/schema.js";

/** Where the units of some parts of one sweep lie. */
export class MergedUnits {
  readonly #parts = new Map<string, Part>();

  /** @param manifest of the sweep as a whole, with the hashes of every checkpoint that any part has read */
  constructor(private readonly manifest: Manifest, private readonly parts: Part[]) {
    for (const part of parts) for (const key of part.journal?.contents.units.keys() ?? []) if (!this.#parts.has(key)) this.#parts.set(key, part);
  }

  /** Keys of a layer's units that no part has. */
  missing({ checkpoint, layer, keys }: PlannedLayer): string[] {
    return this.#rows(checkpoint, layer) ? [] : keys.filter((key) => !this.#parts.has(key));
  }

  /** Rows of a layer of which nothing is missing. */
  async rows({ checkpoint, layer, keys }: PlannedLayer): Promise<Row[]> {
    const there = this.#rows(checkpoint, layer);
    if (there) return there;
    const scores: UnitScores[] = [];
    for (const part of new Set(keys.map((key) => this.#parts.get(key)!))) scores.push(...(await part.journal!.read(keys.filter((key) => this.#parts.get(key) === part))));
    const { identity, checkpoints } = this.manifest;
    const { path, network, init, epoch } = checkpoints[checkpoint];
    return assembleRows({ checkpoint: path, network, dataset: identity.dataset.name, init, epoch }, identity.config, usedImages(identity.dataset.images, identity.config), scores);
  }

  #rows(checkpoint: number, layer: string): Row[] | undefined {
    const key = layerKey(this.manifest.checkpoints[checkpoint].path, layer);
    return this.parts.find(({ rows }) => rows.has(key))?.rows.get(key);
  }
}

/** The manifest of the sweep that the parts make up. The same parts give the same bytes, in whatever order they come. */
function mergedManifest(manifest: Manifest, parts: Part[], out: string, rows: number): Manifest {
  const times = parts.flatMap(({ manifest: { started, ended } }) => (ended ? [started, ended] : [started])).sort();
  const faults = parts.flatMap(({ manifest: { faults = [] } }) => faults).sort((a, b) => (a.time < b.time ? -1 : 1));
  return {
    ...manifest,
    status: "done",
    units: manifest.sweep.units,
    cost: manifest.sweep.cost,
    started: times[0],
    resumed: [],
    ended: times.at(-1)!,
    ...(faults.length > 0 && { faults }),
    merged: parts.map(({ folder, manifest: { identity } }) => ({ folder: relative(resolve(out), resolve(folder)), shard: identity.shard, adapter: identity.adapter })),
    rows,
  };
}

/**
 * Writes results.arrow and manifest.json of the whole sweep; every unit has to be there.
 * @returns number of rows
 */
export async function writeMerged(out: string, manifest: Manifest, parts: Part[]): Promise<number> {
  const units = new MergedUnits(manifest, parts);
  const metadata = resultMetadata(manifest.identity, manifest.checkpoints);
  const schema = resultSchema(metadata);
  const batches: RecordBatch[] = [];
  for (const layer of layersOfSweep(manifest)) batches.push(toBatch(schema, await units.rows(layer)));
  const rows = await writeResults(join(out, RESULTS), metadata, batches);
  await writeManifest(out, mergedManifest(manifest, parts, out, rows));
  return rows;
}
