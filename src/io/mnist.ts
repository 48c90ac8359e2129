import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { readWhole } from "./gzip.js";
import { byteImages, checkLabels, type OpenOptions } from "./images.js";
import { MNIST_NORMALISATION } from "./normalise.js";
import type { Dataset } from "./types.js";

const PIXELS_MAX = 1 << 28;
const STEMS = { test: ["t10k", "test"], train: ["train"] } as const;

/** Where the images and labels of one split lie in `dir` as raw idx files (or `.gz`), or null. */
export function findIdx(dir: string, split: "test" | "train"): { images: string; labels: string } | null {
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
  const bytes = readWhole(path, PIXELS_MAX);
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
export function openIdx(files: { images: string; labels: string }, options: OpenOptions): Dataset {
  const images = readIdx(files.images, 3);
  const labels = readIdx(files.labels, 1);
  const [count, height, width] = images.shape;
  if (labels.shape[0] !== count) {
    throw new InputError(files.labels, `holds ${labels.shape[0]} labels and ${files.images} holds ${count} images; download both again`);
  }
  const meta = { name: "mnist" as const, files: [files.images, files.labels], channels: 1, height, width, classes: 10 };
  return byteImages(meta, images.data, checkLabels(files.labels, labels.data, 10), MNIST_NORMALISATION, options);
}
