/** What of a network a retraining updates: chosen weights, and of everything else what is asked for. */
import type { Graph } from "../model/graph.js";
import { layerOf } from "../ops/common/step.js";
import { opOf } from "../ops/table.js";

/** What trains beside the weights that can be marked: biases of their layers, and weights and biases of batch norms. */
export const ALSO = ["bias", "batch-norm"] as const;
export type Also = (typeof ALSO)[number];

/**
 * @param chosen by layer, an entry a weight: 0 for one that keeps its bytes; layers that aren't there keep all of theirs
 * @returns the same by tensor, for every tensor that a training learns
 */
export function updatedNumbers(graph: Graph, chosen: ReadonlyMap<string, Uint8Array>, also: readonly Also[]): Map<string, Uint8Array> {
  const update = new Map<string, Uint8Array>();
  for (const node of graph.nodes) {
    const parameters = opOf(node).parameters?.(node) ?? [];
    // Beside a weight that can be marked stands its bias; the others are those of norms.
    const beside: Also = parameters.some(({ filterable }) => filterable) ? "bias" : "batch-norm";
    for (const { tensor, shape, filterable, buffer } of parameters) {
      if (buffer || update.has(tensor)) continue;
      const length = shape.reduce((product, size) => product * size, 1);
      const own = filterable ? chosen.get(layerOf(tensor)) : undefined;
      update.set(tensor, own ?? new Uint8Array(length).fill(Number(!filterable && also.includes(beside))));
    }
  }
  return update;
}
