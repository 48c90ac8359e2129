/** Which curves of a run are whole. A score needs every threshold. */
import type { Curve } from "./curves.js";

/** Curves with every threshold, and the others. */
export interface Sorted {
  complete: Curve[];
  incomplete: Curve[];
}

/**
 * A curve is complete when it has each threshold once.
 * @param thresholds as many as the run was to have; null: as many as the longest curve has
 */
export function completeCurves(curves: Curve[], thresholds: number | null): Sorted {
  const wanted = thresholds ?? curves.reduce((most, { rows }) => Math.max(most, rows.length), 0);
  const whole = ({ rows }: Curve): boolean => rows.length === wanted && rows.every((row, i) => row.threshold_index === i);
  return { complete: curves.filter(whole), incomplete: curves.filter((curve) => !whole(curve)) };
}
