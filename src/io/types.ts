/** What readers hand on: named tensors and images. Nothing here knows of a device. */

/** Dense row-major float32 tensor. */
export interface Tensor {
  shape: number[];
  data: Float32Array;
}

/** A trained network's weights; names have lost a leading `model.` (and `module.`), but for those of an exported program. */
export interface Checkpoint {
  /** As the user gave it. */
  path: string;
  format: "torch-zip" | "torch-legacy" | "safetensors" | "exported";
  /** Of the file's bytes, hex. */
  sha256: string;
  tensors: Map<string, Tensor>;
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
  normalisation: { mean: number[]; std: number[] } | null;
  /** Normalised float32 pixels of `count` images from `first`, NCHW. */
  read(first: number, count: number): Float32Array;
}
