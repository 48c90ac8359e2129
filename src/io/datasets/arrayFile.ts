/** Images and labels as arrays of one file (.npz, .safetensors), or of two (.npy, .npz): for whatever else people have. */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";
import { InputError } from "../../errors.js";
import { isFloat, toFloat32, toNumbers, toUint8, type ArrayRef } from "../arrays.js";
import { readZip } from "../archives/zip.js";
import { isSafetensors, readSafetensors } from "../checkpoints/safetensors.js";
import { toPlanes } from "./cifarBatch.js";
import { isFile, namesIn } from "./folders.js";
import { byteDataset, checkLabels, floatDataset, labelBytes, limited, type OpenOptions } from "./images.js";
import { usualNormalisation } from "./normalise.js";
import { isNpy, readNpy } from "./npy.js";
import { FileSource, type ByteSource } from "../source.js";
import type { Dataset } from "../types.js";

/** A million colour pictures of 64 pixels, as float32. */
const MAX_FILE = 2 ** 36;
const MOST_CLASSES = 1 << 20;

/** Names of images and of their labels, in the order in which they are looked for; `*` is the split. */
const PAIRS: [images: string, labels: string][] = [["images", "labels"], ["*_images", "*_labels"], ["x_*", "y_*"], ["X_*", "Y_*"], ["X_*", "y_*"], ["x", "y"], ["X", "y"], ["X", "Y"], ["image", "label"], ["data", "labels"], ["data", "targets"], ["arr_0", "arr_1"]];

function pairIn(file: string, arrays: ReadonlyMap<string, ArrayRef>, split: "test" | "train"): { images: ArrayRef; labels: ArrayRef } {
  for (const names of PAIRS) {
    const [images, labels] = names.map((name) => arrays.get(name.replace("*", split)));
    if (images && labels) return { images, labels };
  }
  const names = [...arrays.keys()].slice(0, 8).map((name) => JSON.stringify(name.slice(0, 40)).slice(1, -1)).join(", ");
  throw new InputError(file, `holds ${names || "nothing"} and no images with labels; name the arrays images and labels, or x_${split} and y_${split}`);
}

/** Every array of an .npz. What is no array of numbers is left out, and so can't be wanted. */
function npzArrays(source: ByteSource): Map<string, ArrayRef> {
  const arrays = new Map<string, ArrayRef>();
  const wanted = new Set(PAIRS.flat().flatMap((name) => [name.replace("*", "test"), name.replace("*", "train")]));
  for (const [entry, content] of readZip(source)) {
    const name = entry.replace(/\.npy$/, "");
    if (wanted.has(name)) arrays.set(name, readNpy(content, entry));
  }
  return arrays;
}

/** The labels that lie beside a file of images: `x_labels.npy`, `y_test.npy` beside `x_test.npy`, KMNIST's `kmnist-test-labels.npz` beside `kmnist-test-imgs.npz`, CIFAR-10-C's `labels.npy`. */
function labelsBeside(path: string): string {
  const [, stem, ending] = /^(.*)\.(np[yz])$/i.exec(basename(path)) ?? [, basename(path), "npy"];
  const swapped = stem.replace(/images?|imgs?/i, "labels").replace(/(^|_)[xX](?=_|$)/, (_, before: string) => `${before}y`).replace(/(^|_)data(?=_|$)/, "$1labels");
  const names = [...(swapped === stem ? [] : [swapped]), `${stem}_labels`, `${stem}-labels`, "labels"].map((name) => join(dirname(path), `${name}.${ending}`));
  const found = names.find((name) => name !== path && isFile(name));
  if (found === undefined) throw new InputError(path, `holds images, and their labels lie in none of ${names.map((name) => basename(name)).join(", ")} beside it; save them there`);
  return found;
}

/** The array of an .npy, or that of an .npz that holds nothing else. */
function onlyArray(source: ByteSource): ArrayRef | null {
  if (isNpy(source)) return readNpy(source);
  const entries = [...readZip(source)];
  return entries.length === 1 && isNpy(entries[0][1]) ? readNpy(entries[0][1], entries[0][0]) : null;
}

/** Where channels, height and width of an image lie. */
interface Layout {
  channels: number;
  height: number;
  width: number;
  /** Whether channels come last. */
  last: boolean;
}

/** [N, H, W], [N, C, H, W], [N, H, W, C], or rows of a square's pixels. */
function layoutOf(file: string, [, ...shape]: readonly number[]): Layout {
  const isChannels = (size: number): boolean => size === 1 || size === 3;
  if (shape.length === 3 && isChannels(shape[0])) return { channels: shape[0], height: shape[1], width: shape[2], last: false };
  if (shape.length === 3 && isChannels(shape[2])) return { channels: shape[2], height: shape[0], width: shape[1], last: true };
  if (shape.length === 2) return { channels: 1, height: shape[0], width: shape[1], last: false };
  const side = Math.sqrt(shape[0]);
  if (shape.length === 1 && shape[0] === 3072) return { channels: 3, height: 32, width: 32, last: false };
  if (shape.length === 1 && Number.isInteger(side) && side > 0) return { channels: 1, height: side, width: side, last: false };
  throw new InputError(file, `holds images of shape ${shape.join("x") || "(none)"}, and HxW, CxHxW or HxWxC of 1 or 3 channels are known; save them so`);
}

/** Whole numbers, one an image: [N] or [N, 1]. */
function labelsOf(file: string, array: ArrayRef, images: number): Int32Array {
  const { shape } = array;
  if (shape.length === 0 || shape.length > 2 || (shape.length === 2 && shape[1] !== 1)) throw new InputError(file, `holds labels of shape ${shape.join("x") || "(none)"} where one number an image is expected; save argmax(1) of them`);
  if (shape[0] !== images) throw new InputError(file, `holds ${images} images and ${shape[0]} labels; save them again`);
  return checkLabels(file, toNumbers(file, array), MOST_CLASSES);
}

/** Opens a file of images and labels; they stay in the file, which is kept open. @throws InputError for any other file */
export function openArrays(path: string, options: OpenOptions): Dataset {
  const source = new FileSource(path, MAX_FILE);
  try {
    const isZip = source.size > 4 && Buffer.from(source.read(0, 2)).toString("latin1") === "PK";
    const images = isZip || isNpy(source) ? onlyArray(source) : null;
    if (images) {
      const beside = labelsBeside(path);
      using labels = new FileSource(beside, MAX_FILE);
      const array = onlyArray(labels);
      if (!array) throw new InputError(beside, "holds more than one array of labels; save them alone");
      return dataset([path, beside], images, labelsOf(beside, array, images.shape[0]), options);
    }
    if (!isZip && !isSafetensors(source)) throw new InputError(path, "is a file that holds no images: neither .npz, .npy nor .safetensors; name such a file, or the folder of a dataset");
    const pair = pairIn(path, isZip ? npzArrays(source) : readSafetensors(source), options.split);
    return dataset([path], pair.images, labelsOf(path, pair.labels, pair.images.shape[0]), options);
  } catch (error) {
    source.close();
    throw error;
  }
}

function dataset(files: string[], array: ArrayRef, labels: Int32Array, options: OpenOptions): Dataset {
  const [file] = files;
  const { channels, height, width, last } = layoutOf(file, array.shape);
  const images = limited(file, labels.length, options.limit);
  const size = channels * height * width;
  if (size === 0) throw new InputError(file, "holds images without pixels; save them again");
  const used = labels.slice(0, images);
  const planes = <T extends Uint8Array | Float32Array>(pixels: T, count: number): T => (last && channels > 1 ? toPlanes(pixels, count, channels, height * width) : pixels);
  const part = (first: number, count: number): ArrayRef => array.part(first, count);
  const facts = { name: "arrays" as const, split: options.split, files, images, channels, height, width, classes: labels.reduce((most, label) => Math.max(most, label + 1), 1), labels: used };
  const hash = createHash("sha256").update(labelBytes(used));
  if (!isFloat(array.dtype)) {
    const bytes = (first: number, count: number): Uint8Array => planes(toUint8(file, part(first, count)), count);
    for (let i = 0; i < images; i++) hash.update(bytes(i, 1));
    return byteDataset({ ...facts, sha256: hash.digest("hex") }, bytes, usualNormalisation(channels, height, width));
  }
  const floats = (first: number, count: number): Float32Array => planes(toFloat32(file, part(first, count)), count);
  let [least, most] = [Infinity, -Infinity];
  for (let i = 0; i < images; i++) {
    const pixels = floats(i, 1);
    for (const pixel of pixels) {
      if (!Number.isFinite(pixel)) throw new InputError(file, `holds a pixel that is not a finite number (image ${i}); save them again`);
      if (pixel < least) least = pixel;
      if (pixel > most) most = pixel;
    }
    hash.update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
  }
  return floatDataset({ ...facts, sha256: hash.digest("hex") }, floats, [least, most]);
}

/** Files of arrays in a folder, to be named. */
export const arraysIn = (dir: string): string[] => namesIn(dir).files.filter((name) => /\.(npz|npy|safetensors)$/i.test(name));
