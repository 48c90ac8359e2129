/** A graph by the plain loops of its ops, in float64: logits, and the gradient of the sum of the cross-entropies by the input. */
import type { Network } from "../../src/model/architecture.js";
import { inferShapes } from "../../src/model/graph.js";
import type { MapShape } from "../../src/layout/shape.js";
import type { Node } from "../../src/ops/common/nodes.js";
import type { TwinInputs } from "../../src/ops/common/op.js";
import { opOf } from "../../src/ops/table.js";

export interface Answers {
  /** Images x classes. */
  logits: Float64Array;
  /** Like the images. */
  gradient: Float64Array;
}

export function evaluate({ graph, tensors }: Network, image: MapShape, pixels: ArrayLike<number>, labels: number[], batchNorm: "running" | "batch"): Answers {
  const images = labels.length;
  const shapes = inferShapes(graph, image);
  const values = new Map<string, Float64Array>([[graph.input, Float64Array.from(pixels)]]);
  const given = ({ inputs, output }: Node): TwinInputs => ({
    images, batchNorm, output: shapes.get(output)!,
    inputs: inputs.map((name) => ({ shape: shapes.get(name)!, data: values.get(name)! })),
    tensor: (name) => tensors.get(name)!.data,
  });
  for (const node of graph.nodes) values.set(node.output, opOf(node).twin.forward(node, given(node)));

  const logits = values.get(graph.output)!;
  const classes = logits.length / images;
  const seed = new Float64Array(logits.length);
  for (let i = 0; i < images; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const top = Math.max(...row);
    const sum = row.reduce((total, logit) => total + Math.exp(logit - top), 0);
    row.forEach((logit, j) => (seed[i * classes + j] = Math.exp(logit - top) / sum - (j === labels[i] ? 1 : 0)));
  }
  const gradients = new Map<string, Float64Array>([[graph.output, seed]]);
  for (const node of [...graph.nodes].reverse()) {
    const parts = opOf(node).twin.gradient(node, given(node), gradients.get(node.output)!);
    node.inputs.forEach((name, i) => {
      const before = gradients.get(name);
      gradients.set(name, before ? before.map((value, at): number => value + parts[i][at]) : parts[i]);
    });
  }
  return { logits, gradient: gradients.get(graph.input)! };
}
