/** What a pickle may hold, and what those who build it share. */
import type { ArrayRef, Dtype, Storage } from "../arrays.js";
import type { LazyText } from "../latin1.js";
import type { ByteSource } from "../source.js";
import type { PickleBudget } from "./pickleBudget.js";

/** Lists and tuples become arrays, dicts become Maps, bytes become sources that are not read yet. */
export type PickleValue =
  | null | boolean | number | bigint | string | ByteSource | PickleValue[] | Map<PickleKey, PickleValue>
  | LazyText | PickleGlobal | Opaque | ArrayRef | Storage | NumpyArray | NumpyDtype;
/** Objects that no dict of weights has as keys stand for themselves. */
export type PickleKey = PickleValue;

/** A name that a pickle may mention. It stands for data only: `call` is a function of this package, never the named one. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly call: ((args: PickleValue[], builder: Builder) => PickleValue) | null,
    /** Element type, for torch's storage classes and dtypes. */
    readonly dtype: Dtype | null = null,
  ) {}
}

/**
 * An object of a class or function that this program doesn't know, or that class itself: a name, and what the pickle would have
 * handed to it. Nothing is imported and nothing called.
 */
export class Opaque {
  /** Of a dict's heir. */
  items: Map<PickleKey, PickleValue> | null = null;

  constructor(readonly name: string, readonly parts: PickleValue[] = []) {}
}

/** A numpy.dtype while a pickle builds it; null for one that is not read here. */
export class NumpyDtype {
  constructor(public dtype: Dtype | null) {}
}

/** A numpy.ndarray: empty until its state has been given. */
export class NumpyArray {
  array: ArrayRef | null = null;
}

/** What a function of the allow-list may ask of the pickle it is called in. */
export interface Builder {
  readonly file: string;
  readonly budget: PickleBudget;
  /** Whether objects that are not known may stand beside what is wanted; otherwise they are refused. */
  readonly bystanders: boolean;
  /** A dict made of pairs, as `OrderedDict(pairs)` makes one. */
  newMap(args: PickleValue[]): Map<PickleKey, PickleValue>;
  /** The storage in a torch.save stream of its own. */
  loadNested(bytes: ByteSource): Storage;
}

/** True for the value that a bytes object, or a Python 2 string, becomes. */
export function isBytes(value: PickleValue): value is ByteSource {
  return typeof value === "object" && value !== null && "read" in value;
}
