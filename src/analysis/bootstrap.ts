/**
 * How sure a mean over a few seeds is: percentile intervals of the bootstrap, as scipy.stats.bootstrap has them with
 * method="percentile" (Efron 1979, The Annals of Statistics 7(1)). Of up to six values every resample there is is taken, so that
 * nothing is left to chance.
 */
import { pcg3d } from "../ops/common/random.js";

export interface BootstrapOptions {
  /** Share of the resamples inside of the interval. */
  confidence?: number;
  /** Resamples drawn where there are too many to take all. */
  resamples?: number;
  seed?: number;
}

export interface Interval {
  low: number;
  high: number;
}

const MOST_EXACT = 50_000;

/** @param at from 0 to 1. @returns the quantile of ascending values, linear between two of them, as NumPy has it */
export function quantile(sorted: ArrayLike<number>, at: number): number {
  const place = at * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(sorted.length - 1, below + 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

/** Means of resamples of values: all there are, or so many by seed. */
export function resampledMeans(values: readonly number[], { resamples = 9999, seed = 0 }: BootstrapOptions = {}): Float64Array {
  const n = values.length;
  const isExact = n ** n <= MOST_EXACT;
  return Float64Array.from({ length: isExact ? n ** n : resamples }, (_, r) => {
    let sum = 0;
    for (let i = 0, rest = r; i < n; i++, rest = Math.floor(rest / n)) sum += values[isExact ? rest % n : Math.floor((pcg3d(seed, r, i)[0] / 2 ** 32) * n)];
    return sum / n;
  });
}

/** @returns null for fewer than two values, of which nobody can say how they vary */
export function bootstrapInterval(values: readonly number[], options: BootstrapOptions = {}): Interval | null {
  if (values.length < 2) return null;
  const { confidence = 0.95 } = options;
  const means = resampledMeans(values, options).sort();
  return { low: quantile(means, (1 - confidence) / 2), high: quantile(means, (1 + confidence) / 2) };
}
