/** What software's and hardware's kernels of convolutions have in common, seen from outside: each is a room of its own beside this file. */
import type { BlockLayout, Kernels, LayoutLimits } from "../../layout/blocks.js";
import type { ConvShape } from "./shape.js";

/** What of an adapter the kernels go by. */
export interface KernelLimits extends LayoutLimits {
  /** Weights come from neighbour lanes: needs subgroups of `lanes` and more. */
  shuffle: boolean;
  /** Sums that an invocation of a convolution keeps. */
  accumulators: number;
  /** Whether products are added to them one by one, not a step's among themselves first; by default where they are few. */
  direct?: boolean;
  /** Workgroups that keep the adapter busy; by default FEW_WORKGROUPS. */
  workgroups?: number;
}

/** As many as keep a software adapter busy. */
export const FEW_WORKGROUPS = 8;

/** What of a plan its tiles go by. */
export interface TiledLimits extends KernelLimits {
  /** Blocks of images of each filtered network, and how many of those there are; one where they are left out: a tile must not reach from one into the next. */
  blocksPerVariant?: number;
  variants?: number;
  /** Whether the kernel removes what the filter does from the weights it reads. */
  masked?: boolean;
}

/** What a tiled kernel, its weights' packing and its grid have to agree on. */
export interface TiledPlan {
  kernels: Kernels;
  shape: ConvShape;
  gradient: boolean;
  weightTexture: { width: number; height: number };
  /** Whether the kernel reads those texels from a buffer instead. */
  weightBuffer?: boolean;
  /** On real (non-padding) pixels, per image. */
  multiplyAdds: number;
}

/** One of the dispatches that do a convolution. */
export interface Dispatch {
  /** File in shaders/. */
  kernel: string;
  constants: Record<string, number | boolean>;
  params: Record<string, number>;
  grid: [number, number, number];
  /** Its share of the plan's. */
  multiplyAdds: number;
}

export interface Room<Plan extends TiledPlan, Tile extends object> {
  /** Files in shaders/. */
  kernels: string[];
  /** Whether a tiled kernel does it; else the plain one has to. */
  can(shape: ConvShape, gradient: boolean): boolean;
  /** The tile to take without measuring, and then others. */
  candidates(shape: ConvShape, gradient: boolean, limits: KernelLimits): Tile[];
  /**
   * @param input layout of what is read: the activations, or in a gradient the gradient of the convolution's output
   * @param output layout of what is written
   */
  plan(shape: ConvShape, gradient: boolean, input: BlockLayout, output: BlockLayout, tile: Tile, limits: TiledLimits): Plan;
  /** @param blocks of images that are written */
  dispatches(plan: Plan, output: BlockLayout, blocks: number, limits: KernelLimits): Dispatch[];
  /**
   * @param weights [outChannels][inChannels / groups][kernel rows][kernel columns]
   * @returns rgba32float texels of `plan.weightTexture`
   */
  pack(plan: Plan, weights: Float32Array): Float32Array;
  /** The same on the device, from parameters that a training changes: a file in shaders/ and its constants, one invocation a texel. */
  packing(plan: Plan): { kernel: string; constants: Record<string, number | boolean> };
}

/** Whether two tiles of one kernel are the same; one of them may have been read from a file. */
export const sameTile = <Tile extends object>(a: Tile, b: object | null | undefined): boolean =>
  Object.entries(a).every(([key, value]) => (b as Record<string, unknown> | null | undefined)?.[key] === value);

/** Each tile once, where it stands first. */
export const distinctTiles = <Tile extends object>(tiles: Tile[]): Tile[] => tiles.filter((tile, i) => tiles.findIndex((other) => sameTile(other, tile)) === i);
