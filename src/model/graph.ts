/** A network as data: a list of op nodes in execution order, each making one tensor from earlier ones. */
import type { MapShape } from "../layout/blocks.js";

export type Node =
  | { op: "conv2d"; name: string; input: string; output: string; inChannels: number; outChannels: number; kernel: number; stride: number; pad: number }
  | { op: "batch_norm"; name: string; input: string; output: string }
  | { op: "relu"; input: string; output: string }
  | { op: "add"; input: string; other: string; output: string }
  | { op: "max_pool"; input: string; output: string; kernel: number; stride: number; pad: number }
  | { op: "avg_pool"; input: string; output: string }
  | { op: "linear"; name: string; input: string; output: string; inFeatures: number; outFeatures: number };

export interface Graph {
  /** Node inputs start here. */
  input: string;
  /** Tensor of logits. */
  output: string;
  nodes: Node[];
}

/** A node that owns a weight and is therefore filterable. */
export type WeightedNode = Extract<Node, { op: "conv2d" | "linear" }>;

export function weightedNodes(graph: Graph): WeightedNode[] {
  return graph.nodes.filter((node) => node.op === "conv2d" || node.op === "linear");
}

/**
 * @param input shape of one image
 * @returns shape of every tensor of the graph, by name
 * @throws Error when a convolution gets another number of channels than its weight has
 */
export function inferShapes(graph: Graph, input: MapShape): Map<string, MapShape> {
  const shapes = new Map([[graph.input, input]]);
  for (const node of graph.nodes) {
    const from = shapes.get(node.input);
    if (!from) throw new Error(`tensor ${node.input} is used before it is made`);
    shapes.set(node.output, outputShape(node, from));
  }
  return shapes;
}

function outputShape(node: Node, from: MapShape): MapShape {
  switch (node.op) {
    case "conv2d": {
      if (from.channels !== node.inChannels) throw new Error(`${node.name} takes ${node.inChannels} channels, its input has ${from.channels}`);
      const size = (n: number) => Math.floor((n + 2 * node.pad - node.kernel) / node.stride) + 1;
      return { channels: node.outChannels, height: size(from.height), width: size(from.width) };
    }
    case "max_pool": {
      const size = (n: number) => Math.floor((n + 2 * node.pad - node.kernel) / node.stride) + 1;
      return { channels: from.channels, height: size(from.height), width: size(from.width) };
    }
    case "avg_pool":
      return { channels: from.channels, height: 1, width: 1 };
    case "linear":
      return { channels: node.outFeatures, height: 1, width: 1 };
    default:
      return from;
  }
}
