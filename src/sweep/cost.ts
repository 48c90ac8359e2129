/**
 * What a unit costs, from the network's graph and the images' shape alone: how work is shared out must not depend on an
 * adapter, nor on weights that only one shard reads.
 */
import { inferShapes, type Graph } from "../model/graph.js";
import { multiplyAdds } from "../ops/conv2d.js";
import { convShape, fuse } from "../plan/fuse.js";
import type { MapShape } from "../layout/blocks.js";

/**
 * Multiply-adds of one filtered network on one image: forward from the filtered layer on, the input's gradient through all
 * layers, and a whole forward pass per attack. What lies in front of the filtered layer is computed once for all thresholds.
 * @returns a function of the layer's name, `*` for all layers at once
 */
export function costOf(graph: Graph, image: MapShape, attacks: number): (layer: string) => number {
  const shapes = inferShapes(graph, image);
  const ops = fuse(graph, shapes).map((op) => {
    const isConv = op.kind === "conv";
    return { op, name: isConv ? op.node.name : null, residual: isConv ? op.residual : null, cost: isConv ? multiplyAdds(convShape(op.node, shapes.get(op.input)!)) : 0 };
  });
  const whole = ops.reduce((sum, { cost }) => sum + cost, 0);
  /** The filtered layer and every op that its output reaches. */
  const behind = (layer: string): number => {
    const reached = new Set<string>();
    let sum = 0;
    for (const { op, name, residual, cost } of ops) {
      if (name !== layer && !reached.has(op.input) && !(residual && reached.has(residual))) continue;
      reached.add(op.output);
      sum += cost;
    }
    return sum;
  };
  return (layer) => (layer === "*" ? whole : behind(layer)) + whole * (1 + attacks);
}
