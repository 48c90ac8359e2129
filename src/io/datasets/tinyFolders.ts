/** Tiny ImageNet's stock folders, as they come and as people rearrange them. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { InputError } from "../../errors.js";
import { FileSource } from "../source.js";
import { byName, isFolder, namesIn, type Listed } from "./folders.js";
import { itemsOf } from "./imageFolder.js";
import type { Found, OpenOptions } from "./images.js";
import { openPictures, type Item } from "./pictureSet.js";

const CLASSES = 200;
const SIDE = 64;
const MAX_TEXT = 1 << 24;
const WNID = /^n\d{8}$/;

/** Finds one split of Tiny ImageNet's folders. The stock test has no labels: `test` is val. */
export function locateTinyFolders(tree: Listed[], options: OpenOptions): Found[] {
  const sub = options.split === "test" ? "val" : "train";
  const isClasses = (dir: string): boolean => namesIn(dir).folders.some((name) => WNID.test(name));
  const isSplit = (dir: string): boolean => existsSync(join(dir, "val_annotations.txt")) || isClasses(dir);
  // The set's own folder, or val itself.
  const within = sub === "val" && tree[0].files.includes("val_annotations.txt") ? { path: join(tree[0].path, "..") } : null;
  const root = within ?? tree.find(({ path, folders }) => folders.includes(sub) && (existsSync(join(path, "wnids.txt")) || /tiny/i.test(basename(path)) || existsSync(join(path, "val", "val_annotations.txt"))) && isSplit(join(path, sub)));
  if (!root) return [];
  return [{
    name: "tiny-imagenet",
    open() {
      const dir = within ? tree[0].path : join(root.path, sub);
      const { items, missing } = listSplit(root.path, dir);
      const notes = missing > 0 ? [`${missing} of the classes of ${join(root.path, "wnids.txt")} have no folder in ${dir}`] : [];
      return openPictures({ name: "tiny-imagenet", dir, items, classes: CLASSES, notes, side: options.resize === undefined && options.crop === undefined ? SIDE : null }, options);
    },
  }];
}

function lines(path: string): string[] {
  using source = new FileSource(path, MAX_TEXT);
  return Buffer.from(source.read(0, source.size)).toString("utf8").split(/\r?\n/).filter((line) => line !== "");
}

/** Label of each class: its place among the sorted wnids, as torchvision's ImageFolder numbers them. */
const numbered = (wnids: Iterable<string>): Map<string, number> => new Map([...new Set(wnids)].sort(byName).map((wnid, i) => [wnid, i]));

function readClasses(path: string): Map<string, number> {
  const wnids = lines(path).map((line) => line.trim());
  const wrong = wnids.find((wnid) => !WNID.test(wnid));
  if (wrong !== undefined) throw new InputError(path, `holds ${JSON.stringify(wrong.slice(0, 40))} where a class such as n01443537 is expected; download it again`);
  const classes = numbered(wnids);
  if (classes.size !== wnids.length || classes.size === 0 || classes.size > CLASSES) {
    throw new InputError(path, `holds ${wnids.length} classes, ${classes.size} of them different, where at most ${CLASSES} different ones are expected; download it again`);
  }
  return classes;
}

/** Without wnids.txt: those of train's folders, by which the network was trained, else those that the split has. */
function classesOf(root: string, inSplit: string[]): Map<string, number> {
  const train = isFolder(join(root, "train")) ? namesIn(join(root, "train")).folders.filter((name) => WNID.test(name)) : [];
  return numbered(inSplit.every((wnid) => train.includes(wnid)) ? train : inSplit);
}

/** The pictures of a split: by the list where its pictures lie as it says, by their folders otherwise. */
function listSplit(root: string, dir: string): { items: Item[]; missing: number } {
  const stock = existsSync(join(root, "wnids.txt")) ? readClasses(join(root, "wnids.txt")) : null;
  const annotations = join(dir, "val_annotations.txt");
  const folders = namesIn(dir).folders.filter((name) => WNID.test(name));
  if (existsSync(annotations) && (folders.length === 0 || (isFolder(join(dir, "images")) && namesIn(join(dir, "images")).files.length > 0))) {
    return { items: readAnnotations(annotations, join(dir, "images"), stock ?? classesOf(root, lines(annotations).map((line) => line.split("\t")[1] ?? ""))), missing: 0 };
  }
  const classes = stock ?? classesOf(root, folders);
  const stray = folders.find((name) => !classes.has(name));
  if (stray !== undefined) throw new InputError(join(dir, stray), "is the folder of a class that wnids.txt doesn't name; download the dataset again");
  const there = [...classes].filter(([wnid]) => folders.includes(wnid));
  if (there.length === 0) throw new InputError(dir, "has no folder of a class that wnids.txt names; download the dataset again");
  return { items: itemsOf(dir, there), missing: classes.size - there.length };
}

/** val_annotations.txt: a file name, its class and a box on each line. */
function readAnnotations(path: string, folder: string, classes: ReadonlyMap<string, number>): Item[] {
  const seen = new Set<string>();
  return lines(path).map((line, i) => {
    const [name, wnid] = line.split("\t");
    const label = classes.get(wnid ?? "");
    if (!/^[\w-]+\.jpe?g$/i.test(name) || label === undefined || !WNID.test(wnid)) {
      throw new InputError(path, `line ${i + 1} does not name an image and a class of wnids.txt; download the file again`);
    }
    if (seen.has(name)) throw new InputError(path, `line ${i + 1} names ${name} a second time; download the file again`);
    seen.add(name);
    return { path: join(folder, name), label };
  });
}
