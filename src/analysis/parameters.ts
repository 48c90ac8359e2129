/**
 * Classes of single weights, from the pulse filter's curve: a weight is as fragile, robust or antifragile as the window that
 * removes it. The response of window i is what the score integrates, acc / acc[0] - density (see response.ts).
 */
import { classOf, CLASSES, type Class } from "./classes.js";
import type { Curve } from "./curves.js";
import { responseOf, type CurveResponse } from "./response.js";

/** Half-open: `low <= w < high`. */
export interface Window {
  alpha: number;
  low: number;
  high: number;
}

/** How a layer's weights fall to the windows. */
export interface WindowCounts {
  /** By window, in sweep order. */
  counts: number[];
  /** Weights far from every window. */
  uncovered: number;
  /** From the weights themselves, or from what each window removed (weights between two windows are then uncovered). */
  source: "checkpoint" | "removed";
}

/** Fractions of a layer's weights. Fragile, robust, antifragile and uncovered add up to 1. */
export interface Shares {
  share_fragile_clean: number | null;
  share_robust_clean: number | null;
  share_antifragile_clean: number | null;
  share_fragile_adv: number | null;
  share_robust_adv: number | null;
  share_antifragile_adv: number | null;
  /** Adversarial response below the clean one by more than the band. */
  share_targeted: number | null;
  share_uncovered: number | null;
  share_source: WindowCounts["source"] | null;
}

export const NO_SHARES: Shares = {
  share_fragile_clean: null, share_robust_clean: null, share_antifragile_clean: null, share_fragile_adv: null, share_robust_adv: null,
  share_antifragile_adv: null, share_targeted: null, share_uncovered: null, share_source: null,
};

const f32 = Math.fround;

/** The windows of an h_c curve in sweep order, their ends in float32 as the filter compares them. */
export function windowsOf(curve: Curve): Window[] {
  return responseOf(curve).rows.map(({ alpha, delta }) => ({ alpha, low: f32(alpha - delta!), high: f32(alpha + delta!) }));
}

const holds = (w: number, { low, high }: Window): boolean => w >= low && w < high;
const distance = (w: number, { low, high }: Window): number => Math.max(low - w, w - high, 0);

/**
 * Counts the weights of each window. A weight that no window removes goes to the nearest one, as long as it is no farther
 * from it than half that window's width; what is farther was never tried and stays uncovered. Where windows overlap, the
 * one with the nearer centre has the weight.
 * @param weights the layer's tensors (all layers', in a global sweep), raw
 * @param windows in ascending order, of one width
 */
export function countWeights(weights: Float32Array[], windows: Window[]): WindowCounts {
  const counts = windows.map(() => 0);
  let uncovered = 0;
  for (const tensor of weights) {
    for (const w of tensor) {
      const nearest = nearestWindow(w, windows);
      const window = windows[nearest];
      if (distance(w, window) <= (window.high - window.low) / 2) counts[nearest] += 1;
      else uncovered += 1;
    }
  }
  return { counts, uncovered, source: "checkpoint" };
}

/** Index of the window that holds w, or the nearest to it. */
function nearestWindow(w: number, windows: Window[]): number {
  let [from, to] = [0, windows.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (windows[middle].alpha <= w) from = middle + 1;
    else to = middle;
  }
  if (from === 0) return 0;
  if (from === windows.length) return from - 1;
  const [below, above] = [windows[from - 1], windows[from]];
  if (holds(w, below) !== holds(w, above)) return holds(w, below) ? from - 1 : from;
  const nearer = distance(w, below) - distance(w, above) || w - below.alpha - (above.alpha - w);
  return nearer < 0 ? from - 1 : from;
}

/** Counts as the rows tell them; null where windows overlap, since a weight is then counted by several. */
export function countRemoved(curve: Curve): WindowCounts | null {
  const windows = windowsOf(curve);
  if (windows.some(({ high }, i) => i + 1 < windows.length && windows[i + 1].low < high)) return null;
  const { rows } = responseOf(curve);
  const counts = rows.map((row) => row.removed);
  return { counts, uncovered: rows[0].weights - counts.reduce((a, b) => a + b, 0), source: "removed" };
}

/** Fraction of the weights in each class of a response. */
function classShares(response: number[] | null, { counts }: WindowCounts, weights: number, band: number): Record<Class, number | null> {
  const shares = CLASSES.map((name) => [name, response && counts.reduce((sum, count, i) => sum + (classOf(response[i], band) === name ? count : 0), 0) / weights]);
  return Object.fromEntries(shares) as Record<Class, number | null>;
}

/**
 * Shares of one layer's weights.
 * @param curve of h_c, with all its thresholds
 * @param counted from the weights; null: what the rows say
 */
export function sharesOf(curve: Curve, band: number, counted: WindowCounts | null): Shares {
  const counts = counted ?? countRemoved(curve);
  if (!counts) return NO_SHARES;
  const { rows, clean, adv, diff }: CurveResponse = responseOf(curve);
  const { weights } = rows[0];
  const [ofClean, ofAdv, ofDiff] = [clean, adv, diff].map((response) => classShares(response, counts, weights, band));
  return {
    share_fragile_clean: ofClean.fragile,
    share_robust_clean: ofClean.robust,
    share_antifragile_clean: ofClean.antifragile,
    share_fragile_adv: ofAdv.fragile,
    share_robust_adv: ofAdv.robust,
    share_antifragile_adv: ofAdv.antifragile,
    share_targeted: ofDiff.fragile,
    share_uncovered: counts.uncovered / weights,
    share_source: counts.source,
  };
}
