import { readdirSync } from "node:fs";
import { InputError } from "../../errors.js";
import { locateCifar } from "./cifar.js";
import type { OpenOptions, Opener } from "./images.js";
import { locateMnist } from "./mnist.js";
import { fileError } from "../source.js";
import { locateTinyFolders } from "./tinyFolders.js";
import { locateTinyPickle } from "./tinyPickle.js";
import type { Dataset, DatasetName } from "../types.js";

export interface DatasetOptions extends OpenOptions {
  /** Guessed from what lies in the folder by default. */
  dataset?: DatasetName;
}

type Locator = (dir: string, options: OpenOptions) => Opener | null;

const LOCATORS: Record<DatasetName, Locator> = {
  mnist: locateMnist,
  cifar10: locateCifar,
  "tiny-imagenet": (dir, options) => locateTinyPickle(dir, options) ?? locateTinyFolders(dir, options),
};

const NEEDED: Record<DatasetName, string> = {
  mnist: "MNIST needs its four idx files (also .gz) or processed/*.pt",
  cifar10: "CIFAR-10 needs cifar-10-python.tar.gz, cifar-10-batches-py or cifar-10-batches-bin",
  "tiny-imagenet": "Tiny ImageNet needs complete_dataset/*_set.pkl or the folders train and val with wnids.txt",
};

function requireFolder(dir: string): void {
  try {
    readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") throw new InputError(dir, "is a file where the folder of a dataset is needed; name the folder");
    throw fileError(dir, error);
  }
}

/**
 * Opens one split of a dataset that lies in `dir` or in the usual subfolders of it, in any of its usual forms. Without
 * `dataset` it is guessed. Pixels are kept as bytes, or in the files, and normalised when they are read.
 *
 * Throws InputError if there is no such dataset or split, if several lie there and none was chosen, or if it is damaged; and
 * FileSystemError if it may not be read.
 */
export async function openDataset(dir: string, options: DatasetOptions): Promise<Dataset> {
  requireFolder(dir);
  const names = options.dataset ? [options.dataset] : (Object.keys(LOCATORS) as DatasetName[]);
  const found = names.map((name) => ({ name, open: LOCATORS[name](dir, options) })).filter(({ open }) => open !== null);
  if (found.length > 1) throw new InputError(dir, `holds ${found.map(({ name }) => name).join(" and ")}; choose one with --dataset`);
  if (found.length === 1) return found[0].open!();

  const other = options.split === "test" ? "train" : "test";
  if (names.some((name) => LOCATORS[name](dir, { split: other }) !== null)) {
    throw new InputError(dir, `holds the ${other} split and no ${options.split} split; add it, or use --split ${other}`);
  }
  throw new InputError(dir, `holds no dataset that is known: ${names.map((name) => NEEDED[name]).join("; ")}`);
}
