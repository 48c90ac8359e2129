/** What a pickle may hold, and what those who build it share. */
import type { ArrayRef, Dtype, Storage } from "../arrays.js";
import type { LazyText } from "../latin1.js";
import type { ByteSource } from "../source.js";
import type { PickleBudget } from "./pickleBudget.js";

/** Lists and tuples become arrays, dicts become Maps, bytes become sources that are not read yet. */
export type PickleValue =
  | null | boolean | number | bigint | string | ByteSource | PickleValue[] | Map<PickleKey, PickleValue>
  | LazyText | PickleGlobal | ArrayRef | Storage | NumpyArray | NumpyDtype;
export type PickleKey = null | boolean | number | bigint | string;

/** A name that a pickle may mention. It stands for data only: `call` is a function of this package, never the named one. */
export class PickleGlobal {
  constructor(
    readonly name: string,
    readonly call: ((args: PickleValue[], builder: Builder) => PickleValue) | null,
    /** Element type, for torch's storage classes and dtypes. */
    readonly dtype: Dtype | null = null,
  ) {}
}

/** A numpy.dtype while a pickle builds it. */
export class NumpyDtype {
  constructor(readonly dtype: Dtype) {}
}

/** A numpy.ndarray: empty until its state has been given. */
export class NumpyArray {
  array: ArrayRef | null = null;
}

/** What a function of the allow-list may ask of the pickle it is called in. */
export interface Builder {
  readonly file: string;
  readonly budget: PickleBudget;
  /** A dict made of pairs, as `OrderedDict(pairs)` makes one. */
  newMap(args: PickleValue[]): Map<PickleKey, PickleValue>;
  /** The storage in a torch.save stream of its own. */
  loadNested(bytes: ByteSource): Storage;
}

/** True for the value that a bytes object, or a Python 2 string, becomes. */
export function isBytes(value: PickleValue): value is ByteSource {
  return typeof value === "object" && value !== null && "read" in value;
}
