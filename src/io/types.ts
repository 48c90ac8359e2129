/** What readers hand on: named tensors and images. Nothing here knows of a device. */

/** Dense row-major float32 tensor. */
export interface Tensor {
  shape: number[];
  data: Float32Array;
}

/** What a layer in front of a network does with pixels of 0 to 1: (pixel - mean) / std, one value a channel. */
export interface Normalisation {
  mean: number[];
  std: number[];
}

/** A trained network's weights under the network's own names. */
export interface Checkpoint {
  /** As the user gave it. */
  path: string;
  format: "torch-zip" | "torch-legacy" | "torch-tar" | "safetensors";
  /** Of the file's bytes, hex. */
  sha256: string;
  tensors: Map<string, Tensor>;
  /** Of a normalising layer that is stored in front of the network; null where there is none. */
  normalisation: Normalisation | null;
}

/** A checkpoint whose weights are still in the file: 45 MB that a sweep over many of them needs one at a time. */
export interface CheckpointFile {
  /** As the user gave it. */
  path: string;
  format: Checkpoint["format"];
  /** Size, and time of the last change in ms: while they stay the file needn't be hashed again. */
  bytes: number;
  modified: number;
  shapes: Map<string, number[]>;
  normalisation: Normalisation | null;
  /** Which of the file's weights were asked for; null where the plain ones are meant. */
  key: string | null;
  /** What a user should know of how the weights were found, a sentence each. */
  notes: string[];
  load(): Promise<Checkpoint>;
}

export type DatasetName = "mnist" | "cifar10" | "tiny-imagenet";

/** Labelled images in file order. */
export interface Dataset {
  name: DatasetName;
  split: "test" | "train";
  /** Files the images came from, for messages and the manifest. */
  files: string[];
  /** Over labels and pixels as read (so the same images give the same hash whatever the container), hex. */
  sha256: string;
  images: number;
  channels: number;
  height: number;
  width: number;
  classes: number;
  labels: Int32Array;
  /** Normalised pixel = (pixel in 0..1 - mean) / std, per channel. Null: the files hold normalised values of unknown origin. */
  normalisation: Normalisation | null;
  /** Normalised float32 pixels of `count` images from `first`, NCHW. */
  read(first: number, count: number): Float32Array;
}
