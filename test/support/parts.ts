/** Parts of a sweep without a sweep: a plan, and scores that any process makes alike. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CheckpointRecord } from "../../src/results/folder/checkpoints.js";
import type { RunIdentity } from "../../src/results/identity.js";
import { Journal } from "../../src/results/folder/journal.js";
import { writeManifest, type Manifest } from "../../src/results/manifest.js";
import { DEFAULT_CONFIG } from "../../src/sweep/config.js";
import { shardName, shardUnits, type Shard } from "../../src/sweep/shards.js";
import { chunksOf, type Unit, type UnitScores } from "../../src/sweep/units.js";

export const IDENTITY: RunIdentity = {
  packageVersion: "0.1.0",
  adapter: "llvmpipe (vulkan)",
  driver: "Mesa",
  config: { ...DEFAULT_CONFIG, filters: ["h_a", "h_c"], thresholds: 2, epsilons: [0.1, 0.3] },
  dataset: { name: "mnist", split: "test", images: 600, sha256: "ab", normalisation: null },
  shard: null,
};

export const ADAPTER = { name: "llvmpipe", vendor: "mesa", architecture: "", description: "Mesa", backend: "vulkan", type: "CPU", software: true };

export const LAYERS = ["conv1", "layer1.0.conv1", "fc"];

export const checkpoint = (n: number): CheckpointRecord => ({ path: `Init_${n}/net.ckpt`, sha256: `${n}`.padStart(64, "0"), bytes: 1, modified: 1, network: "ResNet18", init: n, epoch: null });

/** As planSweep lists them. */
export function unitsOf(checkpoints: CheckpointRecord[], identity = IDENTITY): Unit[] {
  return checkpoints.flatMap((_, c) => LAYERS.flatMap((layer, layerIndex) => chunksOf(identity.dataset.images, identity.config).map((chunk): Unit => ({ checkpoint: c, layer, layerIndex, ...chunk, cost: chunk.images }))));
}

/** Sums that only ever come out the same when they are added in image order. */
export function scoresOf(unit: Unit, { sha256 }: CheckpointRecord, identity = IDENTITY): UnitScores {
  const { filters, thresholds, epsilons } = identity.config;
  const variants = filters.flatMap((filter) => Array.from({ length: thresholds }, (_, t) => ({ filter, thresholdIndex: t, alpha: Math.fround(t / 3), delta: filter === "h_c" ? 0.25 : null, weights: 10_000, removed: 10 * t, zeros: 10 * t + 1 })));
  const seed = Number(sha256!.slice(-4)) + unit.layerIndex + unit.firstImage / 256;
  const counts = (k: number): Int32Array => Int32Array.from(variants, (_, v) => (seed * 7 + v + k) % (unit.images + 1));
  const losses = (k: number): Float64Array => Float64Array.from(variants, (_, v) => (k + 1) * (v + 1) * 10 ** (unit.firstImage / 64) * (1 / 3 + seed));
  const { layer, layerIndex, firstImage } = unit;
  return { sha256: sha256!, layer, layerIndex, firstImage, variants, correctClean: counts(0), lossClean: losses(0), correctAdv: epsilons.map((_, e) => counts(e + 1)), lossAdv: epsilons.map((_, e) => losses(e + 1)) };
}

export interface PartOptions {
  checkpoints?: CheckpointRecord[];
  shard?: Shard | null;
  identity?: RunIdentity;
  /** Only the first so many of the part's units are finished. */
  finished?: number;
  manifest?: Partial<Manifest>;
}

/** A part as a process leaves it: manifest and journal. @returns its folder */
export async function writePart(parent: string, options: PartOptions = {}): Promise<string> {
  const { checkpoints = [checkpoint(1), checkpoint(2)], shard = null, manifest = {} } = options;
  const identity = { ...(options.identity ?? IDENTITY), shard };
  const folder = join(parent, shard ? shardName(shard) : "part");
  mkdirSync(folder, { recursive: true });
  const all = unitsOf(checkpoints, identity);
  const own = shard ? shardUnits(all, shard) : all;
  const done = own.slice(0, options.finished ?? own.length);
  const cost = (units: Unit[]): number => units.reduce((sum, unit) => sum + unit.cost, 0);
  await writeManifest(folder, {
    manifest_version: 1, status: done.length === own.length ? "done" : "interrupted", identity,
    checkpoints: checkpoints.map((record, i) => (own.some((unit) => unit.checkpoint === i) ? record : { ...record, sha256: null })),
    units: own.length, cost: cost(own), sweep: { units: all.length, cost: cost(all), layers: { ResNet18: LAYERS } }, networks: 4 * LAYERS.length * checkpoints.length,
    data: { files: [], normalisation: null }, adapter: ADAPTER, versions: { package: "0.1.0", node: "20", webgpu: "0", arrow: "0" },
    started: "2026-01-01T00:00:00.000Z", resumed: [], ended: "2026-01-01T01:00:00.000Z", rows: null,
    ...manifest,
  } as Manifest);
  const journal = await Journal.open(folder, identity);
  for (const unit of done) await journal.append(scoresOf(unit, checkpoints[unit.checkpoint], identity), unit.cost);
  await journal.close();
  return folder;
}
