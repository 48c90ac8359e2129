/** What an op says of itself: everything that the rest of the engine knows about it. Ops are listed in table.ts. */
import type { ChannelMap } from "../../layout/blocks.js";
import type { MapShape } from "../../layout/shape.js";
import type { BatchNormNode, NodeBase, PadNode } from "./nodes.js";
import type { GradientSite, LearningSite, Relu, Site } from "./site.js";
import type { Step } from "./step.js";

/** How PyTorch fills a parameter before training: `he` is normal over the fan-out, `uniform` within 1 / sqrt(fan-in). */
export type Initial = { kind: "he"; fanOut: number } | { kind: "uniform"; fanIn: number } | { kind: "constant"; value: number };

/** A tensor of a checkpoint that a node reads. */
export interface Parameter {
  tensor: string;
  shape: number[];
  /** Its weights may be filtered. */
  filterable: boolean;
  /** A buffer is counted while training, not learned. */
  buffer: boolean;
  /** As torchvision's networks begin. */
  initial: Initial;
}

/** What may be done behind another op's sum, in this order: scale and shift of a batch norm, an addition, a ReLU. */
export const PARTS = ["norm", "residual", "relu"] as const;
export type PartName = (typeof PARTS)[number];
export type Part = { norm: BatchNormNode } | { residual: true } | { relu: Relu };

/** Values of one tensor, NCHW. */
export interface Values {
  shape: MapShape;
  data: Float64Array;
}

/** What plain loops are given. */
export interface TwinInputs {
  images: number;
  inputs: Values[];
  output: MapShape;
  /** Of a parameter. */
  tensor(name: string): ArrayLike<number>;
  batchNorm: "running" | "batch";
  /** Which numbers of what a node reads a dropout keeps; absent while nothing is trained. */
  dropout?(node: NodeBase): (index: number) => boolean;
}

/** The op as plain loops in float64: what its kernels are checked against. */
export interface Twin<N> {
  forward(node: N, given: TwinInputs): Float64Array;
  /** @returns gradient of each input, given that of the output */
  gradient(node: N, given: TwinInputs, dy: Float64Array): Float64Array[];
  /** @returns gradient of each learned parameter by its tensor; none where it is left out */
  weightGradient?(node: N, given: TwinInputs, dy: Float64Array): Record<string, Float64Array>;
}

export interface Op<N extends NodeBase = NodeBase> {
  kind: N["op"];
  /** @throws Error where the inputs do not fit; the message ends the sentence "layer NAME …" */
  shape(node: N, inputs: MapShape[]): MapShape;
  parameters?(node: N): Parameter[];
  /** Multiply-adds of weights with real pixels, per image; none where it is left out. */
  multiplyAdds?(node: N, inputs: MapShape[], output: MapShape): number;
  /** Two nodes alike are two in a training, where each draws numbers of its own. */
  isRandom?: boolean;
  /** Its output is its input, in whichever way it lies. */
  isIdentity?(node: N, inputs: MapShape[], training: boolean): boolean;
  /** Where its output is some channels of its input: which. Such a tensor need not be copied. */
  view?(node: N, inputs: MapShape[]): ChannelMap;
  /** Where its output is its inputs, one behind the other: at which channel each begins. Inputs may be made there at once. */
  parts?(node: N, inputs: MapShape[]): number[];
  /** Where its output is its input with zeros around: how many rows above, columns to the left, rows below, columns to the right. */
  zeros?(node: N): PadNode["around"] | null;
  /** What it can be behind another op's sum; null where it cannot be joined here. */
  part?(node: N, inputs: MapShape[], batchNorm: "running" | "batch"): Part | null;
  /** What it can do behind its own sum. */
  takes?(batchNorm: "running" | "batch"): readonly PartName[];
  /** Steps of a forward pass. */
  forward(node: N, site: Site): Step[];
  /** Steps of the gradients of its inputs. */
  inputGradient(node: N, site: GradientSite): Step[];
  /** Steps of the gradients of its parameters, and of what else training changes; planned before those of its inputs. */
  weightGradient?(node: N, site: LearningSite): Step[];
  twin: Twin<N>;
}

/** One of two nodes that one kernel may do. */
export interface Joined<N extends NodeBase, S extends Site | GradientSite> {
  node: N;
  site: S;
}

/** Two ops of which the second alone reads what the first makes: one kernel for both, where it fits. */
export interface Pair<First extends NodeBase = NodeBase, Second extends NodeBase = NodeBase> {
  first: First["op"];
  second: Second["op"];
  /** @returns null where each has to be done by itself */
  forward(first: Joined<First, Site>, second: Joined<Second, Site>): Step[] | null;
  /** @returns null where each has to be done by itself; no target was asked for then */
  inputGradient(first: Joined<First, GradientSite>, second: Joined<Second, GradientSite>): Step[] | null;
}
