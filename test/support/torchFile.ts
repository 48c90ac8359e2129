/** Checkpoints of torch.save made without PyTorch: dicts, lists and tensors as the zip format holds them. */
import type { Tensor } from "../../src/io/types.js";
import { zip } from "./io.js";
import { dict, int, list, pickle, tensor, text, tuple } from "./ioPickle.js";

/** Opcodes stand for themselves. */
export type Saved = Tensor | number | string | Uint8Array | Saved[] | Map<string, Saved>;

/** What torch.save writes of these objects. */
export function torchFile(saved: Saved): Buffer {
  const storages: [string, Uint8Array][] = [];
  const encode = (value: Saved): Uint8Array => {
    if (value instanceof Uint8Array) return value;
    if (typeof value === "number") return int(value);
    if (typeof value === "string") return text(value);
    if (Array.isArray(value)) return list(...value.map(encode));
    if (value instanceof Map) return dict(...[...value].flatMap(([key, item]) => [text(key), encode(item)]));
    const key = String(storages.length);
    storages.push([`a/data/${key}`, new Uint8Array(value.data.buffer, value.data.byteOffset, value.data.byteLength)]);
    const strides = value.shape.map((_, axis) => value.shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    return tensor({ key, numel: value.data.length, shape: tuple(...value.shape.map(int)), strides: tuple(...strides.map(int)) });
  };
  const data = pickle(encode(saved));
  return zip([["a/data.pkl", data], ...storages]);
}

export const numbers = (shape: number[], ...values: number[]): Tensor =>
  ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => values[i % Math.max(1, values.length)] ?? 0.5) });
