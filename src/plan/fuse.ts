/** Joins nodes that one kernel can do: what may stand behind an op's sum, by what the ops say of each other. */
import type { MapShape } from "../layout/shape.js";
import type { Graph } from "../model/graph.js";
import type { BatchNormNode, Node } from "../ops/common/nodes.js";
import { type Part, type PartName, PARTS } from "../ops/common/op.js";
import type { Relu } from "../ops/common/site.js";
import { opOf } from "../ops/table.js";

/** A node with what is done behind it. */
export interface FusedNode {
  node: Node;
  norm: BatchNormNode | null;
  /** Tensor that is added. */
  residual: string | null;
  relu: Relu | null;
  inputs: string[];
  /** That of the last node joined. */
  output: string;
}

export interface Fused {
  nodes: FusedNode[];
  /** Tensor of logits. */
  output: string;
}

const nameOf = (part: Part): PartName => PARTS.find((name) => name in part)!;

/**
 * @param shapes of every tensor
 * @returns nodes in execution order; those that change nothing are left out, and so are those that the output does not need
 */
export function fuse(graph: Graph, shapes: Map<string, MapShape>, batchNorm: "running" | "batch", training = false): Fused {
  const nodes = neededNodes(graph);
  const alias = new Map<string, string>();
  const resolve = (name: string): string => alias.get(name) ?? name;
  const shapesOf = ({ inputs }: Node): MapShape[] => inputs.map((name) => shapes.get(name)!);
  const real = nodes.filter((node) => {
    const isNothing = opOf(node).isIdentity?.(node, shapesOf(node), training) ?? false;
    if (isNothing) alias.set(node.output, resolve(node.inputs[0]));
    return !isNothing;
  });
  const output = resolve(graph.output);
  const uses = new Map([[output, 1]]);
  for (const node of real) for (const name of node.inputs.map(resolve)) uses.set(name, (uses.get(name) ?? 0) + 1);

  const fused = new Set<FusedNode>();
  const madeBy = new Map<string, FusedNode>();
  /** The node that makes `name`, if nobody else reads that and the part has its place behind what is joined already. */
  const taker = (name: string, part: PartName): FusedNode | null => {
    const made = madeBy.get(name);
    if (!made || uses.get(name) !== 1 || !opOf(made.node).takes?.(batchNorm).includes(part)) return null;
    return PARTS.slice(PARTS.indexOf(part)).some((later) => made[later] !== null) ? null : made;
  };
  for (const node of real) {
    const inputs = node.inputs.map(resolve);
    const part = opOf(node).part?.(node, shapesOf(node), batchNorm) ?? null;
    // Of an addition's inputs the first that can takes the other.
    const candidates = part === null ? [] : "residual" in part ? inputs : inputs.slice(0, 1);
    const made = candidates.map((name) => taker(name, nameOf(part!))).find((found) => found !== null);
    const one: FusedNode = made ?? { node, norm: null, residual: null, relu: null, inputs, output: "" };
    if (made && part) Object.assign(made, "residual" in part ? { residual: inputs.find((name) => name !== made.output) } : part);
    one.output = node.output;
    // Behind whatever the node joined last reads.
    fused.delete(one);
    fused.add(one);
    madeBy.set(one.output, one);
  }
  return { nodes: [...fused], output };
}

/** Without the nodes that the output does not depend on. */
function neededNodes({ nodes, output }: Graph): Node[] {
  const needed = new Set([output]);
  return nodes.toReversed().filter((node) => {
    if (!needed.has(node.output)) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  }).reverse();
}

/** Everything that a node reads. */
export const readsOf = ({ inputs, residual }: FusedNode): string[] => (residual === null ? inputs : [...inputs, residual]);
