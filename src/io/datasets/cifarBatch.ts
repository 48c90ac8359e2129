/** One batch file of CIFAR-10 or CIFAR-100, pickled or binary. */
import { InputError } from "../../errors.js";
import { toNumbers, toUint8, type ArrayRef } from "../arrays.js";
import { checkLabels } from "./images.js";
import { Unpickler } from "../checkpoints/pickle.js";
import type { PickleValue } from "../checkpoints/pickleValues.js";
import { arrayOf } from "../checkpoints/pickleGlobals.js";
import type { ByteSource } from "../source.js";

/** Pixels of one channel, and of one image. */
const PLANE = 32 * 32;
export const PIXELS = 3 * PLANE;

/** One batch: labels and NCHW bytes. */
export interface Batch {
  labels: Int32Array;
  pixels: Uint8Array;
}

/** Which labels a batch has: the key of its dict, their number, and the bytes of a binary record with theirs among them. */
export interface Labelling {
  keys: string[];
  classes: number;
  bytes: number;
  at: number;
}

export const CIFAR10: Labelling = { keys: ["labels"], classes: 10, bytes: 1, at: 0 };
export const FINE: Labelling = { keys: ["fine_labels", "labels"], classes: 100, bytes: 2, at: 1 };
export const COARSE: Labelling = { keys: ["coarse_labels"], classes: 20, bytes: 2, at: 0 };

/** The binary version: records of one label, or a coarse and a fine one, and 3072 bytes. */
function readBinary(file: string, source: ByteSource, { classes, bytes: wide, at }: Labelling): Batch {
  const record = PIXELS + wide;
  const count = source.size / record;
  if (!Number.isInteger(count)) {
    throw new InputError(file, `is ${source.size} bytes long, which is no whole number of records of ${record}; it is cut short, download it again`);
  }
  const bytes = source.read(0, source.size);
  const labels = new Uint8Array(count);
  const pixels = new Uint8Array(count * PIXELS);
  for (let i = 0; i < count; i++) {
    labels[i] = bytes[i * record + at];
    pixels.set(bytes.subarray(i * record + wide, (i + 1) * record), i * PIXELS);
  }
  return { labels: checkLabels(file, labels, classes), pixels };
}

/** NHWC to NCHW. */
export function toPlanes<T extends Uint8Array | Float32Array>(pixels: T, count: number, channels: number, plane: number): T {
  const out = pixels.slice() as T;
  for (let i = 0; i < count; i++) {
    const start = i * channels * plane;
    for (let channel = 0; channel < channels; channel++) for (let p = 0; p < plane; p++) out[start + channel * plane + p] = pixels[start + p * channels + channel];
  }
  return out;
}

/** As NCHW bytes: rows of 3072 as the originals have them, or images written again as [N, 3, 32, 32] or [N, 32, 32, 3]. */
function pixelsOf(file: string, data: ArrayRef): Uint8Array | null {
  const [count, ...shape] = data.shape;
  const kind = shape.join("x");
  if (kind !== "3072" && kind !== "3x32x32" && kind !== "32x32x3") return null;
  const pixels = toUint8(file, data);
  return kind === "32x32x3" ? toPlanes(pixels, count, 3, PLANE) : pixels;
}

/** A list of labels, or an array of them. */
function labelsOf(file: string, value: PickleValue | undefined): ArrayLike<number> | null {
  const array = arrayOf(value);
  if (array) return array.shape.length === 1 ? toNumbers(file, array) : null;
  if (!Array.isArray(value)) return null;
  // Written again, a list may hold NumPy's numbers.
  return value.map((item) => {
    const element = arrayOf(item);
    return (element?.numel === 1 ? toNumbers(file, element)[0] : item) as number;
  });
}

/** The Python version: a pickled dict with labels and `data` (uint8). */
function readPython(file: string, source: ByteSource, { keys, classes }: Labelling): Batch {
  const batch = new Unpickler(source).loadWhole();
  const data = batch instanceof Map ? arrayOf(batch.get("data")) : null;
  const labels = batch instanceof Map ? labelsOf(file, keys.map((key) => batch.get(key)).find((value) => value !== undefined)) : null;
  const pixels = data && labels && pixelsOf(file, data);
  if (!data || !labels || !pixels) throw new InputError(file, `does not hold the ${keys[0]} and data of a CIFAR-${classes === 10 ? 10 : 100} batch; download it again`);
  if (labels.length !== data.shape[0]) {
    throw new InputError(file, `holds ${data.shape[0]} images and ${labels.length} labels; download it again`);
  }
  return { labels: checkLabels(file, labels, classes), pixels };
}

/** Reads a batch, binary if its name ends in `.bin`. Throws InputError if it is anything else. */
export function readBatch(file: string, source: ByteSource, name: string, labelling: Labelling): Batch {
  return name.endsWith(".bin") ? readBinary(file, source, labelling) : readPython(file, source, labelling);
}
