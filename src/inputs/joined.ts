/** Networks whose parts were saved as a dict each: `{backbone: …, fc: …}`. */
import type { Mapping } from "../io/checkpoints/mappings.js";
import { isOfTraining } from "./bystanders.js";

/** Further dicts of dicts are no network's, and none of so many parts is. */
const MOST_JOINED = 64;
const MOST_PARTS = 1024;
const MAX_DEPTH = 8;

/** `model.parts[0]` as the parts of a name. */
const partsOf = (key: string): string[] => key.split(/[.[\]]+/).filter((part) => part !== "");

/**
 * What holds several dicts of tensors, as one dict with `backbone.conv1.weight` in it; the deepest first.
 * @param mappings of one file; those of optimizers are left out
 */
export function joinedMappings(mappings: Mapping[]): Mapping[] {
  const members = new Map<string, Mapping[]>();
  for (const mapping of mappings.filter(({ key }) => !partsOf(key).some(isOfTraining))) {
    const parts = partsOf(mapping.key);
    for (let depth = Math.min(parts.length, MAX_DEPTH); depth >= 0; depth--) {
      const place = parts.slice(0, depth).join(".");
      const held = members.get(place);
      if (held) held.push(mapping);
      else members.set(place, [mapping]);
    }
  }
  const depthOf = (place: string): number => partsOf(place).length;
  const several = [...members].filter(([, held]) => held.length > 1 && held.length <= MOST_PARTS).sort(([a], [b]) => depthOf(b) - depthOf(a)).slice(0, MOST_JOINED);
  return several.map(([place, held]) => ({
    key: place,
    within: null,
    entries: new Map(held.flatMap(({ key, entries }) => [...entries].map(([name, value]) => [[...partsOf(key).slice(depthOf(place)), name].join("."), value] as const))),
  }));
}
