/** CIFAR-10 and CIFAR-100: batch files, or the archives they come in. */
import { basename, join } from "node:path";
import { InputError } from "../../errors.js";
import { CIFAR10, COARSE, FINE, PIXELS, readBatch, type Batch, type Labelling } from "./cifarBatch.js";
import type { Listed } from "./folders.js";
import { byteImages, type Found, type OpenOptions } from "./images.js";
import { HALF_NORMALISATION } from "./normalise.js";
import { FileSource } from "../source.js";
import { readTar } from "../archives/tar.js";
import type { Dataset } from "../types.js";

interface Kind {
  name: "cifar10" | "cifar100";
  batches: Record<"test" | "train", string[]>;
  /** Only in a folder of this name are files of such plain names the dataset's; null: anywhere. */
  folder: RegExp | null;
  archives: string[];
  /** Where batches lie in an archive. */
  inside: RegExp;
  /** Bytes of a batch; CIFAR-100 has all its images to train with in one, of 155 million. */
  most: number;
}

const KINDS: Kind[] = [
  {
    name: "cifar10",
    batches: { test: ["test_batch"], train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}`) },
    folder: null,
    archives: ["cifar-10-python.tar.gz", "cifar-10-python.tar", "cifar-10-binary.tar.gz"],
    inside: /^(?:\.\/)?cifar-10-batches-(?:py|bin)\/([a-z0-9_]+)(?:\.bin)?$/,
    most: 1 << 25,
  },
  {
    name: "cifar100",
    batches: { test: ["test"], train: ["train"] },
    folder: /cifar[-_]?100/i,
    archives: ["cifar-100-python.tar.gz", "cifar-100-python.tar", "cifar-100-binary.tar.gz"],
    inside: /^(?:\.\/)?cifar-100-(?:python|binary)\/([a-z0-9_]+)(?:\.bin)?$/,
    most: 160_000_000,
  },
];
/** The real archives unpack to 186 MB. */
const UNPACKED = 200_000_000;

const labellingOf = ({ name }: Kind, { coarse }: OpenOptions): Labelling => (name === "cifar10" ? CIFAR10 : coarse ? COARSE : FINE);

/** Finds one split of CIFAR-10 or CIFAR-100 in the folders, extracted or not: the nearest of each. */
export function locateCifar(tree: Listed[], options: OpenOptions): Found[] {
  return KINDS.flatMap((kind): Found[] => {
    const wanted = kind.batches[options.split];
    for (const { path, files, folders } of tree.filter((folder) => kind.folder === null || kind.folder.test(basename(folder.path)))) {
      for (const suffix of ["", ".bin"]) {
        const names = wanted.map((name) => name + suffix);
        if (names.some((name) => files.includes(name) || (kind.folder === null && folders.includes(name)))) return [{ name: kind.name, open: () => openBatches(kind, names.map((name) => join(path, name)), options) }];
      }
    }
    for (const { path, files } of tree) {
      const archive = kind.archives.find((name) => files.includes(name));
      if (archive !== undefined) return [{ name: kind.name, open: () => openTar(kind, join(path, archive), options) }];
    }
    return [];
  });
}

function openBatches(kind: Kind, paths: string[], options: OpenOptions): Dataset {
  const batches = paths.map((path) => {
    using source = new FileSource(path, kind.most);
    return readBatch(path, source, basename(path), labellingOf(kind, options));
  });
  return concatenate(kind, paths, batches, options);
}

async function openTar(kind: Kind, path: string, options: OpenOptions): Promise<Dataset> {
  const wanted = kind.batches[options.split];
  const found = new Map<string, Batch>();
  const isWanted = (name: string): boolean => {
    const match = kind.inside.exec(name);
    return match !== null && wanted.includes(match[1]);
  };
  await readTar(path, { unpacked: UNPACKED, entry: kind.most }, isWanted, (name, source) => {
    const batch = basename(name, ".bin");
    if (found.has(batch)) throw new InputError(path, `holds ${batch} twice; download it again`);
    found.set(batch, readBatch(path, source, name, labellingOf(kind, options)));
  });
  const batches = wanted.map((name) => found.get(name) ?? missing(path, name));
  return concatenate(kind, [path], batches, options);
}

function missing(path: string, name: string): never {
  throw new InputError(path, `has no ${name} in it; download it again`);
}

function concatenate(kind: Kind, files: string[], batches: Batch[], options: OpenOptions): Dataset {
  const count = batches.reduce((sum, batch) => sum + batch.labels.length, 0);
  const labels = new Int32Array(count);
  const pixels = new Uint8Array(count * PIXELS);
  let at = 0;
  for (const batch of batches) {
    labels.set(batch.labels, at);
    pixels.set(batch.pixels, at * PIXELS);
    at += batch.labels.length;
  }
  const { classes } = labellingOf(kind, options);
  const meta = { name: kind.name, files, channels: 3, height: 32, width: 32, classes, notes: classes === 20 ? ["the labels are CIFAR-100's 20 coarse ones"] : [] };
  return byteImages(meta, pixels, labels, HALF_NORMALISATION, options);
}
