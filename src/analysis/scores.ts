/**
 * Scores of response curves (Pravin et al. 2024, arXiv 2312.09821): with t the thresholds mapped to 0..1 in sweep order and
 * density the fraction of the layer's weights that is left,
 *
 *   S_clean = integral of acc_clean / acc_clean[0] - density over t
 *   S_adv   = integral of acc_adv / acc_adv[0] - density over t
 *   S_diff  = integral of the second less the first
 *
 * by Simpson's rule. Below 0: fragile, about 0: robust, above 0: antifragile.
 */
import type { Row } from "../sweep/row.js";
import { classOf, ROBUST_BAND, type Class } from "./classes.js";
import type { Curve, CurveOf } from "./curves.js";
import { NO_SHARES, sharesOf, type Shares, type WindowCounts } from "./parameters.js";
import { responseOf } from "./response.js";
import { simpson } from "./simpson.js";

/** The numbers of one curve. */
export interface CurveScore {
  images: number;
  thresholds: number;
  weights: number;
  /** At the first threshold, which removes the least (or next to it, for h_c). */
  accuracy_clean: number;
  accuracy_adv: number;
  s_clean: number | null;
  s_adv: number | null;
  s_diff: number | null;
  class_clean: Class | null;
  class_adv: Class | null;
  class_diff: Class | null;
  /** Why a score is null. */
  reason: string | null;
  /** Integral of the accuracy itself over t. */
  auc_clean: number | null;
  auc_adv: number | null;
  /** First threshold in sweep order at which accuracy is below half of that at the first, and the weights left there; null: never. */
  halved_alpha_clean: number | null;
  halved_density_clean: number | null;
  halved_alpha_adv: number | null;
  halved_density_adv: number | null;
}

/** One curve's scores with what the curve is of: a row of scores.arrow. */
export interface Score extends CurveOf, CurveScore, Shares {
  /** Name of the run's folder. */
  run: string;
  epsilon_space: string;
  batch_norm: string;
}

export interface ScoreOptions {
  /** Scores this near to 0 are robust. */
  band?: number;
  /** Of which run the curves are, and its settings; from the run's folder and the metadata of results.arrow. */
  run?: { name: string; epsilonSpace: string; batchNorm: string };
  /** How many weights belong to each window of an h_c curve; without it they are counted as the rows' `removed`. */
  windowCounts?: (curve: Curve) => WindowCounts | null;
}

function halvedAt(rows: Row[], accuracy: "accuracy_clean" | "accuracy_adv"): Row | null {
  return rows.find((row) => row[accuracy] < rows[0][accuracy] / 2) ?? null;
}

/**
 * Scores of one curve.
 * @param curve with all its thresholds
 */
export function scoreOf(curve: Curve, band = ROBUST_BAND): CurveScore {
  const { rows, t, clean, adv, diff, reason } = responseOf(curve);
  const area = (y: number[] | null): number | null => (y && t ? simpson(y, t) : null);
  const named = (score: number | null): Class | null => (score === null ? null : classOf(score, band));
  const [s_clean, s_adv, s_diff] = [area(clean), area(adv), area(diff)];
  const [halvedClean, halvedAdv] = [halvedAt(rows, "accuracy_clean"), halvedAt(rows, "accuracy_adv")];
  return {
    images: rows[0].images,
    thresholds: rows.length,
    weights: rows[0].weights,
    accuracy_clean: rows[0].accuracy_clean,
    accuracy_adv: rows[0].accuracy_adv,
    s_clean,
    s_adv,
    s_diff,
    class_clean: named(s_clean),
    class_adv: named(s_adv),
    class_diff: named(s_diff),
    reason,
    auc_clean: area(rows.map((row) => row.accuracy_clean)),
    auc_adv: area(rows.map((row) => row.accuracy_adv)),
    halved_alpha_clean: halvedClean?.alpha ?? null,
    halved_density_clean: halvedClean?.density ?? null,
    halved_alpha_adv: halvedAdv?.alpha ?? null,
    halved_density_adv: halvedAdv?.density ?? null,
  };
}

/**
 * Scores of many curves, in their order; h_c curves also say how many of the layer's weights are in each class.
 * @param curves with all their thresholds: see `completeCurves`
 */
export function scoresOf(curves: Curve[], options: ScoreOptions = {}): Score[] {
  const { band = ROBUST_BAND, run = { name: "", epsilonSpace: "input", batchNorm: "running" }, windowCounts } = options;
  return curves.map((curve) => {
    const { network, dataset, checkpoint, init, epoch, scope, layer, layer_index, filter, epsilon, attack } = curve;
    const of = { run: run.name, network, dataset, checkpoint, init, epoch, scope, layer, layer_index, filter, epsilon, epsilon_space: run.epsilonSpace, batch_norm: run.batchNorm, attack };
    const shares = filter === "h_c" ? sharesOf(curve, band, windowCounts?.(curve) ?? null) : NO_SHARES;
    return { ...of, ...scoreOf(curve, band), ...shares };
  });
}
