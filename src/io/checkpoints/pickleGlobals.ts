import { InputError } from "../../errors.js";
import { ArrayRef, DTYPE_BYTES, Storage, countsOf, denseStrides, viewOf, type Dtype } from "../arrays.js";
import { Latin1Source, LazyText } from "../latin1.js";
import { MemorySource } from "../source.js";
import { NumpyArray, NumpyDtype, PickleGlobal, isBytes, type Builder, type PickleValue } from "./pickleValues.js";

const STORAGES: Record<string, Dtype> = {
  DoubleStorage: "float64", FloatStorage: "float32", HalfStorage: "float16", BFloat16Storage: "bfloat16", LongStorage: "int64",
  IntStorage: "int32", ShortStorage: "int16", CharStorage: "int8", ByteStorage: "uint8", BoolStorage: "bool", UntypedStorage: "uint8",
};

const NUMPY_DTYPES: Record<string, Dtype> = {
  f8: "float64", f4: "float32", f2: "float16", i8: "int64", i4: "int32", i2: "int16", i1: "int8", u1: "uint8", b1: "bool",
};

function bad(builder: Builder, what: string): InputError {
  return new InputError(builder.file, `holds ${what}; it is damaged or was not written by PyTorch or NumPy`);
}

/** The tensor or NumPy array that a value is, or null. */
export function arrayOf(value: PickleValue | undefined): ArrayRef | null {
  if (value instanceof NumpyArray) return value.array;
  return value instanceof ArrayRef ? value : null;
}

function asText(value: PickleValue): string | null {
  if (typeof value === "string") return value;
  return isBytes(value) && value.size <= 16 ? Buffer.from(value.read(0, value.size)).toString("latin1") : null;
}

function rebuildTensor(args: PickleValue[], builder: Builder): PickleValue {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof Storage) || !Array.isArray(shape) || !Array.isArray(strides)) throw bad(builder, "a tensor without a storage, shape and strides");
  builder.budget.spend(20);
  return viewOf(builder.file, storage, shape, strides, offset);
}

function rebuildParameter(args: PickleValue[], builder: Builder): PickleValue {
  if (!(args[0] instanceof ArrayRef)) throw bad(builder, "a parameter that is not a tensor");
  return args[0];
}

function encode(args: PickleValue[], builder: Builder): PickleValue {
  const [text, encoding] = args;
  if (!(typeof text === "string" || text instanceof LazyText) || (encoding !== "latin1" && encoding !== "latin-1")) throw bad(builder, "a string in an encoding other than latin-1");
  if (text instanceof LazyText) {
    builder.budget.spendBytes(text.utf8.size);
    return new Latin1Source(text);
  }
  builder.budget.spend(8 + text.length / 8);
  return new MemorySource(builder.file, Buffer.from(text, "latin1"));
}

function loadFromBytes(args: PickleValue[], builder: Builder): PickleValue {
  if (args.length !== 1 || !isBytes(args[0])) throw bad(builder, "a storage that is not made of bytes");
  return builder.loadNested(args[0]);
}

function numpyDtype(args: PickleValue[], builder: Builder): PickleValue {
  const code = asText(args[0] ?? null);
  if (code === null || !Object.hasOwn(NUMPY_DTYPES, code)) throw bad(builder, `a NumPy array of type ${JSON.stringify(code?.slice(0, 16) ?? "unknown")}, which is not a number type of this format`);
  return new NumpyDtype(NUMPY_DTYPES[code]);
}

function makeArray(builder: Builder, dtype: PickleValue, shape: PickleValue, data: PickleValue, fortran: boolean): ArrayRef {
  const sizes = Array.isArray(shape) ? countsOf(shape) : null;
  if (!(dtype instanceof NumpyDtype) || sizes === null || !isBytes(data)) throw bad(builder, "a NumPy array without a type, shape and bytes");
  const width = DTYPE_BYTES[dtype.dtype];
  const storage = new Storage(dtype.dtype, Math.floor(data.size / width), data);
  const view = viewOf(builder.file, storage, sizes, denseStrides(sizes, fortran), 0);
  if (view.numel * width !== data.size) throw bad(builder, `a NumPy array of shape ${sizes.join("x")} with ${data.size} bytes of data`);
  return view;
}

function fromBuffer(args: PickleValue[], builder: Builder): PickleValue {
  const [data, dtype, shape, order] = args;
  const array = new NumpyArray();
  array.array = makeArray(builder, dtype, shape, data, order === "F");
  return array;
}

function scalar(args: PickleValue[], builder: Builder): PickleValue {
  const array = new NumpyArray();
  array.array = makeArray(builder, args[0], [], args[1], false);
  return array;
}

/** Applies the state that a BUILD opcode hands to an object. */
export function applyState(target: PickleValue, state: PickleValue, builder: Builder): void {
  if (target instanceof NumpyDtype && Array.isArray(state)) {
    const order = asText(state[1] ?? null);
    if (order !== "<" && order !== "|" && (order === null || DTYPE_BYTES[target.dtype] > 1)) throw bad(builder, "a NumPy array that is not little-endian");
    return;
  }
  if (target instanceof NumpyArray && Array.isArray(state) && state.length === 5) {
    target.array = makeArray(builder, state[2], state[1], state[4], state[3] === true);
    return;
  }
  // A state_dict carries its _metadata as an attribute; it says nothing about the weights.
  if (target instanceof Map && state instanceof Map) return;
  throw bad(builder, "an object state that belongs to no tensor or array");
}

const list: PickleGlobal[] = [
  new PickleGlobal("collections.OrderedDict", (args, builder) => builder.newMap(args)),
  new PickleGlobal("torch._utils._rebuild_tensor_v2", rebuildTensor),
  new PickleGlobal("torch._utils._rebuild_parameter", rebuildParameter),
  new PickleGlobal("torch.storage._load_from_bytes", loadFromBytes),
  new PickleGlobal("torch.Size", (args) => args[0]),
  new PickleGlobal("_codecs.encode", encode),
  new PickleGlobal("numpy.ndarray", null),
  new PickleGlobal("numpy.dtype", numpyDtype),
  ...["numpy.core", "numpy._core"].flatMap((core) => [
    new PickleGlobal(`${core}.multiarray._reconstruct`, () => new NumpyArray()),
    new PickleGlobal(`${core}.multiarray.scalar`, scalar),
    new PickleGlobal(`${core}.numeric._frombuffer`, fromBuffer),
  ]),
  ...Object.entries(STORAGES).flatMap(([name, dtype]) => [
    new PickleGlobal(`torch.${name}`, null, dtype),
    new PickleGlobal(`torch.storage.${name}`, null, dtype),
  ]),
  ...Object.keys(DTYPE_BYTES).map((name) => new PickleGlobal(`torch.${name}`, null, name as Dtype)),
];

/** Every name that a pickle may mention. */
export const ALLOWED_GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(list.map((entry) => [entry.name, entry]));
