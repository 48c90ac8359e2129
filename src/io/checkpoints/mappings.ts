/** Where tensors lie by name in what was saved: every dict, or list of names and values, that holds some, however deep in dicts, lists and tuples. */
import type { ArrayRef } from "../arrays.js";
import { arrayOf } from "./pickleGlobals.js";
import { Opaque, type PickleKey, type PickleValue } from "./pickleValues.js";

/** A dict that holds tensors. */
export interface Mapping {
  /** How it is reached: `state_dict`, `model.state_dict`, `[0]`; empty for the whole of what was saved. */
  key: string;
  /** Tensors, and objects of unknown kinds that may stand for some. */
  entries: Map<string, ArrayRef | Opaque>;
  /** The object of an unknown class that it is a part of. */
  within: Opaque | null;
}

/** What was found in a file. */
export interface Contents {
  mappings: Mapping[];
  /** Objects of unknown classes, by path, that are no part of another. */
  objects: Map<string, Opaque>;
}

const MAX_DEPTH = 64;
const MAX_MAPPINGS = 10_000;
const MAX_OBJECTS = 100;
/** What PyTorch rebuilds tensors by; some of its functions are not known here. */
const TENSOR_BUILDER = /^torch\._(?:utils|tensor)\._rebuild|^a tensor /;

/** True for an object that stands where PyTorch would have a tensor. */
export const isTensorLike = (value: PickleValue): value is Opaque => value instanceof Opaque && TENSOR_BUILDER.test(value.name);

const joined = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

interface Place {
  value: PickleValue[] | Map<PickleKey, PickleValue> | Opaque;
  path: string;
  within: Opaque | null;
}

const isContainer = (value: PickleValue): value is Place["value"] => Array.isArray(value) || value instanceof Map || value instanceof Opaque;

const isPair = (item: PickleValue): item is [string, PickleValue] => Array.isArray(item) && item.length === 2 && typeof item[0] === "string";

/** What a dict holds by name, or a list of its items: `list(state_dict.items())`. */
const itemsOf = (value: PickleValue[] | Map<PickleKey, PickleValue>): Iterable<[PickleKey, PickleValue]> | null => (Array.isArray(value) ? (value.length > 0 && value.every(isPair) ? value : null) : value);

/** Searches what was saved, each object once; of several mappings the one nearest to the top comes first. */
export function findMappings(saved: PickleValue): Contents {
  const contents: Contents = { mappings: [], objects: new Map() };
  const seen = new Set<PickleValue>();
  let level: Place[] = [];
  let next: Place[] = [];
  const visit = (value: PickleValue, within: Opaque | null, path: () => string): void => {
    if (!isContainer(value) || seen.has(value)) return;
    seen.add(value);
    next.push({ value, path: path(), within });
  };
  visit(saved, null, () => "");
  for (let depth = 0; next.length > 0 && depth < MAX_DEPTH; depth++) {
    [level, next] = [next, []];
    for (const { value, path, within } of level) {
      if (value instanceof Opaque) {
        if (within === null && contents.objects.size < MAX_OBJECTS) contents.objects.set(path, value);
        for (const part of [...value.parts, value.items]) visit(part, within ?? value, () => path);
        continue;
      }
      const items = itemsOf(value);
      if (items === null) {
        (value as PickleValue[]).forEach((item, i) => visit(item, within, () => `${path}[${i}]`));
      } else {
        const entries = new Map<string, ArrayRef | Opaque>();
        let tensors = 0;
        for (const [key, item] of items) {
          const tensor = arrayOf(item);
          if (typeof key === "string" && (tensor !== null || item instanceof Opaque)) entries.set(key, tensor ?? (item as Opaque));
          if (typeof key === "string" && (tensor !== null || isTensorLike(item))) tensors += 1;
          visit(item, within, () => (isContainer(key) ? path : joined(path, String(key))));
        }
        if (tensors > 0 && contents.mappings.length < MAX_MAPPINGS) contents.mappings.push({ key: path, entries, within });
      }
    }
  }
  return contents;
}
