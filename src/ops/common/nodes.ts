/** Fields of each op's node. Parameters are named by their tensors in the checkpoint; null where a node has none. */
import type { Pair, Window } from "../../layout/shape.js";

/** A node of a graph: one use of an op, making one tensor from earlier ones. */
export interface NodeBase {
  op: string;
  /** Names of tensors. */
  inputs: string[];
  /** Name of the tensor that it makes. */
  output: string;
}

export interface Conv2dNode extends NodeBase, Window {
  op: "conv2d";
  weight: string;
  bias: string | null;
  inChannels: number;
  outChannels: number;
  /** Rows below and columns to the right that are padded beyond `pad`. */
  padEnd: Pair;
  groups: number;
}

/** Of vectors: maps of one pixel. */
export interface LinearNode extends NodeBase {
  op: "linear";
  weight: string;
  bias: string | null;
  inFeatures: number;
  outFeatures: number;
}

export interface BatchNormNode extends NodeBase {
  op: "batch_norm";
  channels: number;
  weight: string | null;
  bias: string | null;
  mean: string;
  variance: string;
  epsilon: number;
  /** How fast the running statistics follow those of a batch; PyTorch's default by default. */
  momentum?: number;
}

/** A function of each pixel by itself; `low` and `high` are bounds (hardtanh, clamp) or parameters (leaky_relu: slope in `low`). */
export interface ActivationNode extends NodeBase {
  op: "activation";
  kind: "relu" | "relu6" | "hardtanh" | "leaky_relu" | "sigmoid" | "hardsigmoid" | "silu" | "hardswish" | "gelu" | "tanh" | "elu" | "softplus" | "gelu_tanh";
  low: number;
  high: number;
}

/** Of two maps; one of them may be a single pixel, which is added everywhere. */
export interface AddNode extends NodeBase {
  op: "add";
  /** Factor of the second. */
  alpha: number;
}

/** Pixel by pixel; one of them may be a single pixel. */
export interface MultiplyNode extends NodeBase {
  op: "multiply";
}

/** factor * x + shift, of each channel; one number each for all channels. */
export interface ScaleNode extends NodeBase {
  op: "scale";
  factor: number[];
  shift: number[];
}

/** Channels of all inputs, one behind the other. */
export interface ConcatNode extends NodeBase {
  op: "concat";
}

/** `count` channels from `from` on. */
export interface SliceNode extends NodeBase {
  op: "slice";
  from: number;
  count: number;
}

/** Channels c of `groups` groups of n: (group, c) becomes (c, group), as in ShuffleNet. */
export interface ShuffleNode extends NodeBase {
  op: "shuffle";
  groups: number;
}

/** Rows and columns of zeros: above, left, below, right. Below zero, as many are left out. */
export interface PadNode extends NodeBase {
  op: "pad";
  around: readonly [number, number, number, number];
}

export interface MaxPoolNode extends NodeBase, Window {
  op: "max_pool";
  ceil: boolean;
}

export interface AvgPoolNode extends NodeBase, Window {
  op: "avg_pool";
  ceil: boolean;
  /** Padding counts as zeros. */
  countPadding: boolean;
  /** Divides by this instead of by the window's pixels. */
  divisor: number | null;
}

/** Means over `height` x `width` windows that cover the map; 1x1 is the mean over the map. */
export interface AdaptiveAvgPoolNode extends NodeBase {
  op: "adaptive_avg_pool";
  height: number;
  width: number;
}

/** All pixels of all channels as one vector. */
export interface FlattenNode extends NodeBase {
  op: "flatten";
}

/** Nothing while nothing is trained. */
export interface DropoutNode extends NodeBase {
  op: "dropout";
  /** Of each number, to be dropped. */
  probability: number;
  /** Whole channels are, as by Dropout2d. */
  channels?: boolean;
  /** Of a program of net.eval(), where it and what it reads are one: some of its several readers may have meant that. */
  idle?: boolean;
  /** What is dropped and what is kept are moved so that mean and variance stay, as by AlphaDropout. */
  alpha?: boolean;
}

export type Node =
  | Conv2dNode | LinearNode | BatchNormNode | ActivationNode | AddNode | MultiplyNode | ScaleNode | ConcatNode | SliceNode | ShuffleNode | PadNode
  | MaxPoolNode | AvgPoolNode | AdaptiveAvgPoolNode | FlattenNode | DropoutNode;
