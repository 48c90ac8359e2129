import { InputError } from "../../errors.js";
import { ArrayRef, DTYPE_BYTES, Storage, denseStrides, viewOf, type Dtype } from "../arrays.js";
import { readHeader } from "./safetensorsHeader.js";
import { PartSource, type ByteSource } from "../source.js";
import { bytesOf, dtypeOf, type Entry, shapeOf } from "./entry.js";

const MAX_HEADER = 100_000_000;
const DTYPES: ReadonlyMap<string, Dtype> = new Map<string, Dtype>([
  ["F64", "float64"], ["F32", "float32"], ["F16", "float16"], ["BF16", "bfloat16"], ["I64", "int64"], ["I32", "int32"],
  ["I16", "int16"], ["I8", "int8"], ["U8", "uint8"], ["BOOL", "bool"], ["U16", "uint16"], ["U32", "uint32"], ["U64", "uint64"], ["C64", "complex64"],
  ["F8_E4M3", "float8_e4m3fn"], ["F8_E5M2", "float8_e5m2"], ["F8_E4M3FNUZ", "float8_e4m3fnuz"], ["F8_E5M2FNUZ", "float8_e5m2fnuz"], ["F8_E8M0", "float8_e8m0fnu"],
]);

/** True if the source starts like a safetensors file: a header length that fits, then a brace. */
export function isSafetensors(source: ByteSource): boolean {
  if (source.size < 10) return false;
  const head = source.read(0, 9);
  return head[8] === 0x7b && head[6] === 0 && head[7] === 0;
}

/**
 * Reads a safetensors file: 8 bytes of header length, a JSON header, dense row-major tensors. Returns views of the source by
 * name. Throws InputError for a header over 100 MB, duplicate names, unknown types, sizes that contradict shapes, and data
 * ranges that overlap, leave holes or do not end with the file.
 */
export function readSafetensors(source: ByteSource): Map<string, ArrayRef> {
  const { file } = source;
  const bad = (what: string) => new InputError(file, `${what}; it is damaged, save or download it again`);
  const headerLength = Number(new DataView(source.read(0, 8).buffer).getBigUint64(0, true));
  if (headerLength > MAX_HEADER) throw bad(`declares a safetensors header of ${headerLength} bytes, and 100 MB are the limit`);
  if (headerLength + 8 > source.size) throw bad("is cut short inside its safetensors header");
  const entries = readHeader(file, Buffer.from(source.read(8, headerLength).buffer));

  const start = 8 + headerLength;
  let end = 0;
  const tensors = new Map<string, ArrayRef>();
  for (const { name, dtype: code, shape, from, to } of entries.sort((a, b) => a.from - b.from || a.to - b.to)) {
    const dtype = DTYPES.get(code);
    const shown = JSON.stringify(name.slice(0, 120));
    if (dtype === undefined) throw bad(`gives tensor ${shown} an element type that is not known`);
    const numel = shape.reduce((product, size) => product * size, 1);
    if (!Number.isSafeInteger(numel) || to - from !== numel * DTYPE_BYTES[dtype]) throw bad(`gives tensor ${shown} a range that does not fit its shape ${shape.join("x")}`);
    if (from !== end) throw bad(`${from < end ? "holds tensors that overlap" : "leaves a hole"} before tensor ${shown}`);
    if (start + to > source.size) throw bad("is cut short inside its tensors");
    const bytes = new PartSource(source, start + from, to - from);
    tensors.set(name, viewOf(file, new Storage(dtype, numel, bytes), shape, denseStrides(shape), 0));
    end = to;
  }
  if (start + end !== source.size) throw bad(`goes on for ${source.size - start - end} bytes after its last tensor`);
  return tensors;
}

const CODES = new Map([...DTYPES].map(([code, dtype]) => [dtype, code]));

/**
 * A safetensors file; whole numbers become int64 without dimensions.
 * @param metadata texts for the header
 */
export function encodeSafetensors(tensors: ReadonlyMap<string, Entry>, metadata?: Record<string, string>): Buffer {
  let end = 0;
  const parts = [...tensors].map(([name, value]) => ({ name, bytes: bytesOf(value), dtype: CODES.get(dtypeOf(value))!, shape: shapeOf(value) }));
  const entries = parts.map(({ name, bytes, dtype, shape }) => [name, { dtype, shape, data_offsets: [end, (end += bytes.length)] }]);
  const text = JSON.stringify(Object.fromEntries([...(metadata ? [["__metadata__", metadata]] : []), ...entries]));
  const header = Buffer.from(text.padEnd(text.length + ((8 - (Buffer.byteLength(text) % 8)) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, ...parts.map(({ bytes }) => bytes)]);
}
