/** One batch file of CIFAR-10, pickled or binary. */
import { InputError } from "../../errors.js";
import { toUint8 } from "../arrays.js";
import { checkLabels } from "./images.js";
import { Unpickler } from "../checkpoints/pickle.js";
import { arrayOf } from "../checkpoints/pickleGlobals.js";
import type { ByteSource } from "../source.js";

/** Pixels of one image. */
export const PIXELS = 3 * 32 * 32;
/** Bytes: the real batches have 31 million. */
export const MAX_BATCH = 1 << 25;

/** One batch: labels and NCHW bytes. */
export interface Batch {
  labels: Int32Array;
  pixels: Uint8Array;
}

/** The binary version: records of one label and 3072 bytes. */
function readBinary(file: string, source: ByteSource): Batch {
  const count = source.size / (PIXELS + 1);
  if (!Number.isInteger(count)) {
    throw new InputError(file, `is ${source.size} bytes long, which is no whole number of records of ${PIXELS + 1}; it is cut short, download it again`);
  }
  const bytes = source.read(0, source.size);
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * PIXELS);
  for (let i = 0; i < count; i++) {
    const at = i * (PIXELS + 1);
    labels[i] = bytes[at];
    pixels.set(bytes.subarray(at + 1, at + 1 + PIXELS), i * PIXELS);
  }
  return { labels: checkLabels(file, labels, 10), pixels };
}

/** The Python version: a pickled dict with `labels` (a list) and `data` (uint8 [N, 3072]). */
function readPython(file: string, source: ByteSource): Batch {
  const batch = new Unpickler(source).loadWhole();
  const data = batch instanceof Map ? arrayOf(batch.get("data")) : null;
  const labels = batch instanceof Map ? batch.get("labels") : null;
  if (!data || !Array.isArray(labels) || data.shape.length !== 2 || data.shape[1] !== PIXELS) {
    throw new InputError(file, "does not hold the labels and data of a CIFAR-10 batch; download it again");
  }
  if (labels.length !== data.shape[0]) {
    throw new InputError(file, `holds ${data.shape[0]} images and ${labels.length} labels; download it again`);
  }
  return { labels: checkLabels(file, labels as number[], 10), pixels: toUint8(file, data) };
}

/** Reads a batch, binary if its name ends in `.bin`. Throws InputError if it is anything else. */
export function readBatch(file: string, source: ByteSource, name: string): Batch {
  return name.endsWith(".bin") ? readBinary(file, source) : readPython(file, source);
}
