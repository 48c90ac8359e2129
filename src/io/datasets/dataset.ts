/** Opens images: a folder of one of the known datasets, of pictures, or a file of arrays. */
import { statSync } from "node:fs";
import { InputError } from "../../errors.js";
import { arraysIn, openArrays } from "./arrayFile.js";
import { locateCifar } from "./cifar.js";
import { foldersBelow, type Listed } from "./folders.js";
import { locateImageFolder } from "./imageFolder.js";
import type { Found, OpenOptions } from "./images.js";
import { locateMnist } from "./mnist.js";
import { fileError } from "../source.js";
import { locateTinyFolders } from "./tinyFolders.js";
import { locateTinyPickle } from "./tinyPickle.js";
import type { Dataset, DatasetName } from "../types.js";

export interface DatasetOptions extends OpenOptions {
  /** Guessed from what lies in the folder by default. */
  dataset?: DatasetName;
}

type Locator = (tree: Listed[], options: OpenOptions) => Found[];

/** Tiny ImageNet's pickle goes before its folders, from which it was made. */
const locateTiny: Locator = (tree, options) => [...locateTinyPickle(tree, options), ...locateTinyFolders(tree, options)].slice(0, 1);
const LOCATORS: Locator[] = [locateMnist, locateCifar, locateTiny];

const NEEDED: Partial<Record<DatasetName, string>> = {
  mnist: "MNIST and sets of its shape need their idx files (also .gz) or processed/*.pt",
  cifar10: "CIFAR-10 needs cifar-10-python.tar.gz, cifar-10-batches-py or cifar-10-batches-bin",
  cifar100: "CIFAR-100 needs cifar-100-python.tar.gz, cifar-100-python or cifar-100-binary",
  "tiny-imagenet": "Tiny ImageNet needs complete_dataset/*_set.pkl or the folders train and val",
  images: "pictures (PNG, JPEG) need one folder a class",
};
/** Sets of the same file names, which only their folders tell apart. */
const NAMESAKES: DatasetName[] = ["mnist", "fashion-mnist", "kmnist"];

/** What lies there under the name that was asked for, or, of sets that share their file names, under another. */
function called(found: Found[], asked: DatasetName): Found[] {
  const exact = found.filter(({ name }) => name === asked);
  if (exact.length > 0 || !NAMESAKES.includes(asked)) return exact.slice(0, 1);
  const others = found.filter(({ name }) => NAMESAKES.includes(name) && (asked === "mnist" || name === "mnist"));
  return others.slice(0, 1).map((other) => ({ name: asked, open: () => other.open(asked) }));
}

function locate(tree: Listed[], options: DatasetOptions): Found[] {
  const { dataset } = options;
  const found = dataset === "images" ? [] : LOCATORS.flatMap((locator) => locator(tree, options));
  const wanted = dataset === undefined ? found : called(found, dataset);
  return wanted.length > 0 || (dataset !== undefined && dataset !== "images") ? wanted : locateImageFolder(tree, options);
}

/**
 * Opens one split of a dataset that lies in `path` or in the folders of it, in any of its usual forms, or a file of arrays.
 * Without `dataset` it is guessed. Pixels are kept as bytes, or in the files, and normalised when they are read.
 *
 * Throws InputError if there is no such dataset or split, if several lie there and none was chosen, or if it is damaged; and
 * FileSystemError if it may not be read.
 */
export async function openDataset(path: string, options: DatasetOptions): Promise<Dataset> {
  const opened = await open(path, options);
  if (options.coarse && opened.name !== "cifar100") throw new InputError(path, `holds ${opened.name}, and coarse labels are CIFAR-100's; leave out --coarse`);
  const isPictures = opened.name === "images" || opened.name === "tiny-imagenet";
  if ((options.resize !== undefined || options.crop !== undefined) && !isPictures) throw new InputError(path, `holds ${opened.name}, and only pictures in folders are resized and cropped; leave out --resize and --crop`);
  return opened;
}

async function open(path: string, options: DatasetOptions): Promise<Dataset> {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats) throw fileError(path, { code: "ENOENT" });
  if (!stats.isDirectory()) return openArrays(path, options);
  const tree = foldersBelow(path);
  const found = locate(tree, options);
  if (found.length > 1) throw new InputError(path, `holds ${found.map(({ name }) => name).join(" and ")}; choose one with --dataset`);
  if (found.length === 1) return found[0].open();

  const other = options.split === "test" ? "train" : "test";
  if (locate(tree, { ...options, split: other }).length > 0) {
    throw new InputError(path, `holds the ${other} split and no ${options.split} split; add it, or use --split ${other}`);
  }
  const [arrays] = arraysIn(path);
  if (arrays !== undefined && options.dataset === undefined) throw new InputError(path, `holds no dataset that is known, but files of arrays; name the one that holds the images, such as --data ${path.replace(/[\\/]$/, "")}/${arrays}`);
  const needed = options.dataset === undefined ? Object.values(NEEDED) : [NEEDED[options.dataset] ?? NEEDED.mnist];
  throw new InputError(path, `holds no dataset that is known: ${needed.join("; ")}`);
}
