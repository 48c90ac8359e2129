/** What readers hand on: named tensors and images. Nothing here knows of a device. */

/** What a network takes of a pixel from 0 to 1: (pixel - mean) / std, per channel; one value stands for every channel. */
export interface Normalisation {
  mean: number[];
  std: number[];
}

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
  format: "torch-zip" | "torch-legacy" | "torch-tar" | "safetensors" | "exported";
  /** Of the file's bytes, hex. */
  sha256: string;
  tensors: Map<string, Tensor>;
  /** Whole numbers beside them that count the batches which a norm has seen. */
  counters?: ReadonlyMap<string, number>;
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

export type EmnistName = "emnist-balanced" | "emnist-byclass" | "emnist-bymerge" | "emnist-digits" | "emnist-letters" | "emnist-mnist";
/** `images`: pictures in folders, one a class; `arrays`: a file of images and labels. */
export type DatasetName = "mnist" | "fashion-mnist" | "kmnist" | "qmnist" | EmnistName | "cifar10" | "cifar100" | "tiny-imagenet" | "images" | "arrays";

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
  /** That the labels may name. */
  classes: number;
  labels: Int32Array;
  /** What the user should know of how the files were read. */
  notes?: string[];
  /** One value a channel. Null: the files hold normalised values of unknown origin. */
  normalisation: Normalisation | null;
  /** Normalised float32 pixels of `count` images from `first`, NCHW. */
  read(first: number, count: number): Float32Array;
  /** The same images normalised otherwise, one value a channel; absent where `normalisation` is null. */
  normalisedBy?(normalisation: Normalisation): Dataset;
}
