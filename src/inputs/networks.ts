/** Finds networks in a dict of tensors: behind one common prefix of the names, beside what is no weight. */
import { isFloat } from "../io/arrays.js";
import type { Mapping } from "../io/checkpoints/mappings.js";
import { isMismatch, type Mismatch } from "../model/recognise.js";
import type { Architecture } from "../model/architecture.js";
import { isBystander, isCopy, isSingleNumber } from "./bystanders.js";
import { headings } from "./heads.js";
import { findNormalisers, type Normaliser } from "./normaliser.js";
import { weightsOf, type Weight } from "./reparametrised.js";
import { unnumbered, type Renamed } from "./sequences.js";

/** Says which network's tensors these are. */
export type Fits = (shapes: ReadonlyMap<string, number[]>) => Architecture | Mismatch;

export interface FoundNetwork {
  /** What --key picks it by: the dict's path and the prefix of its names; `.` where there is neither. */
  key: string;
  mapping: Mapping;
  prefix: string;
  architecture: Architecture;
  /** By the network's own names. */
  weights: Map<string, Weight>;
  normalisers: Normaliser[];
  /** Modules of the file that bear other names than the network's: `head.fc` for its `fc`, `0` for its `conv1`. */
  renamed: Renamed["names"];
  /** Tensors beside it that look like weights and belong to no network. */
  strays: string[];
}

/** Why there is none in a dict. */
export interface Nearest extends Mismatch {
  mapping: Mapping;
  prefix: string;
}

/** Prefixes of more parts than this are no network's place in a program. */
const MAX_PARTS = 8;
/** A network is at least so large a part of what lies in its dict. */
const LEAST_SHARE = 1 / 8;
/** Below this fit another name of the last layer would be no help. */
const NEAR = 0.5;
/** What PyTorch puts into names where a module is wrapped, at any place. */
const WRAPPERS = new Set(["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module"]);

/** Prefixes behind which a network may lie, the longest that all share first, then from short to long. */
function prefixesOf(names: string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) {
    counts.set("", (counts.get("") ?? 0) + 1);
    for (let at = name.indexOf("."), parts = 0; at >= 0 && parts < MAX_PARTS; at = name.indexOf(".", at + 1), parts++) {
      const prefix = name.slice(0, at + 1);
      counts.set(prefix, (counts.get(prefix) ?? 0) + 1);
    }
  }
  const likely = [...counts].filter(([, count]) => count >= names.length * LEAST_SHARE).map(([prefix]) => prefix);
  const common = likely.filter((prefix) => counts.get(prefix) === names.length).sort((a, b) => b.length - a.length)[0];
  const depth = (prefix: string): number => prefix.split(".").length;
  return [common, ...likely.filter((prefix) => prefix !== common).sort((a, b) => depth(a) - depth(b))];
}

const shapesOf = (weights: ReadonlyMap<string, Weight>): Map<string, number[]> => new Map([...weights].map(([name, { array }]) => [name, [...array.shape]]));

/** Names without the parts that wrappers inside a network leave; null where there are none, or two would be one. */
function unwrapped(weights: Map<string, Weight>): Map<string, Weight> | null {
  const plain = new Map([...weights].map(([name, weight]) => [name.split(".").filter((part) => !WRAPPERS.has(part)).join("."), weight]));
  return plain.size === weights.size && [...plain.keys()].some((name) => !weights.has(name)) ? plain : null;
}

/** The weights as they are, then without single numbers that are no layer's, then without wrappers' parts, then with names for numbers. */
function* waysToTake(weights: Map<string, Weight>): Generator<Renamed> {
  const larger = new Map([...weights].filter(([name, { array }]) => !isSingleNumber(name, array)));
  const plain = larger.size < weights.size ? [weights, larger] : [weights];
  const all = [...plain, ...plain.flatMap((each) => unwrapped(each) ?? [])];
  for (const each of all) yield { weights: each, names: [] };
  for (const each of all) yield* unnumbered(each);
}

/** Names with the last layer's, which may be a part of a module that bears another name already. */
function alsoRenamed(names: Renamed["names"], { from, to }: { from: string; to: string }): Renamed["names"] {
  if (from === to) return names;
  const around = names.find((name) => from === name.to || from.startsWith(`${name.to}.`));
  return [...names.filter((name) => name !== around), { from: around ? around.from + from.slice(around.to.length) : from, to }];
}

/** Every network in a dict, or why there is none. @param own names of a graph's tensors, which are its own whatever they speak of */
export function networksIn(mapping: Mapping, fits: Fits, own: ReadonlySet<string> = new Set()): { found: FoundNetwork[]; nearest: Nearest | null } {
  const all = weightsOf(mapping.entries);
  const normalisers = findNormalisers(new Map([...all].map(([name, { array }]) => [name, array])));
  const ofLayer = new Set(normalisers.flatMap(({ mean, std }) => [mean, std]));
  const isCandidate = ([name, { array }]: [string, Weight]): boolean => !ofLayer.has(name) && isFloat(array.dtype) && array.shape.length > 0;
  const candidates = [...all].filter(isCandidate);
  const found: FoundNetwork[] = [];
  let nearest: Nearest | null = null;
  if (candidates.length === 0) return { found, nearest };

  const attempt = (prefix: string): FoundNetwork | null => {
    const under = new Map<string, Weight>();
    for (const [name, weight] of all) {
      const rest = name.slice(prefix.length);
      const isTaken = own.has(rest) ? isFloat(weight.array.dtype) : isCandidate([name, weight]) && !isBystander(rest, weight.array);
      if (name.startsWith(prefix) && isTaken) under.set(rest, weight);
    }
    const make = (architecture: Architecture, weights: Map<string, Weight>, renamed: Renamed["names"]): FoundNetwork =>
      ({ key: [mapping.key, prefix.slice(0, -1)].filter((part) => part !== "").join(".") || ".", mapping, prefix, architecture, weights, normalisers, renamed, strays: [] });
    for (const { weights, names } of waysToTake(under)) {
      const plain = fits(shapesOf(weights));
      if (!isMismatch(plain)) return make(plain, weights, names);
      if (plain.fit > (nearest?.fit ?? -1)) nearest = { ...plain, mapping, prefix };
      if (plain.fit < NEAR) continue;
      const outside = candidates.filter(([name, { array }]) => !name.startsWith(prefix) && !isBystander(name, array) && isCopy(name) === isCopy(prefix));
      for (const heading of headings(weights, outside)) {
        const architecture = fits(shapesOf(heading.weights));
        if (!isMismatch(architecture)) return make(architecture, heading.weights, alsoRenamed(names, heading));
      }
    }
    return null;
  };
  const strays = (): string[] => {
    const taken = new Set(found.flatMap(({ weights }) => [...weights.values()].map(({ array }) => array)));
    return candidates.filter(([name, { array }]) => !isBystander(name, array) && !isSingleNumber(name, array) && !taken.has(array)).map(([name]) => name);
  };

  for (const prefix of prefixesOf(candidates.map(([name]) => name))) {
    // A part of a network is none, and what is left when all is taken holds no further one.
    if (found.some((network) => prefix.startsWith(network.prefix))) continue;
    const network = attempt(prefix);
    if (!network) continue;
    found.push(network);
    if (strays().length === 0) break;
  }
  const left = found.length > 0 ? strays() : [];
  return { found: found.map((network) => ({ ...network, strays: left })), nearest };
}
