import { createHash } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { byteDataset, labelBytes, limited, type OpenOptions, type Opener } from "./images.js";
import { loadJpegDecoder, readJpeg } from "./jpeg.js";
import { HALF_NORMALISATION } from "./normalise.js";
import { pixelStore } from "./pixelStore.js";
import { FileSource, fileError } from "../source.js";
import type { Dataset } from "../types.js";

const FOLDERS = [".", "tiny-imagenet-200", "tiny-imagenet"];
const CLASSES = 200;
const SIDE = 64;
const SIZE = 3 * SIDE * SIDE;
const MAX_TEXT = 1 << 24;
const MAX_IMAGES = 1 << 20;
/** Images decoded at once. */
const BATCH = 64;

/** One image file and its label. */
interface Item {
  path: string;
  label: number;
}

/** Finds one split of Tiny ImageNet's stock folders; null if it is not there. The stock test has no labels: `test` is val. */
export function locateTinyFolders(dir: string, options: OpenOptions): Opener | null {
  const sub = options.split === "test" ? "val" : "train";
  const root = FOLDERS.map((folder) => join(dir, folder)).find((folder) => existsSync(join(folder, "wnids.txt")) && existsSync(join(folder, sub)));
  return root ? () => openFolders(join(root, sub), readClasses(join(root, "wnids.txt")), options) : null;
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir).sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  } catch (error) {
    throw fileError(dir, error);
  }
}

function lines(path: string): string[] {
  using source = new FileSource(path, MAX_TEXT);
  return Buffer.from(source.read(0, source.size)).toString("utf8").split(/\r?\n/).filter((line) => line !== "");
}

/** Label of each class: its place among the sorted wnids, as torchvision's ImageFolder numbers them. */
function readClasses(path: string): Map<string, number> {
  const wnids = lines(path).map((line) => line.trim()).sort();
  const wrong = wnids.find((wnid) => !/^n\d{8}$/.test(wnid));
  if (wrong !== undefined) throw new InputError(path, `holds ${JSON.stringify(wrong.slice(0, 40))} where a class such as n01443537 is expected; download it again`);
  const classes = new Map(wnids.map((wnid, i) => [wnid, i]));
  if (classes.size !== wnids.length || classes.size === 0 || classes.size > CLASSES) {
    throw new InputError(path, `holds ${wnids.length} classes, ${classes.size} of them different, where at most ${CLASSES} different ones are expected; download it again`);
  }
  return classes;
}

/** val_annotations.txt: a file name, its class and a box on each line. */
function readAnnotations(path: string, folder: string, classes: ReadonlyMap<string, number>): Item[] {
  const seen = new Set<string>();
  return lines(path).map((line, i) => {
    const [name, wnid] = line.split("\t");
    const label = classes.get(wnid ?? "");
    if (!/^[\w-]+\.jpe?g$/i.test(name) || label === undefined) {
      throw new InputError(path, `line ${i + 1} does not name an image and a class of wnids.txt; download the file again`);
    }
    if (seen.has(name)) throw new InputError(path, `line ${i + 1} names ${name} a second time; download the file again`);
    seen.add(name);
    return { path: join(folder, name), label };
  });
}

/** One folder per class, images in it or in its `images`; sorted by class, then by name. */
function listClasses(dir: string, classes: ReadonlyMap<string, number>): Item[] {
  const items: Item[] = [];
  for (const [wnid, label] of classes) {
    if (!existsSync(join(dir, wnid))) throw new InputError(dir, `has no folder ${wnid} though wnids.txt names that class; download the dataset again`);
    const folder = [join(dir, wnid, "images"), join(dir, wnid)].find((candidate) => existsSync(candidate))!;
    for (const name of names(folder)) if (/\.jpe?g$/i.test(name)) items.push({ path: join(folder, name), label });
  }
  return items;
}

async function openFolders(dir: string, classes: ReadonlyMap<string, number>, options: OpenOptions): Promise<Dataset> {
  const annotations = join(dir, "val_annotations.txt");
  const items = existsSync(annotations) ? readAnnotations(annotations, join(dir, "images"), classes) : listClasses(dir, classes);
  if (items.length > MAX_IMAGES) throw new InputError(dir, `names ${items.length} images, far more than Tiny ImageNet has; it is another dataset`);
  const images = limited(dir, items.length, options.limit);
  const used = items.slice(0, images);
  const labels = Int32Array.from(used, (item) => item.label);
  const hash = createHash("sha256").update(labelBytes(labels));
  const decode = await loadJpegDecoder();
  const store = pixelStore(images * SIZE);
  try {
    for (let first = 0; first < images; first += BATCH) {
      const batch = used.slice(first, first + BATCH);
      const decoded = await Promise.all(batch.map(async ({ path }) => decode(path, readJpeg(path, SIDE, SIDE), SIDE, SIDE)));
      decoded.forEach((pixels, i) => {
        hash.update(pixels);
        store.write((first + i) * SIZE, pixels);
      });
    }
  } catch (error) {
    store.close();
    throw error;
  }
  const facts = { name: "tiny-imagenet" as const, split: options.split, files: [dir], sha256: hash.digest("hex"), images, channels: 3, height: SIDE, width: SIDE, classes: CLASSES, labels };
  return byteDataset(facts, (first, count) => store.read(first * SIZE, count * SIZE), HALF_NORMALISATION);
}
