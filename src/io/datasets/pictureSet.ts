/** A dataset of picture files: decoded once, fitted to one size, and kept as bytes. */
import { createHash } from "node:crypto";
import { InputError } from "../../errors.js";
import { byteDataset, labelBytes, limited, type OpenOptions } from "./images.js";
import { usualNormalisation } from "./normalise.js";
import { loadDecoder, readPicture } from "./pictures.js";
import { pixelStore, type PixelStore } from "./pixelStore.js";
import { fitted } from "./resample.js";
import type { Dataset, DatasetName } from "../types.js";

/** Bytes of a file with a picture of known, small size. */
const MAX_SMALL = 1 << 20;
/** Pictures decoded at once. */
const BATCH = 64;
export const MAX_PICTURES = 1 << 21;

/** One picture file and its label. */
export interface Item {
  path: string;
  label: number;
}

export interface PictureSet {
  name: DatasetName;
  dir: string;
  items: Item[];
  classes: number;
  notes: string[];
  /** Pictures have to have this size as they are; null: that of the first one, or what `resize` and `crop` make of them. */
  side: number | null;
}

const sizeText = (height: number, width: number): string => `${width}x${height}`;

/** @throws InputError for pictures that are damaged, or of several sizes in the end */
export async function openPictures({ name, dir, items, classes, notes, side }: PictureSet, options: OpenOptions): Promise<Dataset> {
  if (items.length > MAX_PICTURES) throw new InputError(dir, `holds ${items.length} pictures, and at most ${MAX_PICTURES} are read; name a part of them`);
  const images = limited(dir, items.length, options.limit);
  const used = items.slice(0, images);
  const labels = Int32Array.from(used, ({ label }) => label);
  const there = new Set(labels).size;
  const all = new Set(items.map(({ label }) => label)).size;
  const told = there < all ? [...notes, `the first ${images} pictures, in the order of their classes, are of ${there} of the ${all} classes`] : notes;
  const channels = options.channels === 1 ? 1 : 3;
  const decode = await loadDecoder();
  const hash = createHash("sha256").update(labelBytes(labels));
  let [store, height, width]: [PixelStore | null, number, number] = [null, side ?? 0, side ?? 0];
  const load = async ({ path }: Item) => {
    const file = side === null ? readPicture(path) : readPicture(path, MAX_SMALL);
    if (side !== null && (file.width !== side || file.height !== side)) throw new InputError(path, `is an image of ${sizeText(file.height, file.width)} pixels where ${sizeText(side, side)} are expected; nothing is resized`);
    return fitted(await decode(file, channels), options);
  };
  try {
    for (let first = 0; first < images; first += BATCH) {
      const batch = used.slice(first, first + BATCH);
      const pictures = await Promise.all(batch.map(load));
      if (!store) [{ height, width }] = pictures;
      store ??= pixelStore(images * channels * height * width);
      for (const [i, picture] of pictures.entries()) {
        if (picture.height !== height || picture.width !== width) {
          throw new InputError(batch[i].path, `is ${sizeText(picture.height, picture.width)} pixels large, and ${used[0].path} ${sizeText(height, width)}; make them alike by --resize and --crop, such as --resize 256 --crop 224`);
        }
        hash.update(picture.data);
        store.write((first + i) * picture.data.length, picture.data);
      }
    }
  } catch (error) {
    store?.close();
    throw error;
  }
  const size = channels * height * width;
  const facts = { name, split: options.split, files: [dir], sha256: hash.digest("hex"), images, channels, height, width, classes, labels, notes: told };
  return byteDataset(facts, (first, count) => store!.read(first * size, count * size), usualNormalisation(channels, height, width));
}
