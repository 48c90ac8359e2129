/** The archives of torch.save of PyTorch 0.1.0 to 0.1.6: a tar of `storages`, `tensors` and `pickle`, which names tensors by number. */
import { InputError } from "../../errors.js";
import { tarFiles } from "../archives/tar.js";
import { ArrayRef, DTYPE_BYTES, Storage, viewOf } from "../arrays.js";
import { PartSource, type ByteSource } from "../source.js";
import { Unpickler } from "./pickle.js";
import { PickleBudget } from "./pickleBudget.js";
import { asText } from "./pickleGlobals.js";
import { PickleGlobal, type PickleValue } from "./pickleValues.js";
import { unknownClass } from "./torchZip.js";

const MAX_FILES = 64;
const MAX_RANK = 16;

const isCount = (value: PickleValue | undefined): value is number => typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
/** Storages and tensors go by their addresses in the memory of then. */
const addressOf = (value: PickleValue | undefined): string | null => (typeof value === "number" || typeof value === "bigint" ? String(value) : null);

/** Reads pickles and numbers in turn. */
class Parts {
  #at = 0;

  constructor(readonly source: ByteSource, readonly budget: PickleBudget, readonly bystanders: boolean) {}

  pickle(): PickleValue {
    const unpickler = new Unpickler(this.source, { position: this.#at, budget: this.budget, bystanders: this.bystanders });
    const value = unpickler.load();
    this.#at = unpickler.position;
    return value;
  }

  /** An int64 of which more than 2^53 would make no sense. */
  int64(): number {
    return Number(new DataView(this.skip(8).read(0, 8).buffer).getBigInt64(0, true));
  }

  int32(): number {
    return new DataView(this.skip(4).read(0, 4).buffer).getInt32(0, true);
  }

  /** The next bytes, unread. */
  skip(length: number): ByteSource {
    const part = new PartSource(this.source, this.#at, length);
    this.#at += length;
    return part;
  }
}

/**
 * @returns the saved object with its tensors as views of the source
 * @throws InputError if it is another archive, or if anything in it is off
 */
export function readTorchTar(source: ByteSource, bystanders: boolean): PickleValue {
  const { file } = source;
  const bad = (what: string) => new InputError(file, `${what}; it is damaged, save it again with torch.save`);
  const files = tarFiles(source, MAX_FILES);
  const budget = new PickleBudget(file, source.size);
  const part = (name: string): Parts => {
    const found = files.get(name);
    if (!found) throw new InputError(file, "is a tar archive that torch.save did not write; unpack it and name the checkpoint in it");
    return new Parts(found, budget, bystanders);
  };
  const [storageParts, tensorParts, saved] = [part("storages"), part("tensors"), part("pickle")];

  const storages = new Map<string, Storage>();
  const storageCount = storageParts.pickle();
  if (!isCount(storageCount)) throw bad("does not say how many storages it holds");
  for (let i = 0; i < storageCount; i++) {
    const entry = storageParts.pickle();
    const [id, , type] = Array.isArray(entry) ? entry : [];
    const [key, numel] = [addressOf(id), storageParts.int64()];
    if (key === null || !(type instanceof PickleGlobal) || type.dtype === null || !isCount(numel)) throw bad("holds a storage whose type, key or size makes no sense");
    if (storages.has(key)) throw bad("holds a storage twice");
    storages.set(key, new Storage(type.dtype, numel, storageParts.skip(numel * DTYPE_BYTES[type.dtype])));
  }
  const views = storageParts.pickle();
  for (const view of Array.isArray(views) ? views : []) {
    const [target, root, offset, numel] = Array.isArray(view) ? view : [];
    const [key, whole] = [addressOf(target), storages.get(addressOf(root) ?? "")];
    if (key === null || !whole || !isCount(offset) || !isCount(numel) || offset + numel > whole.numel) throw bad("holds a storage that is no part of the one it names");
    const width = DTYPE_BYTES[whole.dtype];
    storages.set(key, new Storage(whole.dtype, numel, new PartSource(whole.bytes!, offset * width, numel * width)));
  }

  const tensors = new Map<string, ArrayRef>();
  const tensorCount = tensorParts.pickle();
  if (!isCount(tensorCount)) throw bad("does not say how many tensors it holds");
  for (let i = 0; i < tensorCount; i++) {
    const entry = tensorParts.pickle();
    const [id, storageId] = Array.isArray(entry) ? entry : [];
    const rank = tensorParts.int32();
    tensorParts.skip(4);
    const key = addressOf(id);
    if (key === null || rank < 0 || rank > MAX_RANK) throw bad("holds a tensor whose key or shape makes no sense");
    const numbers = Array.from({ length: 2 * rank + 1 }, () => tensorParts.int64());
    // A tensor without elements had no storage.
    const storage = storageId === null ? new Storage("float32", 0, new PartSource(source, 0, 0)) : storages.get(addressOf(storageId) ?? "");
    if (!storage) throw bad("holds a tensor without its storage");
    tensors.set(key, viewOf(file, storage, numbers.slice(0, rank), numbers.slice(rank, 2 * rank), numbers[2 * rank]));
  }

  const persistentLoad = (id: PickleValue): PickleValue => {
    const model = bystanders && Array.isArray(id) ? unknownClass(["module", ...id], "module") : null;
    const found = model ?? tensors.get(asText(id) ?? "") ?? storages.get(asText(id) ?? "");
    if (!found) throw bad("speaks of a tensor that it does not hold");
    return found;
  };
  return new Unpickler(saved.source, { budget, persistentLoad, bystanders }).loadWhole();
}
