/** What names of a program stand for while it is taken over. */
import type { Memory } from "./memory.js";
import type { Dims } from "./layout.js";

/** A tensor that depends on the images. */
export interface ImageTensor {
  kind: "image";
  memory: Memory;
  dims: Dims;
}

/** A parameter, buffer or constant. */
export interface ConstantTensor {
  kind: "constant";
  /** Its name in the state_dict, or among the constants. */
  tensor: string;
  /** As in the file. */
  shape: readonly number[];
  isFloat: boolean;
  /** As it is used: equal to `shape` unless it was reshaped. */
  sizes: readonly number[];
  /** A matrix with rows and columns swapped. */
  transposed: boolean;
}

/** A whole number: a size, or the batch's. */
export interface SizeValue {
  kind: "size";
  size: number | "batch";
}

/** Something that may not be used; where it is, that is why. */
export interface Unusable {
  kind: "unusable";
  because: Error;
}

/** Log-probabilities, of which a cross-entropy makes what it makes of the logits: the end of a network. */
export interface LogProbabilities {
  kind: "log-probabilities";
  logits: ImageTensor;
}

export type Value = ImageTensor | ConstantTensor | SizeValue | Unusable | LogProbabilities;
