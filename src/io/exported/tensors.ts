/** Weights of an exported program: raw storages with a list of what lies where (since 2.9), or a torch.save archive inside the archive. */
import { InputError } from "../../errors.js";
import { ArrayRef, DTYPE_BYTES, Storage, viewOf, type Dtype } from "../arrays.js";
import { readTorchSaved } from "../checkpoints/torchSaved.js";
import type { ByteSource } from "../source.js";
import { Field } from "./fields.js";
import { parseJson } from "./json.js";
import { SwappedSource } from "./swapped.js";

/** Numbers of the schema's ScalarType. */
const DTYPES: ReadonlyMap<number, Dtype> = new Map<number, Dtype>([
  [1, "uint8"], [2, "int8"], [3, "int16"], [4, "int32"], [5, "int64"], [6, "float16"], [7, "float32"], [8, "float64"], [12, "bool"], [13, "bfloat16"],
]);
const STRIDED = 7;
const MAX_TENSORS = 100_000;

/** Named tensors of a part that torch.save wrote; anything else in it is left out. */
export function savedTensors(part: ByteSource, what: string): Map<string, ArrayRef> {
  const saved = readTorchSaved(part)?.value;
  if (!(saved instanceof Map)) throw new InputError(part.file, `has a part ${what} that is no dict of tensors; it is damaged, export it again`);
  return new Map([...saved].flatMap(([name, value]) => (typeof name === "string" && value instanceof ArrayRef ? [[name, value] as const] : [])));
}

const sizesOf = (field: Field): number[] => field.list().map((item) => item.get("as_int").integer());

/**
 * Named tensors as a `*_config.json` lists them. Tensors may share a storage, and need not be contiguous in it.
 * @param partOf contents of a storage, by the name that the list gives it
 * @throws InputError for a type, layout or range that makes no sense
 */
export function listedTensors(config: ByteSource, what: string, partOf: (name: string) => ByteSource | undefined, bigEndian: boolean): Map<string, ArrayRef> {
  const { file } = config;
  const storages = new Map<string, Storage>();
  // Equal views are one, so that tied weights are read once.
  const views = new Map<string, ArrayRef>();
  const tensors = new Map<string, ArrayRef>();
  const entries = new Field(file, what, parseJson(config, what)).get("config").entries();
  if (entries.length > MAX_TENSORS) throw new InputError(file, `names over ${MAX_TENSORS} tensors; it is damaged or hostile`);
  for (const [name, entry] of entries) {
    const shown = JSON.stringify(name.slice(0, 120));
    const path = entry.get("path_name").name();
    const part = partOf(path);
    if (!part) throw new InputError(file, `has no data for tensor ${shown}; it is damaged, export it again`);
    if (entry.get("use_pickle").json === true) {
      const saved = readTorchSaved(part)?.value;
      if (!(saved instanceof ArrayRef)) throw new InputError(file, `holds ${shown} as another kind of tensor; export the network with plain ones`);
      tensors.set(name, saved);
      continue;
    }
    const meta = entry.get("tensor_meta");
    const dtype = DTYPES.get(meta.get("dtype").integer());
    if (dtype === undefined || meta.get("layout").integer() !== STRIDED) throw new InputError(file, `gives tensor ${shown} an element type or layout that is not known`);
    const key = `${dtype} ${path}`;
    const width = DTYPE_BYTES[dtype];
    const storage = storages.get(key) ?? new Storage(dtype, Math.floor(part.size / width), bigEndian ? new SwappedSource(part, width) : part);
    storages.set(key, storage);
    const place = [sizesOf(meta.get("sizes")), sizesOf(meta.get("strides")), meta.get("storage_offset").get("as_int").integer()] as const;
    const view = views.get(`${key} ${JSON.stringify(place)}`) ?? viewOf(file, storage, ...place);
    views.set(`${key} ${JSON.stringify(place)}`, view);
    tensors.set(name, view);
  }
  return tensors;
}
