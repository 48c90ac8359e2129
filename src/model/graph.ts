/** A network as data: a list of op nodes in execution order, each making one tensor from earlier ones. */
import type { MapShape } from "../layout/blocks.js";
import type { Node } from "../ops/nodes.js";
import type { Initial, Parameter } from "../ops/op.js";

export type { Node };

export interface Graph {
  /** Node inputs start here. */
  input: string;
  /** Tensor of logits. */
  output: string;
  nodes: Node[];
}

/** Every tensor of a checkpoint that the graph reads. */
export function parametersOf(graph: Graph): Parameter[] {
  const of = (tensor: string | null, shape: number[], initial: Initial, role: Partial<Parameter> = {}): Parameter[] => (tensor === null ? [] : [{ tensor, shape, filterable: false, buffer: false, initial, ...role }]);
  return graph.nodes.flatMap((node) => {
    if (node.op === "conv2d") {
      const fanOut = node.outChannels * node.kernel[0] * node.kernel[1];
      return [...of(node.weight, [node.outChannels, node.inChannels / node.groups, ...node.kernel], { kind: "he", fanOut }, { filterable: true }), ...of(node.bias, [node.outChannels], { kind: "constant", value: 0 })];
    }
    if (node.op === "linear") {
      const initial: Initial = { kind: "uniform", fanIn: node.inFeatures };
      return [...of(node.weight, [node.outFeatures, node.inFeatures], initial, { filterable: true }), ...of(node.bias, [node.outFeatures], initial)];
    }
    if (node.op === "batch_norm") {
      const [zero, one]: Initial[] = [{ kind: "constant", value: 0 }, { kind: "constant", value: 1 }];
      const shape = [node.channels];
      return [...of(node.weight, shape, one), ...of(node.bias, shape, zero), ...of(node.mean, shape, zero, { buffer: true }), ...of(node.variance, shape, one, { buffer: true })];
    }
    return [];
  });
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
