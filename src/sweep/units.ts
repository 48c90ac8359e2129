/**
 * Work units: the smallest piece of a sweep that is evaluated, written down, resumed and handed to a shard.
 * A unit is one layer of one checkpoint (or all layers, in a global sweep) on one chunk of images, with every
 * filter and threshold. Chunks have a fixed size, so losses are summed in the same order however work is cut.
 */
import type { SweepConfig } from "./config.js";
import type { Variant } from "./filters.js";

export interface Unit {
  /** Index into the job's checkpoints. */
  checkpoint: number;
  /** Layer's name, `*` for global, and its index in the network's filterable layers, -1 for global. */
  layer: string;
  layerIndex: number;
  firstImage: number;
  images: number;
  /** Multiply-adds, see cost.ts. */
  cost: number;
}

/** Sums over one unit's images, per variant (filter-major, then threshold). */
export interface UnitSums {
  correctClean: Int32Array;
  /** float64, images added in file order. */
  lossClean: Float64Array;
  /** [epsilon][variant] */
  correctAdv: Int32Array[];
  lossAdv: Float64Array[];
}

/** A finished unit, with all that its rows need: it stands for itself, whatever else the sweep holds. */
export interface UnitScores extends UnitSums {
  /** Of the checkpoint's file. */
  sha256: string;
  layer: string;
  layerIndex: number;
  firstImage: number;
  variants: Variant[];
}

/** What a unit is, whichever sweep it is part of: weights by their hash, layer, chunk of images. */
export const unitKey = (sha256: string, layer: string, firstImage: number): string => `${sha256}/${layer}/${firstImage}`;

/** Images per unit. Fixed: it decides the order in which losses are added. */
const CHUNK_IMAGES = 256;

/** Images that count: in batch norm `batch` only whole batches. */
export function usedImages(images: number, { batchNorm, batchSize }: SweepConfig): number {
  return batchNorm === "batch" ? Math.floor(images / batchSize) * batchSize : images;
}

/** The chunks of a dataset of so many images. */
export function chunksOf(images: number, config: SweepConfig): { firstImage: number; images: number }[] {
  const used = usedImages(images, config);
  const batch = config.batchNorm === "batch" ? config.batchSize : 1;
  const chunk = Math.max(1, Math.floor(CHUNK_IMAGES / batch)) * batch;
  return Array.from({ length: Math.ceil(used / chunk) }, (_, i) => ({ firstImage: i * chunk, images: Math.min(chunk, used - i * chunk) }));
}
