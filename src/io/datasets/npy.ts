/** NumPy's .npy: a header in the words of a Python dict, then elements. Interpreted word by word, never evaluated. (Format: numpy.lib.format.) */
import { InputError } from "../../errors.js";
import { Storage, denseStrides, DTYPE_BYTES, viewOf, type ArrayRef, type Dtype } from "../arrays.js";
import { PartSource, type ByteSource } from "../source.js";

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MAX_HEADER = 1 << 16;
const DTYPES: Record<string, Dtype> = {
  f8: "float64", f4: "float32", f2: "float16", i8: "int64", i4: "int32", i2: "int16", i1: "int8", u1: "uint8", b1: "bool",
};
/** Dtypes that fit another one of the same width where values are small, as labels are. */
const UNSIGNED: Record<string, Dtype> = { u8: "int64", u4: "int32", u2: "int16" };
const HEADER = /^\s*\{\s*'descr':\s*'([<>|=]?)([a-zA-Z]\d{1,3})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\sL]*)\),?\s*\}\s*$/;

export const isNpy = (source: ByteSource): boolean => source.size >= 10 && source.read(0, 6).every((byte, i) => byte === MAGIC[i]);

/** The array of a .npy file or of an entry of an .npz. @throws InputError for objects, big-endian numbers, and what is damaged */
export function readNpy(source: ByteSource, shownName = ""): ArrayRef {
  const { file } = source;
  const what = shownName === "" ? "" : ` in ${shownName}`;
  const bad = (problem: string): InputError => new InputError(file, `${problem}${what}; save it again with numpy.save`);
  if (!isNpy(source)) throw bad("holds no NumPy array");
  const version = source.read(6, 1)[0];
  const wide = version > 1 ? 4 : 2;
  const length = new DataView(source.read(8, wide).buffer);
  const headerLength = wide === 2 ? length.getUint16(0, true) : length.getUint32(0, true);
  if (version < 1 || version > 3 || headerLength > MAX_HEADER || 8 + wide + headerLength > source.size) throw bad("has a damaged NumPy header");
  const text = Buffer.from(source.read(8 + wide, headerLength)).toString("latin1");
  if (/'descr':\s*'\|?O/.test(text)) throw bad("holds an array of Python objects, which would have to be unpickled,");
  const [, order, code, fortran, sizes] = HEADER.exec(text) ?? [];
  if (code === undefined) throw bad("has a damaged NumPy header, or an array of records");
  const dtype = DTYPES[code] ?? UNSIGNED[code];
  if (dtype === undefined) throw bad(`holds an array of type ${code}, which is no number type that is known,`);
  if (order === ">" && DTYPE_BYTES[dtype] > 1) throw bad("holds big-endian numbers");
  const shape = sizes.split(",").map((size) => size.replace("L", "").trim()).filter((size) => size !== "").map(Number);
  const start = 8 + wide + headerLength;
  const numel = shape.reduce((product, size) => product * size, 1);
  if (!Number.isSafeInteger(numel) || numel * DTYPE_BYTES[dtype] !== source.size - start) throw bad(`declares ${shape.join("x")} numbers of ${DTYPE_BYTES[dtype]} bytes and holds ${source.size - start} bytes`);
  return viewOf(file, new Storage(dtype, numel, new PartSource(source, start, source.size - start)), shape, denseStrides(shape, fortran === "True"), 0);
}
