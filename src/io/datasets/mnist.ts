import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { readWhole } from "../archives/gzip.js";
import { toNumbers, toUint8 } from "../arrays.js";
import { byteImages, checkLabels, type OpenOptions, type Opener } from "./images.js";
import { MNIST_NORMALISATION } from "./normalise.js";
import { arrayOf } from "../checkpoints/pickleGlobals.js";
import { FileSource } from "../source.js";
import { readTorchSaved } from "../checkpoints/torchSaved.js";
import type { Dataset } from "../types.js";

const FOLDERS = [".", "raw", "MNIST/raw", "MNIST", "mnist/raw", "mnist", "FashionMNIST/raw"];
const PT_FOLDERS = [".", "processed", "MNIST/processed", "mnist/processed", "FashionMNIST/processed"];
const PT_NAMES = { test: "test.pt", train: "training.pt" } as const;
/** Four times MNIST: its relatives with ten classes have up to 240,000 images. */
const MAX_PIXELS = 200_000_000;
const MAX_LABELS = 1_000_000;
const MAX_PT = 2 ** 30;
const META = { name: "mnist", channels: 1, classes: 10 } as const;
const STEMS = { test: ["t10k", "test"], train: ["train"] } as const;

/** Finds one split of MNIST (or a set in its format) in `dir` or its usual subfolders; null if it is not there. */
export function locateMnist(dir: string, options: OpenOptions): Opener | null {
  for (const folder of FOLDERS) {
    const idx = findIdx(join(dir, folder), options.split);
    if (idx) return () => openIdx(idx, options);
  }
  for (const folder of PT_FOLDERS) {
    const path = join(dir, folder, PT_NAMES[options.split]);
    if (existsSync(path)) return () => openPt(path, options);
  }
  return null;
}

/** Where the images and labels of one split lie in `dir` as raw idx files (or `.gz`), or null. */
function findIdx(dir: string, split: "test" | "train"): { images: string; labels: string } | null {
  const pick = (base: string, rank: number): string | null => {
    const kind = rank === 3 ? "images" : "labels";
    for (const name of [`${base}-${kind}-idx${rank}-ubyte`, `${base}-${kind}.idx${rank}-ubyte`]) {
      for (const suffix of ["", ".gz"]) if (existsSync(join(dir, name + suffix))) return join(dir, name + suffix);
    }
    return null;
  };
  for (const base of STEMS[split]) {
    const images = pick(base, 3);
    const labels = pick(base, 1);
    if (images && labels) return { images, labels };
    if (images || labels) {
      throw new InputError((images ?? labels)!, `lies there without its ${images ? "labels" : "images"} (${base}-${images ? "labels-idx1" : "images-idx3"}-ubyte); download both`);
    }
  }
  return null;
}

/** Reads an idx file of unsigned bytes: its dimensions and a view of its data. Throws InputError if it is anything else. */
function readIdx(path: string, rank: 1 | 3): { shape: number[]; data: Uint8Array } {
  const bytes = readWhole(path, rank === 3 ? MAX_PIXELS : MAX_LABELS);
  const header = 4 + 4 * rank;
  if (bytes.length < 4) throw new InputError(path, "is cut short inside its header; download it again");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  if (magic !== 0x800 + rank) {
    const kind = rank === 3 ? "images" : "labels";
    throw new InputError(path, `starts with 0x${magic.toString(16).padStart(8, "0")} where idx ${kind} start with 0x0000080${rank}; download the file again`);
  }
  if (bytes.length < header) throw new InputError(path, "is cut short inside its header; download it again");
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const wanted = shape.reduce((product, size) => product * size, 1);
  const there = bytes.length - header;
  if (wanted !== there) {
    throw new InputError(path, `declares ${shape.join("x")} bytes and holds ${there}; it is ${there < wanted ? "cut short" : "too long"}, download it again`);
  }
  return { shape, data: bytes.subarray(header) };
}

/** Opens MNIST, or a set in its format, from raw idx files. Pixels stay bytes in memory. */
function openIdx(files: { images: string; labels: string }, options: OpenOptions): Dataset {
  const images = readIdx(files.images, 3);
  const labels = readIdx(files.labels, 1);
  const [count, height, width] = images.shape;
  if (labels.shape[0] !== count) {
    throw new InputError(files.labels, `holds ${labels.shape[0]} labels and ${files.images} holds ${count} images; download both again`);
  }
  const meta = { ...META, files: [files.images, files.labels], height, width };
  return byteImages(meta, images.data, checkLabels(files.labels, labels.data, 10), MNIST_NORMALISATION, options);
}

/** Opens MNIST from torchvision's `processed` form: a saved tuple of uint8 images [N, H, W] and int64 labels [N]. */
function openPt(path: string, options: OpenOptions): Dataset {
  using source = new FileSource(path, MAX_PT);
  const saved = readTorchSaved(source)?.value;
  const [images, labels] = Array.isArray(saved) ? saved.map(arrayOf) : [];
  if (!images || !labels || images.shape.length !== 3 || labels.shape.length !== 1) {
    throw new InputError(path, "does not hold the pair of images and labels that torchvision saves for MNIST; download the dataset again");
  }
  const [count, height, width] = images.shape;
  if (labels.shape[0] !== count) throw new InputError(path, `holds ${count} images and ${labels.shape[0]} labels; download the dataset again`);
  if (images.numel > MAX_PIXELS || count > MAX_LABELS) throw new InputError(path, `holds ${images.shape.join("x")} pixels, far more than a set like MNIST has; it is another dataset`);
  const meta = { ...META, files: [path], height, width };
  return byteImages(meta, toUint8(path, images), checkLabels(path, toNumbers(path, labels), 10), MNIST_NORMALISATION, options);
}
