import { InputError } from "../errors.js";
import type { ByteSource } from "./source.js";

/** Element types that a tensor or array may have, with their sizes in bytes. Those of the second line are known of, not read. */
export const DTYPE_BYTES = {
  float64: 8, float32: 4, float16: 2, bfloat16: 2, int64: 8, int32: 4, int16: 2, int8: 1, uint8: 1, bool: 1,
  uint16: 2, uint32: 4, uint64: 8, complex64: 8, complex128: 16, float8_e4m3fn: 1, float8_e5m2: 1, float8_e4m3fnuz: 1, float8_e5m2fnuz: 1, float8_e8m0fnu: 1, qint8: 1, quint8: 1, qint32: 4,
} as const;
export type Dtype = keyof typeof DTYPE_BYTES;

/** A view that spans more than so many elements may span so many times what it holds. */
const SPREAD_MIN = 1 << 20;
const SPREAD = 16;

const FLOAT_DTYPES: ReadonlySet<Dtype> = new Set(["float64", "float32", "float16", "bfloat16"]);

/** True if the elements are floating-point numbers. */
export function isFloat(dtype: Dtype): boolean {
  return FLOAT_DTYPES.has(dtype);
}

/** A run of `numel` little-endian elements; `bytes` is null until the container that holds them has been read. */
export class Storage {
  constructor(readonly dtype: Dtype, readonly numel: number, public bytes: ByteSource | null) {}
}

/** A strided view of a storage whose elements stay where they are until asked for. Offset and strides are in elements. */
export class ArrayRef {
  /** @param dtype how the storage's bytes are to be understood */
  constructor(readonly storage: Storage, readonly shape: readonly number[], readonly strides: readonly number[], readonly offset: number, readonly dtype: Dtype = storage.dtype) {}

  /** Number of elements. */
  get numel(): number {
    return this.shape.reduce((product, size) => product * size, 1);
  }

  /** Number of storage elements from the first to the last one that the view touches. */
  get span(): number {
    return this.numel === 0 ? 0 : this.shape.reduce((last, size, axis) => last + (size - 1) * this.strides[axis], 1);
  }

  /** The view of `count` entries from `first` along the first axis. */
  part(first: number, count: number): ArrayRef {
    return new ArrayRef(this.storage, [count, ...this.shape.slice(1)], this.strides, this.offset + first * this.strides[0], this.dtype);
  }
}

/** Whether two views are of the same elements, so that two names of them are one tensor's. */
export const isSameView = (a: ArrayRef, b: ArrayRef): boolean =>
  a === b || (a.storage === b.storage && a.offset === b.offset && String(a.shape) === String(b.shape) && String(a.strides) === String(b.strides));

/** Strides, in elements, of a dense array: row-major, or column-major if `fortran`. */
export function denseStrides(shape: readonly number[], fortran = false): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = 0; i < shape.length; i++) {
    const axis = fortran ? i : shape.length - 1 - i;
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

/** Counts of a shape or strides in a list of its own, so that no later opcode changes them; null if they are none. */
export function countsOf(values: readonly unknown[]): number[] | null {
  return values.length <= 16 && values.every((value) => Number.isSafeInteger(value) && (value as number) >= 0) ? [...(values as number[])] : null;
}

/** True if two indices may name one element: some axis steps less far than the axes inside it reach. */
function overlaps(shape: readonly number[], strides: readonly number[]): boolean {
  let reach = 1;
  const axes = shape.map((size, axis) => ({ size, stride: strides[axis] })).filter(({ size }) => size > 1);
  return axes.sort((a, b) => a.stride - b.stride).some(({ size, stride }) => {
    const inside = reach;
    reach += (size - 1) * stride;
    return stride < inside;
  });
}

/**
 * Makes a view after checking that offset, strides and shape are whole numbers that stay inside the storage. It may still be
 * loose, see below.
 */
export function placeOf(file: string, storage: Storage, sizes: readonly unknown[], steps: readonly unknown[], offset: unknown, dtype = storage.dtype): ArrayRef {
  const [shape, strides] = [countsOf(sizes), countsOf(steps)];
  if (shape === null || strides === null || shape.length !== strides.length || !Number.isSafeInteger(offset) || (offset as number) < 0) {
    throw new InputError(file, "holds a tensor whose shape, strides or offset are not sensible whole numbers; save it again with .contiguous()");
  }
  const view = new ArrayRef(storage, shape, strides, offset as number, dtype);
  const held = Math.floor((storage.numel * DTYPE_BYTES[storage.dtype]) / DTYPE_BYTES[dtype]);
  const { numel, span } = view;
  const shown = `holds a tensor of shape ${shape.join("x")}`;
  if (!Number.isSafeInteger(numel) || !Number.isSafeInteger(span) || view.offset + span > held) {
    throw new InputError(file, `${shown} that reaches outside its storage of ${held} elements; save the file again`);
  }
  return view;
}

/** Why a view is none that weights or data are read from: elements that overlap could make it far larger than its file. Null where it is one. */
export function looseness({ shape, strides, numel, span }: ArrayRef): string | null {
  if (numel > 0 && overlaps(shape, strides)) return `whose elements overlap in memory`;
  return span > Math.max(SPREAD_MIN, SPREAD * numel) ? `spread over ${span} elements of its storage` : null;
}

/** A view as `placeOf` makes it, refused where it is loose, too. */
export function viewOf(file: string, storage: Storage, sizes: readonly unknown[], steps: readonly unknown[], offset: unknown, dtype = storage.dtype): ArrayRef {
  const view = placeOf(file, storage, sizes, steps, offset, dtype);
  const problem = looseness(view);
  if (problem !== null) throw new InputError(file, `holds a tensor of shape ${view.shape.join("x")} ${problem}; save it again with .contiguous()`);
  return view;
}

/** The bytes that a view spans, aligned, and where its first element lies: element 0 of the result is the view's first. */
function spanBytes(file: string, view: ArrayRef): ArrayBuffer {
  const { storage: { bytes }, dtype } = view;
  if (bytes === null) throw new InputError(file, "holds a tensor whose storage is missing; save the file again");
  const width = DTYPE_BYTES[dtype];
  return bytes.read(view.offset * width, view.span * width).buffer;
}

function halfToFloat(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Elements of one span, in storage order, as something indexable by number. */
function decode(file: string, dtype: Dtype, buffer: ArrayBuffer): ArrayLike<number> {
  switch (dtype) {
    case "float32": return new Float32Array(buffer);
    case "float64": return new Float64Array(buffer);
    case "float16": return Float32Array.from(new Uint16Array(buffer), halfToFloat);
    case "bfloat16": return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case "int64": return Float64Array.from(new BigInt64Array(buffer) as unknown as ArrayLike<bigint>, Number);
    case "int32": return new Int32Array(buffer);
    case "int16": return new Int16Array(buffer);
    case "int8": return new Int8Array(buffer);
    case "uint8":
    case "bool": return new Uint8Array(buffer);
    default: throw new InputError(file, `holds a tensor of type ${dtype}, which is not read here; convert it to float32 and save the file again`);
  }
}

/** Copies a strided view into `out`, row-major. */
function gather(view: ArrayRef, from: ArrayLike<number>, out: { [index: number]: number }): void {
  const { shape, strides, numel } = view;
  const index = new Array<number>(shape.length).fill(0);
  let at = 0;
  for (let i = 0; i < numel; i++) {
    out[i] = from[at];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
}

function elements(file: string, view: ArrayRef): { dense: boolean; values: ArrayLike<number> } {
  const dense = denseStrides(view.shape);
  const isDense = view.shape.every((size, axis) => size === 1 || view.strides[axis] === dense[axis]);
  return { dense: isDense || view.numel === 0, values: decode(file, view.dtype, spanBytes(file, view)) };
}

/** Every element of a view, row-major, converted to float32 (float64 is rounded to the nearest). */
export function toFloat32(file: string, view: ArrayRef): Float32Array<ArrayBuffer> {
  const { dense, values } = elements(file, view);
  if (dense) return values instanceof Float32Array ? (values as Float32Array<ArrayBuffer>) : Float32Array.from(values);
  const out = new Float32Array(view.numel);
  gather(view, values, out);
  return out;
}

/** Every element of a view, row-major, as bytes; InputError unless the view is of uint8. */
export function toUint8(file: string, view: ArrayRef): Uint8Array<ArrayBuffer> {
  if (view.dtype !== "uint8") throw new InputError(file, `holds pixels of type ${view.dtype} where uint8 is expected; save them again as uint8`);
  const { dense, values } = elements(file, view);
  if (dense) return values as Uint8Array<ArrayBuffer>;
  const out = new Uint8Array(view.numel);
  gather(view, values, out);
  return out;
}

/** Every element of a view, row-major, as the bytes it has in its file. */
export function toBytes(file: string, view: ArrayRef): Uint8Array<ArrayBuffer> {
  const width = DTYPE_BYTES[view.dtype];
  const bytes = new Uint8Array(view.numel === 0 ? new ArrayBuffer(0) : spanBytes(file, view));
  const from = new Float64Array(view.numel);
  gather(view, Float64Array.from({ length: view.span }, (_, i) => i), from);
  const out = new Uint8Array(view.numel * width);
  from.forEach((at, i) => out.set(bytes.subarray(at * width, (at + 1) * width), i * width));
  return out;
}

/** Every element of a view, row-major, as numbers (an int64 beyond 2^53 is rounded). */
export function toNumbers(file: string, view: ArrayRef): ArrayLike<number> {
  const { dense, values } = elements(file, view);
  if (dense) return values;
  const out = new Float64Array(view.numel);
  gather(view, values, out);
  return out;
}
