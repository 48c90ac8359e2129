import { InputError } from "../../errors.js";
import { ArrayRef, DTYPE_BYTES, Storage, countsOf, denseStrides, looseness, placeOf, viewOf, type Dtype } from "../arrays.js";
import { Latin1Source, LazyText } from "../latin1.js";
import { MemorySource } from "../source.js";
import { NumpyArray, NumpyDtype, Opaque, PickleGlobal, isBytes, type Builder, type PickleValue } from "./pickleValues.js";

const STORAGES: Record<string, Dtype> = {
  DoubleStorage: "float64", FloatStorage: "float32", HalfStorage: "float16", BFloat16Storage: "bfloat16", LongStorage: "int64",
  IntStorage: "int32", ShortStorage: "int16", CharStorage: "int8", ByteStorage: "uint8", BoolStorage: "bool", UntypedStorage: "uint8",
  ComplexFloatStorage: "complex64", ComplexDoubleStorage: "complex128", QInt8Storage: "qint8", QUInt8Storage: "quint8", QInt32Storage: "qint32",
};

/** Longest text that Python 2 may have written for a name or a key. */
const MAX_TEXT = 64;

const NUMPY_DTYPES: Record<string, Dtype> = {
  f8: "float64", f4: "float32", f2: "float16", i8: "int64", i4: "int32", i2: "int16", i1: "int8", u1: "uint8", b1: "bool",
  u2: "uint16", u4: "uint32", u8: "uint64", c8: "complex64", c16: "complex128",
};

function bad(builder: Builder, what: string): InputError {
  return new InputError(builder.file, `holds ${what}; it is damaged or was not written by PyTorch or NumPy`);
}

/** The tensor or NumPy array that a value is, or null. */
export function arrayOf(value: PickleValue | undefined): ArrayRef | null {
  if (value instanceof NumpyArray) return value.array;
  return value instanceof ArrayRef ? value : null;
}

/** A short text, or the bytes that Python 2 wrote for one; null for anything else. */
export function asText(value: PickleValue): string | null {
  if (typeof value === "string") return value;
  return isBytes(value) && value.size <= MAX_TEXT ? Buffer.from(value.read(0, value.size)).toString("latin1") : null;
}

function rebuildTensor(args: PickleValue[], builder: Builder): PickleValue {
  const [storage, offset, shape, strides] = args;
  if (!(storage instanceof Storage) || !Array.isArray(shape) || !Array.isArray(strides)) throw bad(builder, "a tensor without a storage, shape and strides");
  return tensorOf(builder, storage, shape, strides, offset, storage.dtype);
}

/** One that stands beside the weights may be loose, say expanded. */
function tensorOf(builder: Builder, storage: Storage, shape: PickleValue[], strides: PickleValue[], offset: PickleValue, dtype: Dtype): PickleValue {
  builder.budget.spend(20);
  if (!builder.bystanders) return viewOf(builder.file, storage, shape, strides, offset, dtype);
  const view = placeOf(builder.file, storage, shape, strides, offset, dtype);
  const problem = looseness(view);
  return problem === null ? view : new Opaque(`a tensor of shape ${view.shape.join("x")} ${problem}`);
}

/** Types without a storage class of their own come in bytes, with the type beside. */
function rebuildTyped(args: PickleValue[], builder: Builder): PickleValue {
  const [storage, offset, shape, strides, , , type] = args;
  if (!(storage instanceof Storage) || !Array.isArray(shape) || !Array.isArray(strides) || !(type instanceof PickleGlobal) || type.dtype === null) throw bad(builder, "a tensor without a storage, shape, strides and type");
  return tensorOf(builder, storage, shape, strides, offset, type.dtype);
}

/** A tensor of a subclass is the one below; its class and attributes say nothing about the numbers. */
function rebuildFromType(args: PickleValue[], builder: Builder): PickleValue {
  const [rebuild, , inner] = args;
  if (!(rebuild instanceof PickleGlobal) || !REBUILDS.has(rebuild.name) || rebuild.call === null || !Array.isArray(inner)) return new Opaque("torch._tensor._rebuild_from_type_v2", args);
  return rebuild.call(inner, builder);
}

/** A tensor from a TPU or the like, saved as a NumPy array or as a tensor in main memory. */
function rebuildFromDevice(args: PickleValue[], builder: Builder): PickleValue {
  const [data, type] = args;
  const array = arrayOf(data);
  if (array === null || !(type instanceof PickleGlobal) || type.dtype === null) throw bad(builder, "a tensor of another device without its numbers and type");
  // NumPy has no bfloat16: its numbers come as float32.
  return type.dtype === array.dtype || (type.dtype === "bfloat16" && array.dtype === "float32") ? array : new Opaque(`a tensor of ${type.dtype} kept as ${array.dtype}`);
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
  const known = code !== null && Object.hasOwn(NUMPY_DTYPES, code);
  if (!known && builder.bystanders) return new NumpyDtype(null);
  if (!known) throw bad(builder, `a NumPy array of type ${JSON.stringify(code?.slice(0, 16) ?? "unknown")}, which is not a number type of this format`);
  return new NumpyDtype(NUMPY_DTYPES[code]);
}

function makeArray(builder: Builder, dtype: PickleValue, shape: PickleValue, data: PickleValue, fortran: boolean): ArrayRef {
  const sizes = Array.isArray(shape) ? countsOf(shape) : null;
  if (!(dtype instanceof NumpyDtype) || dtype.dtype === null || sizes === null || !isBytes(data)) throw bad(builder, "a NumPy array without a type, shape and bytes");
  const width = DTYPE_BYTES[dtype.dtype];
  const storage = new Storage(dtype.dtype, Math.floor(data.size / width), data);
  const view = viewOf(builder.file, storage, sizes, denseStrides(sizes, fortran), 0);
  if (view.numel * width !== data.size) throw bad(builder, `a NumPy array of shape ${sizes.join("x")} with ${data.size} bytes of data`);
  return view;
}

/** Numbers of a type that is not read here are left out where they may be bystanders. */
function filled(target: NumpyArray, builder: Builder, dtype: PickleValue, shape: PickleValue, data: PickleValue, fortran: boolean): NumpyArray {
  const unread = builder.bystanders && (dtype instanceof Opaque || (dtype instanceof NumpyDtype && dtype.dtype === null));
  target.array = unread ? null : makeArray(builder, dtype, shape, data, fortran);
  return target;
}

function fromBuffer(args: PickleValue[], builder: Builder): PickleValue {
  const [data, dtype, shape, order] = args;
  return filled(new NumpyArray(), builder, dtype, shape, data, order === "F");
}

function scalar(args: PickleValue[], builder: Builder): PickleValue {
  return filled(new NumpyArray(), builder, args[0], [], args[1], false);
}

/** Applies the state that a BUILD opcode hands to an object. */
export function applyState(target: PickleValue, state: PickleValue, builder: Builder): void {
  if (target instanceof NumpyDtype && Array.isArray(state)) {
    const order = asText(state[1] ?? null);
    if (target.dtype === null || order === "<" || order === "|" || (order !== null && DTYPE_BYTES[target.dtype] === 1)) return;
    if (!builder.bystanders) throw bad(builder, "a NumPy array that is not little-endian");
    target.dtype = null;
    return;
  }
  if (target instanceof NumpyArray && Array.isArray(state) && state.length === 5) {
    filled(target, builder, state[2], state[1], state[4], state[3] === true);
    return;
  }
  // A state_dict carries its _metadata as an attribute, a tensor its user's; they say nothing about the weights.
  if (target instanceof Map && state instanceof Map) return;
  if (builder.bystanders && (target instanceof Map || target instanceof ArrayRef)) return;
  if (target instanceof Opaque) {
    target.parts.push(state);
    return;
  }
  throw bad(builder, "an object state that belongs to no tensor or array");
}

const tensorBuilders = [
  new PickleGlobal("torch._utils._rebuild_tensor", rebuildTensor),
  new PickleGlobal("torch._utils._rebuild_tensor_v2", rebuildTensor),
  new PickleGlobal("torch._utils._rebuild_tensor_v3", rebuildTyped),
  new PickleGlobal("torch._utils._rebuild_parameter", rebuildParameter),
  new PickleGlobal("torch._utils._rebuild_parameter_with_state", rebuildParameter),
  ...["_rebuild_device_tensor_from_numpy", "_rebuild_device_tensor_from_cpu_tensor", "_rebuild_xla_tensor"].map((name) => new PickleGlobal(`torch._utils.${name}`, rebuildFromDevice)),
];
const REBUILDS: ReadonlySet<string> = new Set(tensorBuilders.map(({ name }) => name));

const list: PickleGlobal[] = [
  new PickleGlobal("collections.OrderedDict", (args, builder) => builder.newMap(args)),
  new PickleGlobal("collections.defaultdict", (_, builder) => builder.newMap([])),
  new PickleGlobal("collections.Counter", (args, builder) => (args[0] instanceof Map ? args[0] : builder.newMap([]))),
  ...tensorBuilders,
  new PickleGlobal("torch._tensor._rebuild_from_type_v2", rebuildFromType),
  new PickleGlobal("torch._tensor._rebuild_from_type", rebuildFromType),
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
    new PickleGlobal(`torch.${name.replace("Storage", "Tensor")}`, null, dtype),
  ]),
  ...Object.keys(DTYPE_BYTES).map((name) => new PickleGlobal(`torch.${name}`, null, name as Dtype)),
];

/** Every name that a pickle may mention. */
export const ALLOWED_GLOBALS: ReadonlyMap<string, PickleGlobal> = new Map(list.map((entry) => [entry.name, entry]));
