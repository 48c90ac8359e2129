/** Writes pickles of plain data. Each function gives the bytes of one value; containers join them. */
import { OP } from "./pickleOps.js";

export type Pickled = Uint8Array;

const op = (code: number): Pickled => Uint8Array.of(code);

function sized(code: number, content: Uint8Array): Pickled {
  const head = Buffer.alloc(5, code);
  head.writeUInt32LE(content.length, 1);
  return Buffer.concat([head, content]);
}

export const NONE = op(OP.NONE);
export const FALSE = op(OP.NEWFALSE);
export const TRUE = op(OP.NEWTRUE);

/** A whole number of 32 bits. */
export function int(value: number): Pickled {
  const bytes = Buffer.alloc(5, OP.BININT);
  bytes.writeInt32LE(value, 1);
  return bytes;
}

export function float(value: number): Pickled {
  const bytes = Buffer.alloc(9, OP.BINFLOAT);
  bytes.writeDoubleBE(value, 1);
  return bytes;
}

export const text = (value: string): Pickled => sized(OP.BINUNICODE, Buffer.from(value));
export const bytes = (value: Uint8Array): Pickled => sized(OP.BINBYTES, value);
export const tuple = (items: Pickled[]): Pickled => Buffer.concat([op(OP.MARK), ...items, op(OP.TUPLE)]);
export const list = (items: Pickled[]): Pickled => Buffer.concat([op(OP.EMPTY_LIST), op(OP.MARK), ...items, op(OP.APPENDS)]);
/** Python keeps the order of the entries. */
export const dict = (entries: [key: Pickled, value: Pickled][]): Pickled => Buffer.concat([op(OP.EMPTY_DICT), op(OP.MARK), ...entries.flat(), op(OP.SETITEMS)]);

/** What the reader imports: a function or a class. */
export const named = (module: string, name: string): Pickled => Buffer.from(`${String.fromCharCode(OP.GLOBAL)}${module}\n${name}\n`);
/** The reader calls it. */
export const called = (callee: Pickled, args: Pickled[]): Pickled => Buffer.concat([callee, tuple(args), op(OP.REDUCE)]);
/** The reader hands the state to the object's __setstate__. */
const withState = (object: Pickled, state: Pickled[]): Pickled => Buffer.concat([object, tuple(state), op(OP.BUILD)]);

function numpyArray(dtype: "f4" | "i8", shape: number[], data: Uint8Array): Pickled {
  // numpy.core is the name that NumPy 1 has and NumPy 2 keeps for pickles.
  const empty = called(named("numpy.core.multiarray", "_reconstruct"), [named("numpy", "ndarray"), tuple([int(0)]), bytes(Buffer.from("b"))]);
  const type = withState(called(named("numpy", "dtype"), [text(dtype), FALSE, TRUE]), [int(3), text("<"), NONE, NONE, NONE, int(-1), int(-1), int(0)]);
  return withState(empty, [int(1), tuple(shape.map(int)), type, FALSE, bytes(data)]);
}

/** A NumPy array of one dimension, float32. */
export function float32Array(values: number[]): Pickled {
  const data = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => data.writeFloatLE(value, 4 * i));
  return numpyArray("f4", [values.length], data);
}

/** A NumPy array without dimensions: one int64. */
export function int64Scalar(value: number): Pickled {
  const data = Buffer.alloc(8);
  data.writeBigInt64LE(BigInt(value));
  return numpyArray("i8", [], data);
}

/** The array as a torch tensor on the CPU: its reader needs PyTorch. */
export const tensor = (array: Pickled): Pickled => called(named("torch", "from_numpy"), [array]);

/** What the reader looks up by what it is known as outside of the pickle. */
export const persistent = (id: Pickled): Pickled => Buffer.concat([id, op(OP.BINPERSID)]);
/** A dict that torch.load has its classes from: collections.OrderedDict. */
export const orderedDict = (entries: [key: Pickled, value: Pickled][]): Pickled =>
  Buffer.concat([called(named("collections", "OrderedDict"), []), ...(entries.length > 0 ? [op(OP.MARK), ...entries.flat(), op(OP.SETITEMS)] : [])]);

/** The whole file. Bytes need protocol 3; torch.load likes 2 best. */
export const pickle = (value: Pickled, protocol: 2 | 3 = 3): Uint8Array => Buffer.concat([Uint8Array.of(OP.PROTO, protocol), value, op(OP.STOP)]);
