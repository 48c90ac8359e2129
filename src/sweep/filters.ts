/** Synaptic filters: thresholds, what each removes, and which filtered networks are the same. See variantsOf. */
import type { Filter } from "../results/row.js";

/** Closed interval of weight values that are set to 0; `low > high` removes nothing. */
export interface Interval {
  low: number;
  high: number;
}

/** One filter at one threshold. Counts are exact float32 comparisons over the filtered weights. */
export interface Variant {
  filter: Filter;
  thresholdIndex: number;
  alpha: number;
  delta: number | null;
  weights: number;
  removed: number;
  zeros: number;
}

/** All variants of one layer (or of all layers at once, in a global sweep). */
export interface LayerVariants {
  /** Layer's name, `*` for global. */
  layer: string;
  /** Index in the network's filterable layers, -1 for global. */
  layerIndex: number;
  /** Filter-major in the order asked for (h_a, h_b, h_c), then threshold. */
  variants: Variant[];
  /** Distinct masks: one interval per filtered layer each. */
  masks: Interval[][];
  /** For each variant the index of its mask. */
  maskOf: Int32Array;
}
