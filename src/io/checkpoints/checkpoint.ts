import { InputError } from "../../errors.js";
import { DTYPE_BYTES, isFloat, toFloat32, type ArrayRef } from "../arrays.js";
import { isZip, readZip } from "../archives/zip.js";
import { readExported, type Exported } from "../exported/exported.js";
import { findMappings, type Contents } from "./mappings.js";
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

/** What is in a checkpoint's file, still there, and in which format. */
export interface OpenedFile extends Contents {
  format: Checkpoint["format"];
  /** The network's graph, where the file holds that too. */
  exported: Exported | null;
}

/**
 * Reads a checkpoint's structure: torch.save's zip format, its stream (before 1.6), its tar (before 0.1.7), safetensors or
 * torch.export.save's archive, told apart by content. Objects that are not known are left as they are: nothing is imported, nothing executed.
 * @throws InputError if the file is cut, damaged or of another kind
 */
export function readContents(source: ByteSource): OpenedFile {
  const { file } = source;
  if (isSafetensors(source)) return { format: "safetensors", exported: null, ...findMappings(new Map(readSafetensors(source))) };
  const parts = isZip(source) ? readZip(source) : undefined;
  const exported = parts ? readExported(file, parts) : null;
  if (exported) return { format: "exported", exported, mappings: [{ key: "", entries: new Map(exported.state), within: null }], objects: new Map() };
  const saved = readTorchSaved(source, true, parts);
  if (saved) return { format: saved.format, exported: null, ...findMappings(saved.value) };
  const head = Buffer.from(source.read(0, Math.min(source.size, 64)));
  if (head.toString("latin1").startsWith("version https://git-lfs")) {
    throw new InputError(file, "is a Git LFS pointer, not the checkpoint itself; run git lfs pull");
  }
  throw new InputError(file, "is not a checkpoint: neither torch.save (zip, stream or tar), torch.export.save nor safetensors; name a .ckpt, .pt, .pth, .safetensors or .pt2 file");
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
  // Tied weights are read once, under all their names.
  const read = new Map<ArrayRef, Float32Array>();
  for (const [name, array] of arrays) {
    const data = read.get(array) ?? toFloat32(path, array);
    read.set(array, data);
    const wrong = data.findIndex((number) => !Number.isFinite(number));
    if (wrong >= 0) throw new InputError(path, `holds ${data[wrong]} in tensor ${shownName(name)} (element ${wrong}); train again or choose another checkpoint`);
    tensors.set(name, { shape: [...array.shape], data });
  }
  return tensors;
}
