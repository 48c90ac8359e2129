/** What a planner offers an op: where its tensors lie, and what can be had beside them. */
import type { BlockLayout, ChannelMap } from "../../layout/blocks.js";
import type { AnyPlan, TileTable } from "../convolution/kernels.js";
import type { KernelLimits } from "../convolution/room.js";
import type { BatchNormNode } from "./nodes.js";

export type { KernelLimits };

export interface SiteOptions extends KernelLimits {
  /** Filtered networks stacked along the batch. */
  variants: number;
  /** Blocks of images, see `blocksFor`. */
  blocksPerVariant: number;
  /** Images in the tile; what lies behind them is padding. */
  images: number;
  batchNorm: "running" | "batch";
  /** Tiles found by measuring, by `tileKey`; results do not depend on them. */
  tiles?: TileTable;
  /** Parameters are learned: weight gradients follow, and what only training does is done. */
  training?: boolean;
}

/** A tensor of a whole batch in one pass: a resource, how it lies, and how many blocks of images it holds. */
export interface Place {
  resource: string;
  layout: BlockLayout;
  blocks: number;
}

/** max(x, 0), or with a cap min(max(x, 0), cap). */
export interface Relu {
  cap: number | null;
}

/** What is done behind an op's sum. */
export interface Epilogue {
  norm: BatchNormNode | null;
  residual: Place | null;
  relu: Relu | null;
}

/** Scale and shift of each channel: a convolution's bias, then a batch norm with the trained statistics or none. */
export interface Affine {
  channels: number;
  bias: string | null;
  norm: BatchNormNode | null;
  /** Numbers of a graph itself, in place of both; one each for all channels, or one a channel. */
  literal: { factor: number[]; shift: number[] } | null;
  /** Whether the norm's trained statistics are part of it, or only its weight and bias. */
  statistics: boolean;
}

/** Weights as a texture: packed for a tiled kernel, or row by row as they are. */
export interface WeightPlan {
  tensor: string;
  /** Null: as they are in the checkpoint, four a texel, in rows of `width`. */
  conv: AnyPlan | null;
  width: number;
  height: number;
  /** Whose scale is multiplied into them, by output channel; null for none. */
  scale: Affine | null;
}

interface AnySite {
  options: SiteOptions;
  /** What the op read in the forward pass. */
  inputs: Place[];
  /** What it made of it. */
  output: Place;
  epilogue: Epilogue;
  /** Intervals of removed weights, where a filter sees this tensor; else null. */
  intervals(tensor: string): string | null;
  /** Registers weights of the node. @param form tells several of one node apart */
  weights(form: string, plan: WeightPlan): string;
  affine(affine: Affine): string;
  /** Registers a texture beside the output, as large as said. */
  texture(name: string, width: number, height: number): string;
  /** How a tensor of such maps and channels lies that has a texture of its own. */
  plain(layout: BlockLayout): BlockLayout;
}

/** Of a forward pass. */
export interface Site extends AnySite {
  /** Whether a gradient follows, for which something has to be kept. */
  keeps: boolean;
  /** The ReLU in front of an input, if that is what made it. */
  reluOf(input: number): Relu | null;
  /** Of a tensor that training counts, in the buffer `statistics`; null where it stays as it is. */
  counted(tensor: string): number | null;
}

/** Where a step writes the gradient of an input. */
export interface Target {
  place: Place;
  /** What came from other readers of the input, to be added. */
  residual: Place | null;
  /** Activation behind the ReLU that made the input: the gradient passes where that is open. */
  gate: { place: Place; relu: Relu } | null;
}

/** Of the gradient of the inputs. */
export interface GradientSite extends AnySite {
  /** Gradient of the op's output, behind the gate of its ReLU. */
  gradient: Place;
  /** A texture that the forward pass registered beside the output. */
  kept(name: string): string;
  /**
   * @param can what the step does itself; what it cannot is done by a step behind it
   * @returns where it writes, and what else it has to do
   */
  target(input: number, can: { sum: boolean; gate: boolean }): Target;
  /** Hands the gradient of the output on to an input as it is, or the part of it that the input's channels are. */
  pass(input: number, map?: ChannelMap): void;
  /** Whether nothing has to be done to the gradient of an input behind the step: nobody else adds to it, and no ReLU made it. */
  isSole(input: number): boolean;
}

/** Where a tensor's numbers lie on the device: in floats from the beginning of a buffer, a multiple of 4. */
export interface ParameterPlace {
  /** What the buffer is called behind `parameters/` and `gradients/`. */
  arena: string;
  first: number;
}

/** Of the gradients of parameters, which are added to what is there. */
export interface LearningSite extends AnySite {
  /** Gradient of the op's output, behind the gate of its ReLU. */
  gradient: Place;
  /** A texture that the forward pass registered beside the output. */
  kept(name: string): string;
  /** Of a learned tensor; null where it is not learned. */
  learned(tensor: string): ParameterPlace | null;
}
