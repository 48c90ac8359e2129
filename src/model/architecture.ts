/** A network without its weights, and with them. */
import type { Tensor } from "../io/types.js";
import type { MapShape } from "../layout/shape.js";
import type { Graph } from "./graph.js";

export interface Architecture {
  name: string;
  /** Channels of the first convolution. */
  width: number;
  /** Of the images. */
  channels: number;
  classes: number;
  graph: Graph;
  /** Filterable layers in order of the module tree. */
  layers: { name: string; weights: number; shape: number[] }[];
  /** Shape of the images, where the network is known for that alone: a program that was exported with one. */
  image?: MapShape;
  /** What the tensors don't tell, as it was taken: `taken with a 3x3 stem of stride 1 and no max-pool`. */
  assumed?: string[];
}

export interface Network extends Architecture {
  tensors: Map<string, Tensor>;
}
