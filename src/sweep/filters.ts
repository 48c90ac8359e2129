/** Synaptic filters: thresholds, what each removes, and which filtered networks are the same. See variantsOf. */
import type { Filter } from "./row.js";

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
  /** Filter-major in the order asked for (that of FILTERS), then threshold. */
  variants: Variant[];
  /** Distinct masks: one interval per filtered layer each. */
  masks: Interval[][];
  /** For each variant the index of its mask. */
  maskOf: Int32Array;
}

/** A filtered tensor: its name and raw weights. */
export interface FilteredWeights {
  name: string;
  data: Float32Array;
}

const f32 = Math.fround;

/** torch.linspace in float32: from the low end in the first half, from the high end in the second. */
export function linspace(from: number, to: number, count: number): number[] {
  const [a, b] = [f32(from), f32(to)];
  if (count === 1) return [a];
  const step = f32(f32(b - a) / (count - 1));
  return Array.from({ length: count }, (_, i) => (i < Math.floor(count / 2) ? f32(a + step * i) : f32(b - step * (count - 1 - i))));
}

/**
 * Every filter at every threshold over the weights of one layer (or of all, in a global sweep).
 *
 *   h_a removes w <= alpha, thresholds from min to max
 *   h_b removes w >= alpha, thresholds from max to min
 *   h_c removes alpha - delta <= w < alpha + delta, thresholds from min to max
 *   magnitude removes |w| <= alpha, thresholds from 0 to the largest magnitude
 *
 * (The first three: Pravin et al. 2024, arXiv 2312.09821; the last is what pruning tools call sensitivity.) What is removed is an interval of the sorted weights, so a mask is written
 * as the closed interval of actual weight values, which is exact, ties and signed zeros included.
 * @param targets the tensors filtered together
 * @param range thresholds' range; null: the weights' own minimum and maximum
 */
export function variantsOf(
  layer: string,
  layerIndex: number,
  targets: FilteredWeights[],
  options: { filters: Filter[]; thresholds: number; alphas: number[] | null; delta: number | null; range: [number, number] | null },
): LayerVariants {
  const sorted = targets.map(({ data }) => Float32Array.from(data).sort());
  const weights = sorted.reduce((sum, values) => sum + values.length, 0);
  const low = options.range?.[0] ?? Math.min(...sorted.map((values) => values[0]));
  const high = options.range?.[1] ?? Math.max(...sorted.map((values) => values[values.length - 1]));
  const count = options.alphas?.length ?? options.thresholds;
  const delta = f32(options.delta ?? (high - low) / count / 2);
  const variants: Variant[] = [];
  const masks: Interval[][] = [];
  const maskOf: number[] = [];
  const known = new Map<string, number>();
  for (const filter of options.filters) {
    const [first, last] = filter === "h_b" ? [high, low] : filter === "magnitude" ? [0, Math.max(Math.abs(low), Math.abs(high))] : [low, high];
    const alphas = options.alphas?.map(f32) ?? linspace(first, last, count);
    alphas.forEach((alpha, thresholdIndex) => {
      let removed = 0;
      let zeros = 0;
      const mask = sorted.map((values): Interval => {
        const [from, to] = removedRange(values, filter, alpha, delta);
        const [zeroFrom, zeroTo] = [countBelow(values, 0), countUpTo(values, 0)];
        removed += to - from;
        zeros += to - from + (zeroTo - zeroFrom) - Math.max(0, Math.min(to, zeroTo) - Math.max(from, zeroFrom));
        return to > from ? { low: values[from], high: values[to - 1] } : { low: 1, high: -1 };
      });
      const key = mask.map((m) => `${m.low},${m.high}`).join(";");
      if (!known.has(key)) known.set(key, masks.push(mask) - 1);
      maskOf.push(known.get(key)!);
      variants.push({ filter, thresholdIndex, alpha, delta: filter === "h_c" ? delta : null, weights, removed, zeros });
    });
  }
  return { layer, layerIndex, variants, masks, maskOf: Int32Array.from(maskOf) };
}

/** Half-open range of the sorted weights that a filter removes; float32 comparisons. */
function removedRange(sorted: Float32Array, filter: Filter, alpha: number, delta: number): [number, number] {
  if (filter === "h_a") return [0, countUpTo(sorted, alpha)];
  if (filter === "h_b") return [countBelow(sorted, alpha), sorted.length];
  if (filter === "magnitude") return rangeOf(countBelow(sorted, -alpha), countUpTo(sorted, alpha));
  return rangeOf(countBelow(sorted, f32(alpha - delta)), countBelow(sorted, f32(alpha + delta)));
}

/** Nothing where the ends are the wrong way round. */
const rangeOf = (from: number, to: number): [number, number] => [from, Math.max(from, to)];

const countBelow = (sorted: Float32Array, value: number): number => search(sorted, (w) => w < value);
const countUpTo = (sorted: Float32Array, value: number): number => search(sorted, (w) => w <= value);

/** Number of leading elements that satisfy a predicate which is true up to some point. */
function search(sorted: Float32Array, holds: (w: number) => boolean): number {
  let [from, to] = [0, sorted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (holds(sorted[middle])) from = middle + 1;
    else to = middle;
  }
  return from;
}
