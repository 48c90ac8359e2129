/** A curve as the scores read it: accuracies against the fraction of the weights that is left. */
import type { Row } from "../sweep/row.js";
import type { Curve } from "./curves.js";

export interface CurveResponse {
  /** The curve's rows in sweep order: h_a and h_c from the smallest threshold to the largest, h_b from the largest down. */
  rows: Row[];
  /** Thresholds mapped to 0..1 in sweep order; null where that can't be done, and `reason` says why. */
  t: number[] | null;
  /** acc_clean / acc_clean[0] - density; null where acc_clean[0] is 0. */
  clean: number[] | null;
  /** acc_adv / acc_adv[0] - density; null where acc_adv[0] is 0. */
  adv: number[] | null;
  /** adv - clean; null where one of them is. */
  diff: number[] | null;
  /** Why something is null. */
  reason: string | null;
}

/** With thresholds of the user's own (--alpha) the sweep's order is not that of their index. */
function inSweepOrder({ filter, rows }: Curve): Row[] {
  const sign = filter === "h_b" ? -1 : 1;
  return rows.toSorted((a, b) => sign * (a.alpha - b.alpha) || a.threshold_index - b.threshold_index);
}

function relative(rows: Row[], accuracy: "accuracy_clean" | "accuracy_adv"): number[] | null {
  const first = rows[0][accuracy];
  return first === 0 ? null : rows.map((row) => row[accuracy] / first - row.density);
}

/** What of a curve has no score, and why. */
function reasonOf(rows: Row[], range: number, clean: number[] | null, adv: number[] | null): string | null {
  if (rows.length === 1) return "there is one threshold only";
  if (range === 0) return "all thresholds are equal";
  const wrong = [...(clean ? [] : ["clean"]), ...(adv ? [] : ["adversarial"])];
  return wrong.length === 0 ? null : `no ${wrong.join(" and no ")} image is classified correctly at the first threshold`;
}

/** @param curve with all its thresholds */
export function responseOf(curve: Curve): CurveResponse {
  const rows = inSweepOrder(curve);
  const [clean, adv] = [relative(rows, "accuracy_clean"), relative(rows, "accuracy_adv")];
  const range = Math.abs(rows.at(-1)!.alpha - rows[0].alpha);
  return {
    rows,
    t: range === 0 ? null : rows.map((row) => Math.abs(row.alpha - rows[0].alpha) / range),
    clean,
    adv,
    diff: clean && adv && adv.map((value, i) => value - clean[i]),
    reason: reasonOf(rows, range, clean, adv),
  };
}
