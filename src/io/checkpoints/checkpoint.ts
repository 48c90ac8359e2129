import { InputError } from "../../errors.js";
<<<<<<< HEAD
import { ArrayRef, DTYPE_BYTES, isFloat, type Storage, toFloat32 } from "../arrays.js";
import type { PickleKey, PickleValue } from "./pickle.js";
import { isZip, readZip } from "../archives/zip.js";
import { readExported } from "../exported/exported.js";
=======
import { DTYPE_BYTES, isFloat, toFloat32, type ArrayRef } from "../arrays.js";
import { findMappings, type Contents } from "./mappings.js";
>>>>>>> main
import { isSafetensors, readSafetensors } from "./safetensors.js";
import { FileSource, sha256, type ByteSource } from "../source.js";
import { readTorchSaved } from "./torchSaved.js";
import type { Checkpoint, Tensor } from "../types.js";

export { findCheckpoints, parseCheckpointName, type CheckpointName, type CheckpointQuery, type FoundCheckpoint } from "./checkpointTree.js";

/** A ResNet-18 has 45 MB; optimiser states come on top. */
const MAX_FILE = 2 ** 32;
/** Weights of a ResNet-18 four times as wide have 716 MB. */
const MAX_WEIGHTS = 2 ** 30;

/** The file, unread. Throws InputError for what is missing, empty or too large, and FileSystemError for what may not be read. */
export const openCheckpointFile = (path: string): FileSource => new FileSource(path, MAX_FILE);

/** SHA-256 of the file as it is now, hex. */
export function hashCheckpoint(path: string): string {
  using source = openCheckpointFile(path);
  return sha256(source);
}

<<<<<<< HEAD
/** `readCheckpoint` on bytes that are already open; the path is the source's name. */
export function parseCheckpoint(source: ByteSource): Checkpoint {
  const path = source.file;
  const { format, arrays } = findTensors(source);
  const tensors = new Map<string, Tensor>();
  const read = new Map<ArrayRef, Float32Array>();
  for (const [name, array] of arrays) {
    const data = read.get(array) ?? toFloat32(path, array);
    read.set(array, data);
    const wrong = data.findIndex((number) => !Number.isFinite(number));
    if (wrong >= 0) throw new InputError(path, `holds ${data[wrong]} in tensor ${shown(name)} (element ${wrong}); train again or choose another checkpoint`);
    tensors.set(name, { shape: [...array.shape], data });
  }
  return { path, format, sha256: sha256(source), tensors };
}

/** A tensor's name, fit for a message. */
const shown = (name: string): string => JSON.stringify(name.slice(0, 120)).slice(1, -1);

/** Every tensor by its name without prefixes, still in the file. */
function findTensors(source: ByteSource): { format: Checkpoint["format"]; arrays: Map<string, ArrayRef> } {
  const path = source.file;
  const { format, entries } = readEntries(source);
  const arrays = new Map<string, ArrayRef>();
  // Views may share a storage (tied weights); this keeps them from multiplying a small file into a large memory.
  let left = Math.min(2 * source.size, MAX_WEIGHTS);
  const known = new Map<Storage, Map<string, ArrayRef>>();
  for (const [rawName, value] of entries) {
    const name = format === "exported" ? String(rawName) : String(rawName).replace(/^(?:(?:model|module)\.)+/, "");
    if (/(^|\.)num_batches_tracked$/.test(name)) continue;
    if (!(value instanceof ArrayRef)) throw new InputError(path, `holds something under "${shown(name)}" that is not a tensor; save model.state_dict()`);
    if (!isFloat(value.dtype)) throw new InputError(path, `holds tensor ${shown(name)} as ${value.dtype}; only floating-point weights can be filtered`);
    if (arrays.has(name)) throw new InputError(path, `holds tensor ${shown(name)} twice once the prefixes model. and module. are taken off; save one model a file`);
    const array = sameView(known, value);
    if (array === value) left -= value.span * DTYPE_BYTES[value.dtype];
    if (left < 0) throw new InputError(path, `holds tensors that together are far larger than the file, or than ${MAX_WEIGHTS} bytes; save one network's state_dict, with .clone()`);
    arrays.set(name, array);
  }
  if (arrays.size === 0) throw new InputError(path, "holds no tensors; save model.state_dict() with torch.save");
  return { format, arrays };
}

/** The first of equal views, which is the one itself if there was none before: tied weights are read once, under all their names. */
function sameView(known: Map<Storage, Map<string, ArrayRef>>, array: ArrayRef): ArrayRef {
  const { storage, shape, strides, offset } = array;
  const views = known.get(storage) ?? new Map<string, ArrayRef>();
  known.set(storage, views);
  const key = `${offset} ${shape} ${strides}`;
  const first = views.get(key) ?? array;
  views.set(key, first);
  return first;
}

function readEntries(source: ByteSource): { format: Checkpoint["format"]; entries: ReadonlyMap<PickleKey, PickleValue> } {
  const { file } = source;
  if (isSafetensors(source)) return { format: "safetensors", entries: readSafetensors(source) };
  const parts = isZip(source) ? readZip(source) : undefined;
  const exported = parts && readExported(file, parts);
  // Counters and the like are nothing to filter; the graph tells which tensors it reads.
  if (exported) return { format: "exported", entries: new Map([...exported.constants, ...exported.state].filter(([, { dtype }]) => isFloat(dtype))) };
  const saved = readTorchSaved(source, parts);
  if (saved) return { format: saved.format, entries: stateDict(file, saved.value) };
=======
/** What is in a checkpoint's file, still there, and in which format. */
export interface OpenedFile extends Contents {
  format: Checkpoint["format"];
}

/**
 * Reads a checkpoint's structure: torch.save's zip format, its stream (before 1.6), its tar (before 0.1.7) or safetensors, told
 * apart by content. Objects that are not known are left as they are: nothing is imported, nothing executed.
 * @throws InputError if the file is cut, damaged or of another kind
 */
export function readContents(source: ByteSource): OpenedFile {
  const { file } = source;
  if (isSafetensors(source)) return { format: "safetensors", ...findMappings(new Map(readSafetensors(source))) };
  const saved = readTorchSaved(source, true);
  if (saved) return { format: saved.format, ...findMappings(saved.value) };
>>>>>>> main
  const head = Buffer.from(source.read(0, Math.min(source.size, 64)));
  if (head.toString("latin1").startsWith("version https://git-lfs")) {
    throw new InputError(file, "is a Git LFS pointer, not the checkpoint itself; run git lfs pull");
  }
  throw new InputError(file, "is not a checkpoint: neither torch.save (zip, stream or tar) nor safetensors; name a .ckpt, .pt, .pth or .safetensors file");
}

/** A tensor's name, fit for a message. */
export const shownName = (name: string): string => JSON.stringify(name.slice(0, 120)).slice(1, -1);

/**
 * Reads tensors as dense row-major float32 (float16, bfloat16 and float64 are converted).
 * @throws InputError for a tensor of another type, for numbers that are not finite, and for more bytes than weights take
 */
export function readTensors(source: ByteSource, arrays: ReadonlyMap<string, ArrayRef>, isRead = isFloat): Map<string, Tensor> {
  const path = source.file;
  const tensors = new Map<string, Tensor>();
  // Views may share a storage (tied weights); this keeps them from multiplying a small file into a large memory.
  let left = Math.min(2 * source.size, MAX_WEIGHTS);
  for (const [name, array] of arrays) {
    if (!isRead(array.dtype)) throw new InputError(path, `holds tensor ${shownName(name)} as ${array.dtype}; only floating-point weights can be filtered, so save it as float32`);
    left -= array.span * DTYPE_BYTES[array.dtype];
    if (left < 0) throw new InputError(path, `holds tensors that together are far larger than the file, or than ${MAX_WEIGHTS} bytes; save one network's state_dict, with .clone()`);
  }
  for (const [name, array] of arrays) {
    const data = toFloat32(path, array);
    const wrong = data.findIndex((number) => !Number.isFinite(number));
    if (wrong >= 0) throw new InputError(path, `holds ${data[wrong]} in tensor ${shownName(name)} (element ${wrong}); train again or choose another checkpoint`);
    tensors.set(name, { shape: [...array.shape], data });
  }
  return tensors;
}
