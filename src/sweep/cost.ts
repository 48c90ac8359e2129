/**
 * What a unit costs, from the network's graph and the images' shape alone: how work is shared out must not depend on an
 * adapter, nor on weights that only one shard reads.
 */
import type { MapShape } from "../layout/shape.js";
import { type Graph, inferShapes, multiplyAddsOf } from "../model/graph.js";
import { layerOf } from "../ops/common/step.js";
import { opOf } from "../ops/table.js";
import { fuse, readsOf } from "../plan/fuse.js";

/**
 * Multiply-adds of one filtered network on one image: forward from the filtered layer on, and what the attacks take. What lies in front of the filtered layer is computed once for all thresholds.
 * @param passes through the whole network, forward or back, of all attacks: see attackPasses
 * @returns a function of the layer's name, `*` for all layers at once
 */
export function costOf(graph: Graph, image: MapShape, passes: number): (layer: string) => number {
  const shapes = inferShapes(graph, image);
  // As they are joined: what is added behind a sum has the sum done again for each filtered network, too.
  const nodes = fuse(graph, shapes, "running").nodes.map((fused) => {
    const { node, output } = fused;
    const layers = (opOf(node).parameters?.(node) ?? []).filter(({ filterable }) => filterable).map(({ tensor }) => layerOf(tensor));
    return { layers, reads: readsOf(fused), output, cost: multiplyAddsOf(node, shapes) };
  });
  const whole = nodes.reduce((sum, { cost }) => sum + cost, 0);
  /** The filtered layer and every node that its output reaches. */
  const behind = (layer: string): number => {
    const reached = new Set<string>();
    let sum = 0;
    for (const { layers, reads, output, cost } of nodes) {
      if (!layers.includes(layer) && !reads.some((name) => reached.has(name))) continue;
      reached.add(output);
      sum += cost;
    }
    return sum;
  };
  return (layer) => (layer === "*" ? whole : behind(layer)) + whole * passes;
}
