/** A network as data: op nodes in execution order, each making one tensor from earlier ones. */
import type { MapShape } from "../layout/shape.js";
import type { Node } from "../ops/common/nodes.js";
import type { Parameter } from "../ops/common/op.js";
import { layerOf } from "../ops/common/step.js";
import { opOf } from "../ops/table.js";

export interface Graph {
  /** Node inputs start here. */
  input: string;
  /** Tensor of logits. */
  output: string;
  nodes: Node[];
}

/** What a node is called in messages: the layer of its weight, else its output. */
export function nameOf(node: Node): string {
  const weight = opOf(node).parameters?.(node)[0]?.tensor;
  return weight ? layerOf(weight) : node.output;
}

/** Every tensor of a checkpoint that the graph reads, each once, in execution order. */
export function parametersOf(graph: Graph): Parameter[] {
  const found = new Map<string, Parameter>();
  for (const node of graph.nodes) for (const parameter of opOf(node).parameters?.(node) ?? []) if (!found.has(parameter.tensor)) found.set(parameter.tensor, parameter);
  return [...found.values()];
}

/**
 * @param input shape of one image
 * @returns shape of every tensor of the graph, by name
 * @throws Error naming the layer whose input does not fit, or whose output would have no pixel
 */
export function inferShapes(graph: Graph, input: MapShape): Map<string, MapShape> {
  const shapes = new Map([[graph.input, input]]);
  for (const node of graph.nodes) {
    const inputs = node.inputs.map((name) => {
      const shape = shapes.get(name);
      if (!shape) throw new Error(`tensor ${name} is used before it is made`);
      return shape;
    });
    shapes.set(node.output, shapeOf(node, inputs));
  }
  return shapes;
}

/** Multiply-adds of a node for one image, on real pixels. @param shapes of every tensor of its graph, see inferShapes */
export const multiplyAddsOf = (node: Node, shapes: ReadonlyMap<string, MapShape>): number =>
  opOf(node).multiplyAdds?.(node, node.inputs.map((name) => shapes.get(name)!), shapes.get(node.output)!) ?? 0;

function shapeOf(node: Node, inputs: MapShape[]): MapShape {
  let shape: MapShape;
  try {
    shape = opOf(node).shape(node, inputs);
  } catch (error) {
    throw new Error(`layer ${nameOf(node)} ${(error as Error).message}`, { cause: error });
  }
  const { channels, height, width } = shape;
  if (!(Math.min(channels, height, width) >= 1)) throw new Error(`layer ${nameOf(node)} would leave maps of ${height}x${width} pixels of its input's ${inputs[0].height}x${inputs[0].width}`);
  return shape;
}
