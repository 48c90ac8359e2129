/** Writes a network's state_dict, as PyTorch and Hugging Face's safetensors read it. */
import { zipBytes } from "../archives/zipWriter.js";
import type { Tensor } from "../types.js";
import * as py from "./pickleWriter.js";
import { encodeSafetensors } from "./safetensors.js";

/** A tensor of floats, or one whole number: a batch norm's `num_batches_tracked`. */
export type Entry = Tensor | number;

/** The folder in the archive: torch.save names it by its file, torch.load takes any. */
const ROOT = "archive";

const isTensor = (entry: Entry): entry is Tensor => typeof entry !== "number";

const bytesOf = (entry: Entry): Uint8Array => (isTensor(entry) ? new Uint8Array(entry.data.buffer, entry.data.byteOffset, entry.data.byteLength) : new Uint8Array(BigInt64Array.of(BigInt(entry)).buffer));

/** A tensor that owns its storage: torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks). */
function rebuilt(key: number, entry: Entry): py.Pickled {
  const shape = isTensor(entry) ? entry.shape : [];
  const elements = isTensor(entry) ? entry.data.length : 1;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const storage = py.persistent(py.tuple([py.text("storage"), py.named("torch", isTensor(entry) ? "FloatStorage" : "LongStorage"), py.text(String(key)), py.text("cpu"), py.int(elements)]));
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
