/** Writes a network's state_dict, as PyTorch and Hugging Face's safetensors read it. */
import { zipBytes } from "../archives/zipWriter.js";
import type { Dtype } from "../arrays.js";
import { bytesOf, dtypeOf, type Entry, shapeOf } from "./entry.js";
import * as py from "./pickleWriter.js";
import { encodeSafetensors } from "./safetensors.js";

/** What torch calls the storage of element types that are written. */
const STORAGES: Partial<Record<Dtype, string>> = { float32: "FloatStorage", int64: "LongStorage", int32: "IntStorage", int16: "ShortStorage", int8: "CharStorage", uint8: "ByteStorage", bool: "BoolStorage" };

/** Whether tensors of this type can be among the entries. */
export const isWritten = (dtype: Dtype): boolean => dtype in STORAGES;

/** The folder in the archive: torch.save names it by its file, torch.load takes any. */
const ROOT = "archive";

/** A tensor that owns its storage: torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks). */
function rebuilt(key: number, entry: Entry): py.Pickled {
  const shape = shapeOf(entry);
  const elements = shape.reduce((product, size) => product * size, 1);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const storage = py.persistent(py.tuple([py.text("storage"), py.named("torch", STORAGES[dtypeOf(entry)]!), py.text(String(key)), py.text("cpu"), py.int(elements)]));
  return py.called(py.named("torch._utils", "_rebuild_tensor_v2"), [storage, py.int(0), py.tuple(shape.map(py.int)), py.tuple(strides.map(py.int)), py.FALSE, py.orderedDict([])]);
}

/** A file as torch.save writes it since 1.6, which torch.load(weights_only=True) opens. */
export function torchStateDict(entries: ReadonlyMap<string, Entry>): Uint8Array {
  const pairs = [...entries].map(([name, entry], key): [py.Pickled, py.Pickled] => [py.text(name), rebuilt(key, entry)]);
  return zipBytes([
    [`${ROOT}/data.pkl`, py.pickle(py.orderedDict(pairs), 2)],
    [`${ROOT}/byteorder`, Buffer.from("little")],
    ...[...entries.values()].map((entry, key) => [`${ROOT}/data/${key}`, bytesOf(entry)] as const),
    [`${ROOT}/version`, Buffer.from("3\n")],
  ]);
}

export type CheckpointFormat = "ckpt" | "safetensors";

export const encodeStateDict = (entries: ReadonlyMap<string, Entry>, format: CheckpointFormat): Uint8Array => (format === "ckpt" ? torchStateDict(entries) : encodeSafetensors(entries));
