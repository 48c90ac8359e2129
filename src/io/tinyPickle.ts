import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { ArrayRef, isFloat, toFloat32, toNumbers } from "./arrays.js";
import { checkLabels, checkWindow, labelBytes, limited, type OpenOptions, type Opener } from "./images.js";
import { Unpickler, type PickleValue } from "./pickle.js";
import { arrayOf } from "./pickleGlobals.js";
import { FileSource, type ByteSource } from "./source.js";
import { readNestedStorage } from "./torchLegacy.js";
import { readTorchSaved } from "./torchSaved.js";
import type { Dataset } from "./types.js";

const FOLDERS = [".", "complete_dataset", "tiny-imagenet-200/complete_dataset", "tiny-imagenet-200"];
const CLASSES = 200;
const [CHANNELS, HEIGHT, WIDTH] = [3, 64, 64];
const SIZE = CHANNELS * HEIGHT * WIDTH;

/** Finds one split of Tiny ImageNet as the notebooks pickle it; null if it is not there. */
export function locateTinyPickle(dir: string, options: OpenOptions): Opener | null {
  const path = FOLDERS.map((folder) => join(dir, folder, `${options.split}_set.pkl`)).find((candidate) => existsSync(candidate));
  return path ? () => openPickle(path, options) : null;
}

/**
 * Opens a dict of `labels` and `images`; the images (float [3, 64, 64] each, or one stack of them) are ready tensors. They
 * stay in the file, which is kept open, and are read when they are asked for.
 */
function openPickle(path: string, options: OpenOptions): Dataset {
  const source = new FileSource(path);
  try {
    const saved = loadAny(source);
    if (!(saved instanceof Map) || !saved.has("labels") || !saved.has("images")) {
      throw new InputError(path, "does not hold a dict with labels and images; make it again with the notebook");
    }
    const labels = checkLabels(path, labelsOf(path, saved.get("labels")!), CLASSES);
    const images = imagesOf(path, saved.get("images")!);
    if (images.count !== labels.length) throw new InputError(path, `holds ${images.count} images and ${labels.length} labels; make it again`);
    return dataset(path, labels, images, options);
  } catch (error) {
    source.close();
    throw error;
  }
}

function loadAny(source: ByteSource): PickleValue {
  return readTorchSaved(source)?.value ?? new Unpickler(source, { nestedLoad: readNestedStorage }).load();
}

function labelsOf(path: string, value: PickleValue): number[] {
  const array = arrayOf(value);
  if (array && array.shape.length === 1) return toNumbers(path, array);
  if (!Array.isArray(value)) throw new InputError(path, "holds labels that are neither a list nor a tensor; make it again");
  return value.map((item, i) => {
    if (typeof item === "number") return item;
    const element = arrayOf(item);
    if (element?.numel !== 1) throw new InputError(path, `holds a label that is not a number (image ${i}); make it again`);
    return toNumbers(path, element)[0];
  });
}

interface Images {
  count: number;
  get(index: number): ArrayRef;
}

function checkImage(path: string, shape: readonly number[], array: ArrayRef): void {
  if (shape.length !== 3 || shape[0] !== CHANNELS || shape[1] !== HEIGHT || shape[2] !== WIDTH || !isFloat(array.dtype)) {
    throw new InputError(path, `holds images of ${array.dtype} and shape ${shape.join("x")} where floats of 3x64x64 are expected; make it again`);
  }
}

function imagesOf(path: string, value: PickleValue): Images {
  const stack = arrayOf(value);
  if (stack) {
    checkImage(path, stack.shape.slice(1), stack);
    return { count: stack.shape[0], get: (index) => stack.part(index, 1) };
  }
  if (!Array.isArray(value)) throw new InputError(path, "holds images that are neither a list nor a tensor; make it again");
  const arrays = value.map((item, i) => {
    const array = arrayOf(item);
    if (!array) throw new InputError(path, `holds an image that is not a tensor (image ${i}); make it again`);
    checkImage(path, array.shape, array);
    return array;
  });
  return { count: arrays.length, get: (index) => arrays[index] };
}

function dataset(path: string, labels: Int32Array, all: Images, options: OpenOptions): Dataset {
  const images = limited(path, labels.length, options.limit);
  const used = labels.slice(0, images);
  const hash = createHash("sha256").update(labelBytes(used));
  for (let i = 0; i < images; i++) {
    const pixels = toFloat32(path, all.get(i));
    if (!pixels.every(Number.isFinite)) throw new InputError(path, `holds a pixel that is not a finite number (image ${i}); make it again`);
    hash.update(new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength));
  }
  return {
    name: "tiny-imagenet",
    split: options.split,
    files: [path],
    sha256: hash.digest("hex"),
    images,
    channels: CHANNELS,
    height: HEIGHT,
    width: WIDTH,
    classes: CLASSES,
    labels: used,
    normalisation: null,
    read(first, count) {
      checkWindow(first, count, images);
      const out = new Float32Array(count * SIZE);
      for (let i = 0; i < count; i++) out.set(toFloat32(path, all.get(first + i)), i * SIZE);
      return out;
    },
  };
}
