/** What a family of networks says of itself; the families are listed in table.ts. */
import type { Graph } from "../graph.js";
import type { Initialisation } from "./initialisation.js";

export interface Sizes {
  /** Channels of the first convolution. */
  width: number;
  /** Of the images. */
  channels: number;
  classes: number;
}

/** A network of a family as its paper or torchvision has it, at any width. */
export interface Member {
  /** torchvision's name where it has one. */
  name: string;
  /** In results, and of its folder in Saved_models/. */
  title: string;
  /** Of the published network. */
  width: number;
  /** All widths grow with that of the first convolution. */
  graph(sizes: Sizes): Graph;
}

/** A network as a file's tensors tell it. What they lack is taken from the published network, so that the check can name it. */
export interface Reading extends Sizes {
  title: string;
  graph: Graph;
  /** What no tensor tells, as it is taken here. */
  assumed: string[];
}

/** What no tensor tells and the user may; undefined where nothing was said. */
export interface StemOptions {
  /** Of the first convolution. */
  stride?: number;
  /** Whether a max-pool follows it. */
  pool?: boolean;
}

export interface Family {
  members: Member[];
  /** Has no stem that its tensors leave open. */
  knownStem?: boolean;
  /** @returns what the tensors may be, the likeliest first; none where there is no telling */
  read(tensors: TensorShapes, stem: StemOptions): Reading[];
  /** Where torchvision begins otherwise than torch.nn's layers do by themselves. */
  initialisation?: Partial<Initialisation>;
  /** Names of layers in execution order → in the order of PyTorch's module tree; the same where it is left out. */
  moduleOrder?(layers: string[]): string[];
}

/** Shapes of a file's tensors, asked for by layer. */
export class TensorShapes {
  constructor(readonly all: ReadonlyMap<string, readonly number[]>) {}

  /** Whether the layer has a weight. */
  has(layer: string): boolean {
    return this.all.has(`${layer}.weight`);
  }

  /** Size of a layer's weight along an axis: 0 output channels, 1 input channels (of a group), 2 rows of the kernel. */
  size(layer: string, axis: number, otherwise: number): number {
    return this.all.get(`${layer}.weight`)?.[axis] ?? otherwise;
  }

  /** How many there are of layers that are numbered, from `first` on without a gap; by any of their names. */
  count(layersOf: (index: number) => string[], first = 0): number {
    let index = first;
    while (layersOf(index).some((layer) => this.has(layer))) index++;
    return index - first;
  }
}

/** Channels of a network that is narrower or wider than the published one, at least one. */
export const scaled = (channels: number, scale: number): number => Math.max(1, Math.round(channels * scale));

export const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What is taken for a stem, told to somebody who may say otherwise. */
export const stemText = (kernel: number, stride: number, pool: boolean): string => `taken with a ${kernel}x${kernel} stem of stride ${stride} and ${pool ? "a max-pool" : "no max-pool"}`;
