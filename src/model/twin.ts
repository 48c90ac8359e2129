/**
 * A whole graph by the plain loops of its ops, in float64: every tensor, the losses and the gradient of the images. It joins nothing and
 * plans nothing, so that it checks what does.
 */
import type { MapShape } from "../layout/shape.js";
import type { Node } from "../ops/common/nodes.js";
import type { TwinInputs } from "../ops/common/op.js";
import { softmaxLoss } from "../ops/softmax_loss.js";
import { layerOf } from "../ops/common/step.js";
import { opOf } from "../ops/table.js";
import { type Graph, inferShapes, parametersOf } from "./graph.js";

export interface TwinOptions {
  /** Shape of one image. */
  image: MapShape;
  /** NCHW. */
  pixels: ArrayLike<number>;
  /** One an image. */
  labels: ArrayLike<number>;
  batchNorm: "running" | "batch";
  /** Weights from `low` to `high` count as 0, by layer. */
  removed?: Map<string, { low: number; high: number }>;
  /** Which numbers a dropout keeps; absent while nothing is trained. */
  dropout?: TwinInputs["dropout"];
}

export interface TwinOutcome {
  /** Values of every tensor of the graph, NCHW. */
  values: Map<string, Float64Array>;
  logits: Float64Array;
  /** Cross-entropy of each image. */
  loss: Float64Array;
  /** Of the sum of the losses, by the images. */
  gradient: Float64Array;
  /** The same, by each learned tensor. */
  parameterGradients: Map<string, Float64Array>;
}

/**
 * @param tensors of the checkpoint, by name
 * @throws Error naming the layer whose input does not fit, or a tensor that is missing
 */
export function evaluateGraph(graph: Graph, tensors: ReadonlyMap<string, ArrayLike<number>>, options: TwinOptions): TwinOutcome {
  const { image, pixels, labels, batchNorm, removed, dropout } = options;
  const shapes = inferShapes(graph, image);
  const images = labels.length;
  const parameters = maskedParameters(graph, tensors, removed);
  const values = new Map<string, Float64Array>([[graph.input, Float64Array.from(pixels)]]);
  const given = (node: Node): TwinInputs => ({
    images, batchNorm, dropout,
    inputs: node.inputs.map((name) => ({ shape: shapes.get(name)!, data: values.get(name)! })),
    output: shapes.get(node.output)!,
    tensor: (name) => parameters.get(name)!,
  });
  for (const node of graph.nodes) values.set(node.output, opOf(node).twin.forward(node, given(node)));

  const logits = values.get(graph.output)!;
  const { loss, gradient } = softmaxLoss(logits, labels, logits.length / images);
  const gradients = new Map<string, Float64Array>([[graph.output, gradient]]);
  const parameterGradients = new Map<string, Float64Array>();
  const accumulate = (sums: Map<string, Float64Array>, name: string, more: Float64Array): void => {
    const sum = sums.get(name);
    sums.set(name, sum ? sum.map((g, i) => g + more[i]) : more);
  };
  for (const node of graph.nodes.toReversed()) {
    const ofOutput = gradients.get(node.output);
    // The logits do not depend on it.
    if (!ofOutput) continue;
    const { twin } = opOf(node);
    twin.gradient(node, given(node), ofOutput).forEach((more, i) => accumulate(gradients, node.inputs[i], more));
    for (const [tensor, more] of Object.entries(twin.weightGradient?.(node, given(node), ofOutput) ?? {})) accumulate(parameterGradients, tensor, more);
  }
  return { values, logits, loss, gradient: gradients.get(graph.input) ?? new Float64Array(pixels.length), parameterGradients };
}

/** Parameters as the filtered network has them. */
function maskedParameters(graph: Graph, tensors: ReadonlyMap<string, ArrayLike<number>>, removed: TwinOptions["removed"]): Map<string, ArrayLike<number>> {
  return new Map(parametersOf(graph).map(({ tensor, filterable }) => {
    const values = tensors.get(tensor);
    if (!values) throw new Error(`tensor ${tensor} is missing`);
    const interval = filterable ? removed?.get(layerOf(tensor)) : undefined;
    return [tensor, interval ? Float64Array.from(values, (w) => (w >= interval.low && w <= interval.high ? 0 : w)) : values];
  }));
}
