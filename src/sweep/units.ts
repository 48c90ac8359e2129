/**
 * Work units: the smallest piece of a sweep that is evaluated, written down, resumed and handed to a shard.
 * A unit is one layer of one checkpoint (or all layers, in a global sweep) on one chunk of images, with every
 * filter and threshold. Chunks have a fixed size, so losses are summed in the same order however work is cut.
 */
export interface Unit {
  /** Place in the enumeration: checkpoint, then layer, then chunk. */
  id: number;
  /** Index into the job's checkpoints. */
  checkpoint: number;
  /** Index into the job's layers of that checkpoint (not the layer index of the network). */
  layer: number;
  firstImage: number;
  images: number;
}

/** Sums over one unit's images, per variant (filter-major, then threshold, as `LayerVariants.variants`). */
export interface UnitScores {
  unit: number;
  correctClean: Int32Array;
  /** float64, images added in file order. */
  lossClean: Float64Array;
  /** [epsilon][variant] */
  correctAdv: Int32Array[];
  lossAdv: Float64Array[];
}

/** Images per unit. Fixed: it decides the order in which losses are added. */
export const CHUNK_IMAGES = 256;
