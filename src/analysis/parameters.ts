/**
 * Classes of single weights, from the pulse filter's curve: a weight is fragile where accuracy falls when its window is
 * removed, robust where it stays, antifragile where it rises. The change of window i is acc / acc[0] - 1; the score's
 * integrand, acc / acc[0] - density, would say of a single window mostly how many weights it holds.
 */
import type { Row } from "../sweep/row.js";
import { classOf, CLASSES, type Class } from "./classes.js";
import type { Curve } from "./curves.js";
import { responseOf } from "./response.js";

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
  /** Adversarial accuracy changes for the worse, compared with the clean one, by more than the band. */
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

/** How far outside of a window a weight lies. */
const gap = (w: number, low: number, high: number): number => Math.max(low - w, w - high, 0);

/**
 * Which window a weight belongs to. One that no window removes goes to the nearest one, as long as it is no farther from it
 * than half that window's width; what is farther was never tried and stays uncovered. Where windows overlap, the one with the
 * nearer centre has the weight.
 * @param windows in ascending order, of one width
 * @returns a function from a weight to its window's index, null for an uncovered one
 */
export function windowFinder(windows: Window[]): (weight: number) => number | null {
  const centres = Float32Array.from(windows, ({ alpha }) => alpha);
  return (weight) => {
    const nearest = nearestWindow(weight, windows, centres);
    const { low, high } = windows[nearest];
    return gap(weight, low, high) <= (high - low) / 2 ? nearest : null;
  };
}

/**
 * Counts the weights of each window, see windowFinder.
 * @param weights the layer's tensors (all layers', in a global sweep), raw
 */
export function countWeights(weights: Float32Array[], windows: Window[]): WindowCounts {
  const counts = windows.map(() => 0);
  const window = windowFinder(windows);
  let uncovered = 0;
  for (const tensor of weights) {
    for (let i = 0; i < tensor.length; i++) {
      const at = window(tensor[i]);
      if (at === null) uncovered += 1;
      else counts[at] += 1;
    }
  }
  return { counts, uncovered, source: "checkpoint" };
}

/** Index of the window that holds w, or the nearest to it. */
function nearestWindow(w: number, windows: Window[], centres: Float32Array): number {
  let above = 0;
  let end = centres.length;
  while (above < end) {
    const middle = (above + end) >> 1;
    if (centres[middle] <= w) above = middle + 1;
    else end = middle;
  }
  if (above === 0) return 0;
  if (above === centres.length) return above - 1;
  const [a, b] = [windows[above - 1], windows[above]];
  const [inA, inB] = [w >= a.low && w < a.high, w >= b.low && w < b.high];
  if (inA !== inB) return inA ? above - 1 : above;
  const nearer = gap(w, a.low, a.high) - gap(w, b.low, b.high) || w - a.alpha - (b.alpha - w);
  return nearer < 0 ? above - 1 : above;
}

/** Counts as the rows tell them; null where windows overlap, since a weight is then counted by several. */
export function countRemoved(curve: Curve): WindowCounts | null {
  const windows = windowsOf(curve);
  if (windows.some(({ high }, i) => i + 1 < windows.length && windows[i + 1].low < high)) return null;
  const { rows } = responseOf(curve);
  const counts = rows.map((row) => row.removed);
  return { counts, uncovered: rows[0].weights - counts.reduce((a, b) => a + b, 0), source: "removed" };
}

/** What a window's removal changes: clean accuracy, that under attack, or the second beside the first. */
export const RESPONSES = ["clean", "adversarial", "difference"] as const;
export type ResponseName = (typeof RESPONSES)[number];

/** Change of each window of an h_c curve, in sweep order; null where the accuracy that it is relative to is 0. */
export function changesOf(curve: Curve): Record<ResponseName, number[] | null> {
  const { rows } = responseOf(curve);
  const [clean, adversarial] = [changes(rows, "accuracy_clean"), changes(rows, "accuracy_adv")];
  return { clean, adversarial, difference: clean && adversarial && adversarial.map((value, i) => value - clean[i]) };
}

/** acc / acc[0] - 1 of each window; null where acc[0] is 0. */
function changes(rows: Row[], accuracy: "accuracy_clean" | "accuracy_adv"): number[] | null {
  const first = rows[0][accuracy];
  return first === 0 ? null : rows.map((row) => row[accuracy] / first - 1);
}

/** Fraction of the weights in each class of a change. */
function classShares(change: number[] | null, { counts }: WindowCounts, weights: number, band: number): Record<Class, number | null> {
  const shares = CLASSES.map((name) => [name, change && counts.reduce((sum, count, i) => sum + (classOf(change[i], band) === name ? count : 0), 0) / weights]);
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
  const { weights } = curve.rows[0];
  const { clean, adversarial, difference } = changesOf(curve);
  const [ofClean, ofAdv, ofDiff] = [clean, adversarial, difference].map((change) => classShares(change, counts, weights, band));
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
