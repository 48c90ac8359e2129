import { readdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.js";
import type { OpenOptions } from "./images.js";
import { findIdx, openIdx } from "./mnist.js";
import { fileError } from "./source.js";
import type { Dataset, DatasetName } from "./types.js";

export interface DatasetOptions extends OpenOptions {
  /** Guessed from what lies in the folder by default. */
  dataset?: DatasetName;
}

const MNIST_FOLDERS = [".", "raw", "MNIST/raw", "MNIST", "mnist/raw", "mnist", "FashionMNIST/raw"];

function requireFolder(dir: string): void {
  try {
    readdirSync(dir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") throw new InputError(dir, "is a file where a folder of images is needed; name the folder");
    throw fileError(dir, error);
  }
}

/**
 * Opens one split of a dataset that lies in `dir` or in the usual subfolders. Throws InputError if there is none or if it is
 * damaged, and FileSystemError if it may not be read.
 */
export async function openDataset(dir: string, options: DatasetOptions): Promise<Dataset> {
  requireFolder(dir);
  for (const folder of MNIST_FOLDERS) {
    const idx = findIdx(join(dir, folder), options.split);
    if (idx) return openIdx(idx, options);
  }
  throw new InputError(dir, "holds no dataset that is known");
}
