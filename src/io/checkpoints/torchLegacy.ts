import { InputError } from "../../errors.js";
import { DTYPE_BYTES, Storage, type Dtype } from "../arrays.js";
import { Unpickler } from "./pickle.js";
import { PickleBudget } from "./pickleBudget.js";
import { asText } from "./pickleGlobals.js";
import type { PickleValue } from "./pickleValues.js";
import { PartSource, type ByteSource } from "../source.js";
import { storageId, unknownClass } from "./torchZip.js";

const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;

/** True if the source starts with the magic number of torch.save before 1.6. */
export function isTorchLegacy(source: ByteSource): boolean {
  if (source.size < 14) return false;
  const head = Buffer.from(source.read(0, 14));
  return head[0] === 0x80 && head.subarray(2, 14).equals(Buffer.from("8a0a6cfc9c46f9206aa85019", "hex"));
}

interface LegacyOptions {
  budget?: PickleBudget;
  bystanders?: boolean;
}

/**
 * Reads what torch.save wrote before 1.6: five pickles (magic number, protocol, system, object, storage keys), then for each
 * storage its element count and its bytes. Returns the saved object with its tensors as views of the source. Throws
 * InputError if anything in it is off, bytes after the end included.
 */
export function readTorchLegacy(source: ByteSource, { budget = new PickleBudget(source.file, source.size), bystanders = false }: LegacyOptions = {}): PickleValue {
  const { file } = source;
  const bad = (what: string) => new InputError(file, `${what}; it is damaged, save it again with torch.save`);
  const storages = new Map<string, Storage>();
  const parts = new Map<string, { part: Storage; whole: Storage; offset: number }>();
  const persistentLoad = (id: PickleValue): PickleValue => {
    const model = bystanders ? unknownClass(id, "module") : null;
    if (model) return model;
    const { type, key, numel } = storageId(file, id);
    const storage = storages.get(key) ?? newStorage(type, key, numel);
    const part = (id as PickleValue[])[5];
    return part === null || part === undefined ? storage : partOf(storage, part);
  };
  const newStorage = (type: Dtype, key: string, numel: number): Storage => {
    if (numel * DTYPE_BYTES[type] > source.size) throw bad(`declares ${numel} elements of ${type} for a storage, more than the file can hold`);
    const storage = new Storage(type, numel, null);
    storages.set(key, storage);
    return storage;
  };
  /** A storage that is a part of another, as PyTorch before 0.4 wrote them: `(key, first element, elements)`. */
  const partOf = (whole: Storage, given: PickleValue): Storage => {
    const [named, offset, numel] = Array.isArray(given) ? given : [];
    const key = asText(named ?? null);
    const isInside = typeof offset === "number" && typeof numel === "number" && Number.isSafeInteger(offset) && Number.isSafeInteger(numel) && offset >= 0 && numel >= 0 && offset + numel <= whole.numel;
    if (key === null || !isInside) throw bad("holds a storage that is no part of the one it names");
    const known = parts.get(key);
    if (known) return known.part;
    const part = new Storage(whole.dtype, numel, null);
    parts.set(key, { part, whole, offset });
    return part;
  };

  let position = 0;
  const next = (): PickleValue => {
    const unpickler = new Unpickler(source, { position, budget, persistentLoad, bystanders });
    const value = unpickler.load();
    position = unpickler.position;
    return value;
  };
  if (next() !== MAGIC) throw bad("does not start with the magic number of torch.save");
  if (next() !== PROTOCOL) throw bad("was written by an unknown version of torch.save");
  const system = next();
  if (system instanceof Map && system.get("little_endian") === false) throw bad("was saved on a big-endian machine");
  const value = next();
  const keys = next();
  if (!Array.isArray(keys) || keys.length !== storages.size) throw bad("lists other storages than its tensors use");
  for (const key of keys) {
    const storage = storages.get(asText(key) ?? "");
    if (storage === undefined || storage.bytes !== null) throw bad("lists other storages than its tensors use");
    const count = Number(new DataView(source.read(position, 8).buffer).getBigUint64(0, true));
    if (count !== storage.numel) throw bad(`declares ${storage.numel} elements for a storage and stores ${count}`);
    const length = count * DTYPE_BYTES[storage.dtype];
    storage.bytes = new PartSource(source, position + 8, length);
    position += 8 + length;
  }
  for (const { part, whole, offset } of parts.values()) part.bytes = new PartSource(whole.bytes!, offset * DTYPE_BYTES[part.dtype], part.numel * DTYPE_BYTES[part.dtype]);
  if (position !== source.size) throw bad(`goes on for ${source.size - position} bytes after its end`);
  return value;
}

/** Reads the one storage in a stream that torch.storage._load_from_bytes would be given. */
export function readNestedStorage(bytes: ByteSource, budget: PickleBudget): Storage {
  const value = readTorchLegacy(bytes, { budget });
  if (!(value instanceof Storage)) throw new InputError(bytes.file, "holds a storage stream without a storage; it is damaged or hostile");
  return value;
}
