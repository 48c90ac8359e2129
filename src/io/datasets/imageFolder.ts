/** Pictures in folders, one a class, numbered as torchvision's ImageFolder does: by the sorted names of the folders. */
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { byName, foldersBelow, isFolder, namesIn, type Listed } from "./folders.js";
import type { Found, OpenOptions } from "./images.js";
import { openPictures, type Item } from "./pictureSet.js";

const PICTURE = /\.(jpe?g|png)$/i;
/** Others that ImageFolder takes as pictures; leaving them out would change the data without a word. */
const OTHER_PICTURE = /\.(ppm|bmp|pgm|tiff?|webp)$/i;
const SPLITS = { test: ["test", "val", "valid", "validation"], train: ["train", "training"] } as const;

const hasPictures = (dir: string): boolean => {
  const { files, folders } = namesIn(dir);
  return files.some((name) => PICTURE.test(name)) || folders.some((name) => namesIn(join(dir, name)).files.some((file) => PICTURE.test(file)));
};

/** Folders of classes right below: looked for in a few of them. */
const isRoot = (dir: string, folders = namesIn(dir).folders): boolean => folders.slice(0, 3).some((name) => hasPictures(join(dir, name)));

/** The folder of the classes: `dir`, that of a split in it, or what lies in the only folder of it; null where there is none. */
function rootOf(dir: string, folders: string[], split: "test" | "train", deeper = 3): string | null {
  const chosen = SPLITS[split].map((name) => join(dir, name)).find((path) => isFolder(path) && isRoot(path));
  if (chosen !== undefined) return chosen;
  if (Object.values(SPLITS).flat().some((name) => folders.includes(name) && isRoot(join(dir, name)))) return null;
  const only = folders.length === 1 ? namesIn(join(dir, folders[0])) : null;
  if (only && deeper > 0 && !only.files.some((name) => PICTURE.test(name))) return rootOf(join(dir, folders[0]), only.folders, split, deeper - 1);
  return isRoot(dir, folders) ? dir : null;
}

/** Pictures of one class, those of folders inside it among them, in ImageFolder's order: by folder, then by name. */
function picturesIn(dir: string): string[] {
  return foldersBelow(dir).sort((a, b) => byName(a.path, b.path)).flatMap(({ path, files }) => {
    const other = files.find((name) => OTHER_PICTURE.test(name));
    if (other !== undefined) throw new InputError(join(path, other), "is a picture of a kind that isn't read; convert it to PNG, or take it away");
    return files.filter((name) => PICTURE.test(name)).map((name) => join(path, name));
  });
}

/** One label a class folder. @throws InputError for a class without pictures */
export function itemsOf(dir: string, classes: Iterable<[name: string, label: number]>): Item[] {
  return [...classes].flatMap(([name, label]) => {
    const pictures = picturesIn(join(dir, name));
    if (pictures.length === 0) throw new InputError(join(dir, name), "is the folder of a class and holds no PNG or JPEG picture; take it away, or put its pictures there");
    return pictures.map((path) => ({ path, label }));
  });
}

/** Finds class folders in `dir`, or those of one split in its usual folders. */
export function locateImageFolder(tree: Listed[], options: OpenOptions): Found[] {
  const [{ path: dir, folders }] = tree;
  const root = rootOf(dir, folders, options.split);
  if (root === null) return [];
  return [{
    name: "images",
    open() {
      const classes = namesIn(root).folders;
      if (classes.length === 1 && /^(images?|pictures|jpegimages)$/i.test(classes[0])) throw new InputError(join(root, classes[0]), "holds pictures, and no folders of classes that say what is on them; sort them into a folder for each class");
      return openPictures({ name: "images", dir: root, items: itemsOf(root, classes.map((name, i) => [name, i])), classes: classes.length, notes: [], side: null }, options);
    },
  }];
}
