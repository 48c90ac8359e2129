import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { InputError } from "../../errors.js";
import { MAX_BATCH, PIXELS, readBatch, type Batch } from "./cifarBatch.js";
import { byteImages, type OpenOptions, type Opener } from "./images.js";
import { HALF_NORMALISATION } from "./normalise.js";
import { FileSource } from "../source.js";
import { readTar } from "../archives/tar.js";
import type { Dataset } from "../types.js";

const BATCHES: Record<"test" | "train", string[]> = { test: ["test_batch"], train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`) };
const TARS = ["cifar-10-python.tar.gz", "cifar-10-python.tar", "cifar-10-binary.tar.gz"];
/** The real archive unpacks to 186 MB in 8 entries. */
const TAR_LIMITS = { unpacked: 200_000_000, entry: MAX_BATCH };
const SUBFOLDERS = [".", "cifar-10-batches-py", "cifar-10-batches-bin", "cifar10", "CIFAR10", "cifar-10", "CIFAR-10",
  "cifar10/cifar-10-batches-py", "CIFAR10/cifar-10-batches-py"];
const TAR_FOLDERS = [".", "cifar10", "CIFAR10", "cifar-10", "CIFAR-10"];

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

function openBatches(paths: string[], options: OpenOptions): Dataset {
  const batches = paths.map((path) => {
    using source = new FileSource(path, MAX_BATCH);
    return readBatch(path, source, basename(path));
  });
  return concatenate(paths, batches, options);
}

async function openTar(path: string, options: OpenOptions): Promise<Dataset> {
  const wanted = BATCHES[options.split];
  const found = new Map<string, Batch>();
  const isWanted = (name: string): boolean => {
    const match = /^(?:\.\/)?cifar-10-batches-(?:py|bin)\/([a-z0-9_]+)(?:\.bin)?$/.exec(name);
    return match !== null && wanted.includes(match[1]);
  };
  await readTar(path, TAR_LIMITS, isWanted, (name, source) => {
    const batch = basename(name, ".bin");
    if (found.has(batch)) throw new InputError(path, `holds ${batch} twice; download it again`);
    found.set(batch, readBatch(path, source, name));
  });
  const batches = wanted.map((name) => found.get(name) ?? missing(path, name));
  return concatenate([path], batches, options);
}

function missing(path: string, name: string): never {
  throw new InputError(path, `has no ${name} in it; download it again`);
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
