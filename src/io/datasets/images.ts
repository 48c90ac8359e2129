import { createHash } from "node:crypto";
import { InputError } from "../../errors.js";
import { normaliser, perChannel } from "./normalise.js";
import type { Dataset, DatasetName, Normalisation } from "../types.js";

/** Which part of a dataset to open. */
export interface OpenOptions {
  split: "test" | "train";
  /** The first so many images in file order; all by default. */
  limit?: number;
  /** The 20 coarse classes of CIFAR-100. */
  coarse?: boolean;
  /** Of pictures in folders: the length of the shorter side, or height and width; as torchvision's Resize does it. */
  resize?: number | [height: number, width: number];
  /** The middle of the picture, likewise; as CenterCrop. */
  crop?: number | [height: number, width: number];
  /** Of the network, for pictures that may be read as gray ones or as coloured ones. */
  channels?: number;
}

/** A dataset that lies there. */
export interface Found {
  name: DatasetName;
  /** @param asked the name its user has for it, where it has several */
  open(asked?: DatasetName): Dataset | Promise<Dataset>;
}

/** What a reader knows of its images before their number. */
export interface ImageMeta {
  name: DatasetName;
  files: string[];
  channels: number;
  height: number;
  width: number;
  classes: number;
  notes?: string[];
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

/** A dataset but for its pixels. */
type Facts = Omit<Dataset, "normalisation" | "read" | "normalisedBy">;

/**
 * A dataset over bytes.
 * @param bytes NCHW bytes of `count` images from `first`
 * @param normalisation of one value, or of one a channel
 */
export function byteDataset(facts: Facts, bytes: (first: number, count: number) => Uint8Array, normalisation: Normalisation): Dataset {
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

/**
 * A dataset over floats: taken as they are, unless a normalisation is asked for; they are pixels from 0 to 1 then.
 * @param floats NCHW floats of `count` images from `first`
 * @param range the smallest and the largest of them
 */
export function floatDataset(facts: Facts, floats: (first: number, count: number) => Float32Array, [least, most]: [number, number]): Dataset {
  const { channels, height, width, images } = facts;
  const plane = height * width;
  const [file] = facts.files;
  const plain = (first: number, count: number): Float32Array => {
    checkWindow(first, count, images);
    return floats(first, count);
  };
  const normalised = (normalisation: Normalisation): Dataset => {
    if (least < 0 || most > 1) throw new InputError(file, `holds pixels from ${least} to ${most}, and what is normalised goes from 0 to 1${most > 1 && least >= 0 ? "; divide them by 255" : "; they are normalised already"}, or leave the normalisation out`);
    const { mean, std } = perChannel(normalisation, channels)!;
    const f = Math.fround;
    return {
      ...facts,
      normalisation: { mean, std },
      read: (first, count) => plain(first, count).map((pixel, i) => f(f(pixel - f(mean[Math.floor(i / plane) % channels])) / f(std[Math.floor(i / plane) % channels]))),
      normalisedBy: normalised,
    };
  };
  return { ...facts, normalisation: null, notes: [...(facts.notes ?? []), `${file} holds floats, which are taken as they are; --mean and --std normalise pixels of 0 to 1`], read: plain, normalisedBy: normalised };
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
