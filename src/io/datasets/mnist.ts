/** MNIST and the sets of its shape: idx files, and what older torchvisions made of them. */
import { join, relative, resolve } from "node:path";
import { InputError } from "../../errors.js";
import { toNumbers, toUint8 } from "../arrays.js";
import { isFile, type Listed } from "./folders.js";
import { findIdx, MAX_LABELS, MAX_PIXELS, readIdxImages, readIdxLabels, type IdxPair } from "./idx.js";
import { byteImages, checkLabels, type Found, type OpenOptions } from "./images.js";
import { MNIST_NORMALISATION } from "./normalise.js";
import { arrayOf } from "../checkpoints/pickleGlobals.js";
import { FileSource } from "../source.js";
import { readTorchSaved } from "../checkpoints/torchSaved.js";
import type { Dataset, DatasetName, EmnistName } from "../types.js";

const MAX_PT = 2 ** 30;
/** Labels are bytes. */
const MOST_CLASSES = 256;
const LEAST_CLASSES = 10;

/** Sets whose files have MNIST's own names, told apart by their folder's. */
const NAMESAKES: [DatasetName, RegExp][] = [["fashion-mnist", /fashion/i], ["kmnist", /^k(uzushiji[-_ ]?)?mnist/i]];
const EMNIST: EmnistName[] = ["emnist-balanced", "emnist-byclass", "emnist-bymerge", "emnist-digits", "emnist-letters", "emnist-mnist"];
const TRANSPOSED = "EMNIST's pictures are used as its files have them, which is transposed, and as torchvision reads them";

/** How a set's files begin. */
const STEMS: Record<"test" | "train", [stem: string, name: DatasetName | null][]> = {
  test: [["t10k", null], ["test", null], ["qmnist-test", "qmnist"], ...EMNIST.map((name): [string, DatasetName] => [`${name}-test`, name])],
  train: [["train", null], ["qmnist-train", "qmnist"], ...EMNIST.map((name): [string, DatasetName] => [`${name}-train`, name])],
};
/** torchvision's `processed` form. */
const PT = {
  test: [["test.pt", null], ...EMNIST.map((name) => [`test_${name.slice(7)}.pt`, name])],
  train: [["training.pt", null], ...EMNIST.map((name) => [`training_${name.slice(7)}.pt`, name])],
} as Record<"test" | "train", [file: string, name: DatasetName | null][]>;

/** How the files of all these sets end. */
const ENDS = /(ubyte|int)(\.gz)?$|\.pt$/;

/** What a set of MNIST's own file names is called, by the folders it lies in: those below the named one first, then that itself. */
function namesake(dir: string, folder: string): DatasetName {
  const parts = [...relative(dir, folder).split(/[\\/]/), ...resolve(dir).split(/[\\/]/).slice(-2)];
  return NAMESAKES.find(([, word]) => parts.some((part) => word.test(part)))?.[0] ?? "mnist";
}

/** Finds one split of MNIST, or of sets in its format, in `dir` or below: the nearest of each name. @throws InputError for images without labels, or the other way round */
export function locateMnist(tree: Listed[], options: OpenOptions): Found[] {
  const found: Found[] = [];
  const halves: InputError[] = [];
  const dir = tree[0].path;
  for (const { path: folder } of tree.filter(({ files, folders }) => [...files, ...folders].some((name) => ENDS.test(name)))) {
    for (const [stem, name] of STEMS[options.split]) {
      const idx = findIdx(folder, stem);
      const called = name ?? namesake(dir, folder);
      if (idx instanceof InputError) halves.push(idx);
      else if (idx) found.push({ name: called, open: (asked = called) => openIdx(asked, idx, options) });
    }
    for (const [file, name] of PT[options.split]) {
      const path = join(folder, file);
      const called = name ?? namesake(dir, folder);
      if (isFile(path)) found.push({ name: called, open: (asked = called) => openPt(asked, path, options) });
    }
  }
  if (found.length === 0 && halves.length > 0) throw halves[0];
  return found.filter(({ name }, i) => found.findIndex((other) => other.name === name) === i);
}

const metaOf = (name: DatasetName, files: string[], labels: Int32Array, height: number, width: number) =>
  ({ name, files, channels: 1, height, width, classes: labels.reduce((most, label) => Math.max(most, label + 1), LEAST_CLASSES), notes: name.startsWith("emnist") ? [TRANSPOSED] : [] });

/** Opens MNIST, or a set in its format, from raw idx files. Pixels stay bytes in memory. */
function openIdx(name: DatasetName, files: IdxPair, options: OpenOptions): Dataset {
  const images = readIdxImages(files.images);
  const labels = readIdxLabels(files.labels);
  const [count, height, width] = images.shape;
  if (labels.length !== count) {
    throw new InputError(files.labels, `holds ${labels.length} labels and ${files.images} holds ${count} images; download both again`);
  }
  const checked = checkLabels(files.labels, labels, MOST_CLASSES);
  return byteImages(metaOf(name, [files.images, files.labels], checked, height, width), images.data, checked, MNIST_NORMALISATION, options);
}

/** Opens MNIST from torchvision's `processed` form: a saved tuple of uint8 images [N, H, W] and int64 labels [N], or QMNIST's [N, 8]. */
function openPt(name: DatasetName, path: string, options: OpenOptions): Dataset {
  using source = new FileSource(path, MAX_PT);
  const saved = readTorchSaved(source)?.value;
  const [images, labels] = Array.isArray(saved) ? saved.map(arrayOf) : [];
  if (!images || !labels || images.shape.length !== 3 || labels.shape.length < 1 || labels.shape.length > 2) {
    throw new InputError(path, "does not hold the pair of images and labels that torchvision saves for MNIST; download the dataset again");
  }
  const [count, height, width] = images.shape;
  if (labels.shape[0] !== count) throw new InputError(path, `holds ${count} images and ${labels.shape[0]} labels; download the dataset again`);
  if (images.numel > MAX_PIXELS || count > MAX_LABELS || labels.numel > 8 * count) throw new InputError(path, `holds ${images.shape.join("x")} pixels, far more than a set like MNIST has; it is another dataset`);
  const columns = labels.shape[1] ?? 1;
  const checked = checkLabels(path, Array.from(toNumbers(path, labels)).filter((_, i) => i % columns === 0), MOST_CLASSES);
  return byteImages(metaOf(name, [path], checked, height, width), toUint8(path, images), checked, MNIST_NORMALISATION, options);
}
