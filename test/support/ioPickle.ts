/** Writes pickles by hand, so that tests can say what no pickler would. Every function returns opcodes. */
const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const op = (...parts: (number | string | Uint8Array)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : Buffer.from(part as string))));

export const MARK = op("(");
export const REDUCE = op("R");
export const BUILD = op("b");
export const APPEND = op("a");
export const NONE = op("N");
export const EMPTY_DICT = op("}");
export const EMPTY_LIST = op("]");
export const EMPTY_TUPLE = op(")");

export const pickle = (...parts: Uint8Array[]): Buffer => op(0x80, 2, ...parts, ".");
export const global = (module: string, name: string): Buffer => op("c", `${module}\n${name}\n`);
export const text = (value: string): Buffer => op("X", u32(Buffer.byteLength(value)), value);
export const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return op("J", bytes);
};
/** A Python 2 string, or bytes. */
export const raw = (value: Uint8Array | string): Buffer => op("T", u32(value.length), value);
export const tuple = (...items: Uint8Array[]): Buffer => op(MARK, ...items, "t");
export const list = (...items: Uint8Array[]): Buffer => op("]", MARK, ...items, "e");
export const dict = (...items: Uint8Array[]): Buffer => op("}", MARK, ...items, "u");
export const call = (callee: Uint8Array, ...args: Uint8Array[]): Buffer => op(callee, tuple(...args), "R");

export interface TensorParts {
  storage?: string;
  key?: string;
  numel?: number;
  offset?: Uint8Array;
  shape?: Uint8Array;
  strides?: Uint8Array;
}

/** A torch tensor as a state_dict holds it: by default two float32 in storage "0". */
export function tensor(parts: TensorParts = {}): Buffer {
  const storage = op(tuple(text("storage"), global("torch", parts.storage ?? "FloatStorage"), text(parts.key ?? "0"), text("cpu"), int(parts.numel ?? 2)), "Q");
  return call(
    global("torch._utils", "_rebuild_tensor_v2"),
    storage, parts.offset ?? int(0), parts.shape ?? tuple(int(2)), parts.strides ?? tuple(int(1)), op(0x89), call(global("collections", "OrderedDict")),
  );
}

/** A NumPy array of bytes as Python 2 pickled CIFAR-10. */
export function numpyBytes(shape: number[], data: Uint8Array, type = "u1"): Buffer {
  return op(
    call(global("numpy.core.multiarray", "_reconstruct"), global("numpy", "ndarray"), tuple(int(0)), raw("b")),
    tuple(
      int(1), tuple(...shape.map(int)),
      op(call(global("numpy", "dtype"), raw(type), int(0), int(1)), tuple(int(3), raw("|"), NONE, NONE, NONE, int(-1), int(-1), int(0)), "b"),
      op(0x89), raw(data),
    ),
    "b",
  );
}
