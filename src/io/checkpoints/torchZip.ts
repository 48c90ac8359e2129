import { InputError } from "../../errors.js";
import { DTYPE_BYTES, Storage } from "../arrays.js";
import { Unpickler } from "./pickle.js";
import { asText } from "./pickleGlobals.js";
import { Opaque, PickleGlobal, type PickleValue } from "./pickleValues.js";
import { PartSource, type ByteSource } from "../source.js";
import { readZip } from "../archives/zip.js";

/**
 * Reads what torch.save has written since 1.6: a zip of `<name>/data.pkl` and one entry `<name>/data/<key>` per storage.
 * Returns the saved object with its tensors as views of the file. Throws InputError if anything in it is off.
 * @param entries contents of the archive, where they are known
 */
export function readTorchZip(source: ByteSource, bystanders: boolean, entries = readZip(source)): PickleValue {
  const { file } = source;
  const pickles = [...entries.keys()].filter((name) => /(?:^|\/)data\.pkl$/.test(name));
  if (pickles.length !== 1) throw new InputError(file, "is a zip archive without the one data.pkl that torch.save writes; name a checkpoint, or unpack it if it holds one");
  const prefix = pickles[0].slice(0, -"data.pkl".length);
  if (entries.has(`${prefix}constants.pkl`)) throw new InputError(file, `is a TorchScript archive, which is a program; save its weights in Python: torch.save(torch.jit.load(${pythonText(file)}).state_dict(), "weights.pth")`);
  const order = entries.get(`${prefix}byteorder`);
  if (order && Buffer.from(order.read(0, Math.min(order.size, 16))).toString("latin1").trim() !== "little") {
    throw new InputError(file, "was saved on a big-endian machine; save it again on a little-endian one");
  }

  const storages = new Map<string, Storage>();
  const persistentLoad = (id: PickleValue): PickleValue => {
    const unread = bystanders ? unknownClass(id, "storage") : null;
    if (unread) return unread;
    const { type, key, numel } = storageId(file, id);
    const known = storages.get(key);
    if (known) return known;
    const bytes = entries.get(`${prefix}data/${key}`);
    if (!bytes) throw new InputError(file, `has no data for storage ${JSON.stringify(key.slice(0, 40))}; it is damaged, save it again`);
    if (bytes.size < numel * DTYPE_BYTES[type]) {
      throw new InputError(file, `declares ${numel} elements of ${type} for storage ${JSON.stringify(key.slice(0, 40))} and holds ${bytes.size} bytes; it is damaged, save it again`);
    }
    const storage = new Storage(type, numel, new PartSource(bytes, 0, numel * DTYPE_BYTES[type]));
    storages.set(key, storage);
    return storage;
  };
  return new Unpickler(entries.get(pickles[0])!, { persistentLoad, bystanders }).loadWhole();
}

/** A path, as Python takes it between quotes. */
export const pythonText = (path: string): string => JSON.stringify(path);

/** The class that a persistent id of this kind speaks of, where it is none that is known; else null. A `module` is one of a whole model, with its source text. */
export function unknownClass(id: PickleValue, kind: "storage" | "module"): Opaque | null {
  const [given, type] = Array.isArray(id) ? id : [];
  return type instanceof Opaque && asText(given ?? null) === kind ? type : null;
}

/** Takes a torch persistent id apart: `("storage", torch.FloatStorage, key, location, numel, ...)`. */
export function storageId(file: string, id: PickleValue): { type: Storage["dtype"]; key: string; numel: number } {
  const [kind, type, named, , numel] = Array.isArray(id) ? id : [];
  const key = asText(named ?? null);
  if (asText(kind ?? null) !== "storage" || !(type instanceof PickleGlobal) || type.dtype === null || key === null ||
    typeof numel !== "number" || !Number.isSafeInteger(numel * 8) || numel < 0) {
    throw new InputError(file, "holds a storage whose type, key or size makes no sense; it is damaged, save it again");
  }
  return { type: type.dtype, key, numel };
}
