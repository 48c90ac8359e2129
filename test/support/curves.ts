/** Curves for tests that need no sweep. */
import type { Row } from "../../src/sweep/row.js";
import { row } from "./cliRows.js";

export interface Shape {
  alpha: number[];
  accuracy_clean: number[];
  accuracy_adv: number[];
  density: number[];
  removed?: number[];
}

/** Rows of one curve, a threshold each. */
export function curveRows(shape: Shape, changes: Partial<Row> = {}): Row[] {
  return shape.alpha.map((alpha, i) =>
    row({
      threshold_index: i, alpha: Math.fround(alpha), accuracy_clean: shape.accuracy_clean[i], accuracy_adv: shape.accuracy_adv[i], density: shape.density[i],
      removed: shape.removed?.[i] ?? 0, ...changes,
    }),
  );
}
