/** The idx files of MNIST and its relatives, and where they lie. */
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { readWhole } from "../archives/gzip.js";
import { isFile, isFolder, namesIn } from "./folders.js";

/** Four times MNIST: its relatives with ten classes have up to 240,000 images. */
export const MAX_PIXELS = 200_000_000;
/** EMNIST's largest split has 697,932. */
const MAX_EMNIST = 550_000_000;
export const MAX_LABELS = 1_000_000;

/** The two files of one split. */
export interface IdxPair {
  images: string;
  labels: string;
}

/** A file by any of its names: as it is, packed, or in a folder that bears its name, as one big site unpacks archives. */
function fileNamed(dir: string, names: string[]): string | null {
  const candidates = names.flatMap((name) => [name, `${name}.gz`]);
  for (const name of candidates) if (isFile(join(dir, name))) return join(dir, name);
  const [folder] = candidates.filter((name) => isFolder(join(dir, name)));
  if (folder === undefined) return null;
  const inner = namesIn(join(dir, folder)).files.find((file) => candidates.includes(file));
  return join(dir, folder, inner ?? "");
}

const IMAGES = (stem: string): string[] => [`${stem}-images-idx3-ubyte`, `${stem}-images.idx3-ubyte`];
const LABELS = (stem: string): string[] => [`${stem}-labels-idx1-ubyte`, `${stem}-labels.idx1-ubyte`, `${stem}-labels-idx2-int`, `${stem}-labels.idx2-int`];

/** The images and labels whose names begin with `stem`, null where neither is there; for one without the other, the complaint. */
export function findIdx(dir: string, stem: string): IdxPair | InputError | null {
  const [images, labels] = [fileNamed(dir, IMAGES(stem)), fileNamed(dir, LABELS(stem))];
  if (images && labels) return { images, labels };
  if (!images && !labels) return null;
  return new InputError((images ?? labels)!, `lies there without its ${images ? "labels" : "images"} (${images ? LABELS(stem)[0] : IMAGES(stem)[0]}); download both`);
}

/** Element types by their code: unsigned bytes, and the big-endian int32 of QMNIST's labels. */
const WIDTHS: Record<number, number> = { 0x08: 1, 0x0c: 4 };

/** Reads an idx file. @throws InputError if it has another rank or element type than `wanted`, or is damaged */
function readIdx(path: string, kind: "images" | "labels", limit: number, wanted: (code: number, rank: number) => boolean): { shape: number[]; data: Uint8Array; width: number } {
  const bytes = readWhole(path, limit);
  if (bytes.length < 4) throw new InputError(path, "is cut short inside its header; download it again");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint32(0);
  const [code, rank] = [magic >>> 8, magic & 0xff];
  if (!wanted(code, rank)) {
    throw new InputError(path, `starts with 0x${magic.toString(16).padStart(8, "0")} where idx ${kind} start with 0x0000080${kind === "images" ? 3 : 1}; download the file again`);
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw new InputError(path, "is cut short inside its header; download it again");
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const width = WIDTHS[code];
  const size = shape.reduce((product, length) => product * length, width);
  const there = bytes.length - header;
  if (size !== there) throw new InputError(path, `declares ${shape.join("x")} ${width === 1 ? "bytes" : "times four bytes"} and holds ${there}; it is ${size < there ? "too long" : "cut short"}, download it again`);
  return { shape, data: bytes.subarray(header), width };
}

/** Images [N, H, W] as bytes. */
export function readIdxImages(path: string): { shape: number[]; data: Uint8Array } {
  return readIdx(path, "images", /emnist-by/.test(path) ? MAX_EMNIST : MAX_PIXELS, (code, rank) => code === 0x08 && rank === 3);
}

/** One label an image: of bytes, or the first of QMNIST's eight columns. */
export function readIdxLabels(path: string): ArrayLike<number> {
  const { shape, data, width } = readIdx(path, "labels", /idx2-int/.test(path) ? 32 * MAX_LABELS : MAX_LABELS, (code, rank) => (code === 0x08 && rank === 1) || (code === 0x0c && rank === 2));
  if (width === 1) return data;
  const columns = shape[1];
  if (columns === 0) throw new InputError(path, "holds labels without a column; download it again");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Int32Array.from({ length: shape[0] }, (_, i) => view.getInt32(4 * i * columns));
}
