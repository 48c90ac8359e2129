import { createHash } from "node:crypto";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { ArrayRef, DTYPE_BYTES, isFloat, toFloat32, toNumbers } from "../arrays.js";
import { checkLabels, checkWindow, labelBytes, limited, type Found, type OpenOptions } from "./images.js";
import type { Listed } from "./folders.js";
import { Unpickler } from "../checkpoints/pickle.js";
import type { PickleValue } from "../checkpoints/pickleValues.js";
import { arrayOf } from "../checkpoints/pickleGlobals.js";
import { FileSource, type ByteSource } from "../source.js";
import { readNestedStorage } from "../checkpoints/torchLegacy.js";
import { readTorchSaved } from "../checkpoints/torchSaved.js";
import type { Dataset } from "../types.js";

const CLASSES = 200;
const [CHANNELS, HEIGHT, WIDTH] = [3, 64, 64];
const SIZE = CHANNELS * HEIGHT * WIDTH;
/** 100,000 images to train with are 4.9 GB, and 7.4 GB where protocol 2 writes them as text. */
const MAX_FILE = 2 ** 34;

/** Finds one split of Tiny ImageNet as the notebooks pickle it. */
export function locateTinyPickle(tree: Listed[], options: OpenOptions): Found[] {
  const name = `${options.split}_set.pkl`;
  const there = tree.find(({ files, folders }) => files.includes(name) || folders.includes(name));
  return there ? [{ name: "tiny-imagenet", open: () => openPickle(join(there.path, name), options) }] : [];
}

/**
 * Opens a dict of `labels` and `images`; the images (float [3, 64, 64] each, or one stack of them) are ready tensors. They
 * stay in the file, which is kept open, and are read when they are asked for.
 */
function openPickle(path: string, options: OpenOptions): Dataset {
  const source = new FileSource(path, MAX_FILE);
  try {
    const saved = loadAny(source);
    if (!(saved instanceof Map) || !saved.has("labels") || !saved.has("images")) {
      throw new InputError(path, "does not hold a dict with labels and images; make it again with the notebook");
    }
    const images = imagesOf(source, saved.get("images")!);
    const labels = checkLabels(path, labelsOf(path, saved.get("labels")!, images.count), CLASSES);
    return dataset(path, labels, images, options);
  } catch (error) {
    source.close();
    throw error;
  }
}

function loadAny(source: ByteSource): PickleValue {
  return readTorchSaved(source)?.value ?? new Unpickler(source, { nestedLoad: readNestedStorage }).loadWhole();
}

function labelsOf(path: string, value: PickleValue, images: number): ArrayLike<number> {
  const array = arrayOf(value);
  const count = array?.shape.length === 1 ? array.shape[0] : Array.isArray(value) ? value.length : null;
  if (count === null) throw new InputError(path, "holds labels that are neither a list nor a tensor; make it again");
  if (count !== images) throw new InputError(path, `holds ${images} images and ${count} labels; make it again`);
  if (!Array.isArray(value)) return toNumbers(path, array!);
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

function imagesOf(source: ByteSource, value: PickleValue): Images {
  const path = source.file;
  const stack = arrayOf(value);
  if (stack) {
    checkImage(path, stack.shape.slice(1), stack);
    return { count: stack.shape[0], get: (index) => stack.part(index, 1) };
  }
  if (!Array.isArray(value)) throw new InputError(path, "holds images that are neither a list nor a tensor; make it again");
  // One image listed a million times would be hashed a million times.
  let left = source.size;
  const arrays = value.map((item, i) => {
    const array = arrayOf(item);
    if (!array) throw new InputError(path, `holds an image that is not a tensor (image ${i}); make it again`);
    checkImage(path, array.shape, array);
    left -= array.span * DTYPE_BYTES[array.dtype];
    if (left < 0) throw new InputError(path, "holds images that together are larger than the file; make it again");
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
