/** A network as data: a list of op nodes in execution order, each making one tensor from earlier ones. */
import { placesOf, type MapShape, type Pair, type Window } from "../layout/shape.js";
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
 * @param image shape of one image
 * @returns shape of every tensor of the graph, by name
 */
export function inferShapes(graph: Graph, image: MapShape): Map<string, MapShape> {
  const shapes = new Map([[graph.input, image]]);
  for (const node of graph.nodes) shapes.set(node.output, outputShape(node, node.inputs.map((input) => shapes.get(input)!)));
  return shapes;
}

function outputShape(node: Node, inputs: MapShape[]): MapShape {
  const [from] = inputs;
  const slid = (channels: number, { kernel, stride, dilation, pad }: Window, end: Pair, ceil: boolean): MapShape => {
    const size = (n: number, axis: 0 | 1) => placesOf(n, kernel[axis], stride[axis], dilation[axis], 2 * pad[axis] + end[axis], ceil, pad[axis]);
    return { channels, height: size(from.height, 0), width: size(from.width, 1) };
  };
  switch (node.op) {
    case "conv2d": return slid(node.outChannels, node, node.padEnd, false);
    case "max_pool":
    case "avg_pool": return slid(from.channels, node, [0, 0], node.ceil);
    case "adaptive_avg_pool": return { channels: from.channels, height: node.height, width: node.width };
    case "linear": return { channels: node.outFeatures, height: 1, width: 1 };
    case "concat": return { ...from, channels: inputs.reduce((sum, { channels }) => sum + channels, 0) };
    case "slice": return { ...from, channels: node.count };
    case "flatten": return { channels: from.channels * from.height * from.width, height: 1, width: 1 };
    default: return from;
  }
}
