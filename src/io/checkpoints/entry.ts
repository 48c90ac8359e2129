/** What a state_dict that is written holds under a name. */
import type { Dtype } from "../arrays.js";
import type { Tensor } from "../types.js";

/** Numbers as they lie in memory, in the order of a tensor. */
export interface Bytes {
  shape: number[];
  data: Uint8Array;
  /** uint8 where it is left out. */
  dtype?: Dtype;
}

/** A tensor of floats; one whole number, as a batch norm's `num_batches_tracked`; or numbers of another type. */
export type Entry = Tensor | number | Bytes;

const isBytes = (entry: Tensor | Bytes): entry is Bytes => entry.data instanceof Uint8Array;

export const dtypeOf = (entry: Entry): Dtype => (typeof entry === "number" ? "int64" : isBytes(entry) ? (entry.dtype ?? "uint8") : "float32");

export const shapeOf = (entry: Entry): number[] => (typeof entry === "number" ? [] : entry.shape);

/** Little-endian, row-major. */
export const bytesOf = (entry: Entry): Uint8Array => (typeof entry === "number" ? new Uint8Array(BigInt64Array.of(BigInt(entry)).buffer) : new Uint8Array(entry.data.buffer, entry.data.byteOffset, entry.data.byteLength));
