/** Response curves: what one filter does to one layer (or to all, in a global sweep) from threshold to threshold. */
import type { Row } from "../sweep/row.js";

/** What a curve is of, as its rows say it. */
export type CurveOf = Pick<Row, "network" | "dataset" | "checkpoint" | "init" | "epoch" | "scope" | "layer" | "layer_index" | "filter" | "epsilon" | "attack">;

/** Rows of one checkpoint, layer, filter, epsilon and attack. */
export interface Curve extends CurveOf {
  /** In sweep order, by threshold_index; at least one. */
  rows: Row[];
}

/** Items by key, keys in the order of their first item. */
export function groupBy<T>(items: Iterable<T>, key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group) group.push(item);
    else groups.set(key(item), [item]);
  }
  return groups;
}

/** Every curve in the rows, in the order of the rows (checkpoint, layer, filter), epsilons in order of first appearance. */
export function curvesOf(rows: Row[]): Curve[] {
  const groups = groupBy(rows, (row) => JSON.stringify([row.network, row.dataset, row.checkpoint, row.init, row.epoch, row.scope, row.layer, row.filter, row.epsilon, row.attack]));
  return [...groups.values()].map((group) => {
    const { network, dataset, checkpoint, init, epoch, scope, layer, layer_index, filter, epsilon, attack } = group[0];
    return { network, dataset, checkpoint, init, epoch, scope, layer, layer_index, filter, epsilon, attack, rows: group.toSorted((a, b) => a.threshold_index - b.threshold_index) };
  });
}
