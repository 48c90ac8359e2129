import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { InputError } from "../errors.js";
import { toUint8 } from "./arrays.js";
import { readTarEntries } from "./cifarTar.js";
import { byteImages, checkLabels, type OpenOptions, type Opener } from "./images.js";
import { HALF_NORMALISATION } from "./normalise.js";
import { Unpickler } from "./pickle.js";
import { arrayOf } from "./pickleGlobals.js";
import { FileSource, type ByteSource } from "./source.js";
import type { Dataset } from "./types.js";

const PIXELS = 3 * 32 * 32;
const BATCHES: Record<"test" | "train", string[]> = { test: ["test_batch"], train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`) };
const TARS = ["cifar-10-python.tar.gz", "cifar-10-python.tar", "cifar-10-binary.tar.gz"];
const SUBFOLDERS = [".", "cifar-10-batches-py", "cifar-10-batches-bin", "cifar10", "CIFAR10", "cifar-10", "CIFAR-10",
  "cifar10/cifar-10-batches-py", "CIFAR10/cifar-10-batches-py"];
const TAR_FOLDERS = [".", "cifar10", "CIFAR10", "cifar-10", "CIFAR-10"];

/** One batch: labels and NCHW bytes. */
interface Batch {
  labels: Int32Array;
  pixels: Uint8Array;
}

/** Finds one split of CIFAR-10 in `dir` or its usual subfolders, extracted or not; null if it is not there. */
export function locateCifar(dir: string, options: OpenOptions): Opener | null {
  const wanted = BATCHES[options.split];
  for (const folder of SUBFOLDERS) {
    for (const suffix of ["", ".bin"]) {
      const paths = wanted.map((name) => join(dir, folder, name + suffix));
      if (paths.some((path) => existsSync(path))) return () => openBatches(paths, options);
    }
  }
  for (const folder of TAR_FOLDERS) {
    const path = TARS.map((name) => join(dir, folder, name)).find((candidate) => existsSync(candidate));
    if (path) return () => openTar(path, options);
  }
  return null;
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
  const batch = new Unpickler(source).load();
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

function readBatch(file: string, source: ByteSource, name: string): Batch {
  return name.endsWith(".bin") ? readBinary(file, source) : readPython(file, source);
}

function openBatches(paths: string[], options: OpenOptions): Dataset {
  const batches = paths.map((path) => {
    using source = new FileSource(path);
    return readBatch(path, source, basename(path));
  });
  return concatenate(paths, batches, options);
}

async function openTar(path: string, options: OpenOptions): Promise<Dataset> {
  const wanted = BATCHES[options.split];
  const entries = await readTarEntries(path, (name) => {
    const match = /^(?:\.\/)?cifar-10-batches-(?:py|bin)\/([a-z0-9_]+)(?:\.bin)?$/.exec(name);
    return match !== null && wanted.includes(match[1]);
  });
  const batches = wanted.map((name) => {
    const entry = entries.find((candidate) => basename(candidate.name, ".bin") === name);
    if (!entry) throw new InputError(path, `has no ${name} in it; download it again`);
    return readBatch(path, entry.source, entry.name);
  });
  return concatenate([path], batches, options);
}

function concatenate(files: string[], batches: Batch[], options: OpenOptions): Dataset {
  const count = batches.reduce((sum, batch) => sum + batch.labels.length, 0);
  const labels = new Int32Array(count);
  const pixels = new Uint8Array(count * PIXELS);
  let at = 0;
  for (const batch of batches) {
    labels.set(batch.labels, at);
    pixels.set(batch.pixels, at * PIXELS);
    at += batch.labels.length;
  }
  const meta = { name: "cifar10" as const, files, channels: 3, height: 32, width: 32, classes: 10 };
  return byteImages(meta, pixels, labels, HALF_NORMALISATION, options);
}
