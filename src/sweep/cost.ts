/**
 * What a unit costs, from the network's graph and the images' shape alone: how work is shared out must not depend on an
 * adapter, nor on weights that only one shard reads.
 */
import { inferShapes, weightedNodes } from "../model/graph.js";
import type { Graph } from "../model/graph.js";
import { multiplyAdds } from "../ops/conv2d.js";
import { convShape } from "../plan/fuse.js";
import type { MapShape } from "../plan/layout.js";

/**
 * Multiply-adds of one filtered network on one image: forward from the filtered layer on, the input's gradient through all
 * layers, and a whole forward pass per attack. What lies in front of the filtered layer is computed once for all thresholds.
 * @returns a function of the layer's name, `*` for all layers at once
 */
export function costOf(graph: Graph, image: MapShape, attacks: number): (layer: string) => number {
  const shapes = inferShapes(graph, image);
  const nodes = weightedNodes(graph);
  const forward = new Map(nodes.map((node) => [node.name, multiplyAdds(convShape(node, shapes.get(node.input)!))]));
  const sum = (names: Iterable<string>): number => [...names].reduce((total, name) => total + forward.get(name)!, 0);
  const whole = sum(forward.keys());
  return (layer) => (layer === "*" ? whole : sum(behind(graph, layer))) + whole * (1 + attacks);
}

/** The layer itself and every weighted node that its output reaches. */
function behind(graph: Graph, layer: string): string[] {
  const reached = new Set<string>();
  const found: string[] = [];
  for (const node of graph.nodes) {
    const weighted = node.op === "conv2d" || node.op === "linear";
    const isReached = reached.has(node.input) || (node.op === "add" && reached.has(node.other)) || (weighted && node.name === layer);
    if (!isReached) continue;
    reached.add(node.output);
    if (weighted) found.push(node.name);
  }
  return found;
}
