/** Joins nodes that one kernel can do: a convolution with the batch norm, addition and ReLU that follow it. */
import type { Graph, WeightedNode } from "../model/graph.js";
import type { MapShape } from "../layout/blocks.js";

/** A convolution or linear layer with what follows it. */
export type ConvOp = Extract<FusedOp, { kind: "conv" }>;

export type FusedOp =
  | { kind: "conv"; node: WeightedNode; norm: string | null; residual: string | null; relu: boolean; input: string; output: string }
  | { kind: "max_pool"; kernel: number; stride: number; pad: number; input: string; output: string }
  | { kind: "avg_pool"; input: string; output: string };

/**
 * @param shapes of every tensor; an average over one pixel is the tensor itself
 * @returns ops in execution order; tensor names are those of the last node joined
 * @throws Error for a node that follows no convolution: the kernels for it are not written yet
 */
export function fuse(graph: Graph, shapes: Map<string, MapShape>): FusedOp[] {
  const ops: FusedOp[] = [];
  const alias = new Map<string, string>();
  const resolve = (name: string): string => alias.get(name) ?? name;
  const uses = new Map<string, number>();
  for (const node of graph.nodes) {
    for (const name of node.op === "add" ? [node.input, node.other] : [node.input]) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  /** The convolution that makes `name`, if nothing else reads it. */
  const producer = (name: string): Extract<FusedOp, { kind: "conv" }> => {
    const op = ops.find((o) => o.output === resolve(name));
    if (op?.kind !== "conv" || op.relu || uses.get(name) !== 1) throw new Error(`cannot join the node that reads ${name} to a convolution`);
    return op;
  };
  for (const node of graph.nodes) {
    const input = resolve(node.input);
    switch (node.op) {
      case "conv2d":
      case "linear":
        ops.push({ kind: "conv", node, norm: null, residual: null, relu: false, input, output: node.output });
        break;
      case "batch_norm": {
        const op = producer(node.input);
        op.norm = node.name;
        op.output = node.output;
        break;
      }
      case "add": {
        const op = producer(node.input);
        op.residual = resolve(node.other);
        op.output = node.output;
        break;
      }
      case "relu": {
        const op = producer(node.input);
        op.relu = true;
        op.output = node.output;
        break;
      }
      case "max_pool":
        ops.push({ kind: "max_pool", kernel: node.kernel, stride: node.stride, pad: node.pad, input, output: node.output });
        break;
      case "avg_pool": {
        const shape = shapes.get(node.input)!;
        if (shape.height * shape.width === 1) alias.set(node.output, input);
        else ops.push({ kind: "avg_pool", input, output: node.output });
      }
    }
  }
  return ops;
}

/** The convolution's geometry for the shape of its input. */
export function convShape(node: WeightedNode, input: MapShape) {
  return node.op === "linear"
    ? { inChannels: node.inFeatures, outChannels: node.outFeatures, height: 1, width: 1, kernel: 1, stride: 1, pad: 0 }
    : { inChannels: node.inChannels, outChannels: node.outChannels, height: input.height, width: input.width, kernel: node.kernel, stride: node.stride, pad: node.pad };
}
