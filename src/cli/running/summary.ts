/** A run in a few numbers per layer: what the end-of-run table shows and `--json` prints. */
import { groupBy } from "../../analysis/curves.js";
import type { Filter, Row } from "../../sweep/row.js";

export interface FilterSummary {
  filter: Filter;
  /** First threshold, in sweep order, at which clean accuracy is below half of the start; null when it never is. */
  halved_alpha: number | null;
  /** Fraction of the weights left there. */
  halved_density: number | null;
  lowest_accuracy_clean: number;
  lowest_alpha: number;
}

export interface LayerSummary {
  checkpoint: string;
  layer: string;
  weights: number;
  images: number;
  epsilon: number;
  /** Of the network with the fewest weights removed. */
  accuracy_clean: number;
  accuracy_adv: number;
  filters: FilterSummary[];
}

const least = (rows: Row[], value: (row: Row) => number): Row => rows.reduce((best, row) => (value(row) < value(best) ? row : best));

function filterSummary(rows: Row[], start: number): FilterSummary {
  const halved = rows.find((row) => row.accuracy_clean < start / 2);
  const lowest = least(rows, (row) => row.accuracy_clean);
  return {
    filter: rows[0].filter,
    halved_alpha: halved?.alpha ?? null,
    halved_density: halved?.density ?? null,
    lowest_accuracy_clean: lowest.accuracy_clean,
    lowest_alpha: lowest.alpha,
  };
}

/** One entry per checkpoint and layer, at the run's first epsilon. */
export function summarise(rows: Row[]): LayerSummary[] {
  if (rows.length === 0) return [];
  const first = rows.filter((row) => row.epsilon === rows[0].epsilon);
  return [...groupBy(first, (row) => `${row.checkpoint}\n${row.layer}`).values()].map((layer) => {
    const start = least(layer, (row) => row.removed);
    return {
      checkpoint: start.checkpoint,
      layer: start.layer,
      weights: start.weights,
      images: start.images,
      epsilon: start.epsilon,
      accuracy_clean: start.accuracy_clean,
      accuracy_adv: start.accuracy_adv,
      filters: [...groupBy(layer, (row) => row.filter).values()].map((group) => filterSummary(group, start.accuracy_clean)),
    };
  });
}
