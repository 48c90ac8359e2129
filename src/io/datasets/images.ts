import { createHash } from "node:crypto";
import { InputError } from "../../errors.js";
import { normaliser, perChannel } from "./normalise.js";
import type { Dataset, DatasetName, Normalisation } from "../types.js";

/** Which part of a dataset to open. */
export interface OpenOptions {
  split: "test" | "train";
  /** The first so many images in file order; all by default. */
  limit?: number;
}

/** Opens what was found. */
export type Opener = () => Dataset | Promise<Dataset>;

/** What a reader knows of its images before their number. */
export interface ImageMeta {
  name: DatasetName;
  files: string[];
  channels: number;
  height: number;
  width: number;
  classes: number;
}

/** A label fit for a message, whatever a pickle gave: lists may be endless or endlessly deep. */
function shown(label: unknown): string {
  if (typeof label === "string") return JSON.stringify(label.slice(0, 40));
  return typeof label === "number" || typeof label === "bigint" ? String(label) : "of another type";
}

/** Labels as int32 after checking that each is a whole number from 0 to classes - 1; throws InputError naming `file`. */
export function checkLabels(file: string, labels: ArrayLike<number>, classes: number): Int32Array {
  const out = new Int32Array(labels.length);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i];
    if (!(Number.isInteger(label) && label >= 0 && label < classes)) {
      throw new InputError(file, `gives image ${i} the label ${shown(label)}, and labels go from 0 to ${classes - 1}; it is damaged or another dataset's`);
    }
    out[i] = label;
  }
  return out;
}

/** Throws RangeError unless images `first` to `first + count` exist. */
export function checkWindow(first: number, count: number, images: number): void {
  if (!(Number.isInteger(first) && Number.isInteger(count) && first >= 0 && count >= 0 && first + count <= images)) {
    throw new RangeError(`images ${first} to ${first + count} were asked for, and there are ${images}`);
  }
}

/** Number of images to use; InputError if there are none. */
export function limited(file: string, available: number, limit?: number): number {
  if (available === 0) throw new InputError(file, "holds no images; download it again");
  return Math.min(available, limit ?? available);
}

/** Bytes of labels for hashing: int32 little-endian. */
export function labelBytes(labels: Int32Array): Uint8Array {
  return new Uint8Array(labels.buffer, labels.byteOffset, labels.byteLength);
}

/**
 * A dataset over bytes.
 * @param bytes NCHW bytes of `count` images from `first`
 * @param normalisation of one value, or of one a channel
 */
export function byteDataset(facts: Omit<Dataset, "normalisation" | "read" | "normalisedBy">, bytes: (first: number, count: number) => Uint8Array, normalisation: Normalisation): Dataset {
  const { channels, height, width, images } = facts;
  const normalise = normaliser(perChannel(normalisation, channels)!, height * width);
  return {
    ...facts,
    normalisation: perChannel(normalisation, channels),
    read(first, count) {
      checkWindow(first, count, images);
      return normalise(bytes(first, count));
    },
    normalisedBy: (other) => byteDataset(facts, bytes, other),
  };
}

/** A dataset over NCHW bytes in memory; `labels` and `pixels` hold every image of the files, of which `limit` are used. */
export function byteImages(meta: ImageMeta, pixels: Uint8Array, labels: Int32Array, normalisation: Normalisation, options: OpenOptions): Dataset {
  const size = meta.channels * meta.height * meta.width;
  const images = limited(meta.files[0], labels.length, options.limit);
  if (size === 0) throw new InputError(meta.files[0], "holds images without pixels; download it again");
  const used = pixels.subarray(0, images * size);
  const usedLabels = labels.slice(0, images);
  const sha256 = createHash("sha256").update(labelBytes(usedLabels)).update(used).digest("hex");
  return byteDataset({ ...meta, split: options.split, sha256, images, labels: usedLabels }, (first, count) => used.subarray(first * size, (first + count) * size), normalisation);
}
