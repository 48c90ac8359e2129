/** A network's weights in whatever people save around them. */
import { InputError } from "../errors.js";
import { isFloat, isSameView, toFloat32, toNumbers, type ArrayRef } from "../io/arrays.js";
import { openCheckpointFile, readContents, shownName, type OpenedFile } from "../io/checkpoints/checkpoint.js";
import { isTensorLike, type Mapping } from "../io/checkpoints/mappings.js";
import { Opaque } from "../io/checkpoints/pickleValues.js";
import type { Exported } from "../io/exported/exported.js";
import { sha256, type ByteSource } from "../io/source.js";
import type { Checkpoint, CheckpointFile, Normalisation } from "../io/types.js";
import type { StemOptions } from "../model/networks/family.js";
import { recognise } from "../model/recognise.js";
import { isCopy, isOfTraining } from "./bystanders.js";
import { architectureOf, fitsOf, type GraphFile } from "./graphs.js";
import { joinedMappings } from "./joined.js";
import { networksIn, type Fits, type FoundNetwork, type Nearest } from "./networks.js";
import { readNormalisers } from "./normaliser.js";
import { notesOnForms, readWeights, type Weight } from "./reparametrised.js";
import { wholeModel } from "./wholeModel.js";

export interface WeightsOptions {
  /** Which weights of the file, where it holds several: see `FoundNetwork.key`; null for the plain ones. */
  key?: string | null;
  /** The graph whose weights are looked for; null for the file's own, or that of a network that is known by its tensors. */
  graph?: GraphFile | null;
  /** What no tensor tells of a network that is known by its tensors. */
  stem?: StemOptions;
  /** Says whether tensors are those of a network; where it is left out, by the graph or by what networks are known. */
  fits?: Fits;
}

/** The weights that are taken, and what else there is in the file. */
export interface Choice {
  chosen: FoundNetwork;
  /** Further networks, copies of the chosen one's tensors left out. */
  others: FoundNetwork[];
}

/** How a checkpoint's weights were found. */
export interface Found {
  choice: Choice;
  /** What a user should know of it, a sentence each. */
  notes: string[];
}

/** Dicts beyond so many hold what optimizers keep of each weight. */
const MOST_MAPPINGS = 64;

const tensorsIn = ({ entries }: Mapping): number => [...entries.values()].filter((value) => !(value instanceof Opaque)).length;
/** Whether two names lead to the same tensors. */
const sameWeights = (a: FoundNetwork, b: FoundNetwork): boolean => [...a.weights].every(([name, { array }]) => { const other = b.weights.get(name); return other !== undefined && isSameView(array, other.array); });
const keysOf = (networks: FoundNetwork[]): string => networks.slice(0, 8).map(({ key }) => shownName(key)).join(", ");

/** Says that a tensor is one of a kind that is not read. */
const asObject = (name: string, { name: kind }: Opaque): string =>
  `holds tensor ${shownName(name)} as ${kind.startsWith("a tensor ") ? "" : "an object of "}${shownName(kind)}, which is not read here; save it as a plain float32 tensor, with .contiguous()`;

const asType = (name: string, { dtype }: ArrayRef): string => `holds tensor ${shownName(name)} as ${dtype}; only floating-point weights can be filtered, so save it as float32`;

/** What a wanted tensor is that can't be read; null where nothing of the kind is in the way. */
function unreadable({ mapping, prefix, problem }: Nearest): string | null {
  for (const [name, value] of mapping.entries) {
    const own = name.slice(prefix.length);
    const isWanted = name.startsWith(prefix) && problem.split(/[\s,;:()]+/).includes(own);
    if (isWanted && value instanceof Opaque) return asObject(own, value);
    if (isWanted && !(value instanceof Opaque) && !isFloat(value.dtype)) return asType(own, value);
  }
  return null;
}

function none(file: string, { mappings, objects }: OpenedFile, nearest: Nearest | null): InputError {
  const model = wholeModel(file, objects);
  if (model !== null && (nearest === null || nearest.fit < 0.5)) return new InputError(file, model);
  if (nearest !== null) {
    const under = [nearest.mapping.key, nearest.prefix.slice(0, -1)].filter((part) => part !== "").join(".");
    return new InputError(file, unreadable(nearest) ?? `${nearest.problem}${under === "" ? "" : ` (under ${shownName(under)})`}`);
  }
  for (const [name, value] of mappings.flatMap(({ entries }) => [...entries])) {
    if (isTensorLike(value)) return new InputError(file, asObject(name, value));
    if (!(value instanceof Opaque) && !isFloat(value.dtype)) return new InputError(file, asType(name, value));
  }
  const [object] = objects.values();
  if (object) return new InputError(file, `asks for ${shownName(object.name)}, which is not allowed in weights or data, so the file was refused and nothing was executed; save model.state_dict() instead`);
  return new InputError(file, "does not hold a state_dict: it holds no tensors that could be weights; save model.state_dict() with torch.save");
}

/**
 * Finds the weights in a file.
 * @throws InputError where there are none, several that may be meant, or weights beside them that belong to no network
 */
export function chooseWeights(file: string, contents: OpenedFile, { key = null, graph = null, stem, ...options }: WeightsOptions = {}): Choice {
  if (contents.exported && !graph && !options.fits) return { chosen: ownNetwork(file, contents.mappings[0], contents.exported, key), others: [] };
  const fits = options.fits ?? (graph ? fitsOf(graph) : (shapes) => recognise(shapes, stem));
  const searched = contents.mappings.map((mapping) => ({ mapping, tensors: tensorsIn(mapping) })).sort((a, b) => b.tensors - a.tensors).slice(0, MOST_MAPPINGS).map(({ mapping }) => mapping);
  const places = contents.mappings.filter((mapping) => searched.includes(mapping));
  const all: FoundNetwork[] = [];
  let nearest: Nearest | null = null;
  const search = (mapping: Mapping): void => {
    const { found, nearest: near } = networksIn(mapping, fits, graph?.state);
    if (mapping.within === null && near && near.fit > (nearest?.fit ?? -1)) nearest = near;
    for (const network of found) if (!all.some((other) => sameWeights(other, network))) all.push(network);
  };
  for (const mapping of places) search(mapping);
  if (all.length === 0) {
    // What holds a network's dicts is searched no more once that network is found.
    const isSearched = ({ key }: Mapping): boolean => !all.some(({ mapping }) => mapping.key.startsWith(key));
    for (const mapping of joinedMappings(contents.mappings.filter(({ within }) => within === null))) if (isSearched(mapping)) search(mapping);
  }
  const free = all.filter(({ mapping }) => mapping.within === null);
  if (free.length === 0 && all.length > 0) {
    const { mapping } = all[0];
    throw new InputError(file, wholeModel(file, contents.objects) ?? `holds its weights in an object of ${shownName(mapping.within!.name)}, which is never made here; save them as a plain dict: torch.save(dict(…), "weights.pth")`);
  }
  if (free.length === 0) throw none(file, contents, nearest);

  const wanted = key === null ? free : free.filter((network) => network.key === key || network.mapping.key === key);
  if (wanted.length === 0) throw new InputError(file, `holds no network under --key ${shownName(key!)}; there is ${keysOf(free)}`);
  const plain = wanted.filter((network) => !isCopy(network.key));
  const exact = wanted.filter((network) => network.key === key);
  const [chosen, second] = exact.length === 1 ? exact : plain.length > 0 ? plain : wanted;
  if (second) throw new InputError(file, `holds several networks: ${keysOf(wanted)}; choose one by --key`);
  const others = free.filter((network) => network !== chosen);
  if (graph) Object.assign(chosen, programmed(file, chosen, graph));
  checkStrays(file, contents, chosen, others, key === chosen.key);
  return { chosen, others };
}

/** A program's network with the weights beside it; what is no float is none. */
function ownNetwork(file: string, mapping: Mapping, exported: Exported, key: string | null): FoundNetwork {
  if (key !== null && key !== ".") throw new InputError(file, `holds no network under --key ${shownName(key)}; it is an exported program, which holds one`);
  const weights = new Map([...exported.constants, ...exported.state].filter(([, { dtype }]) => isFloat(dtype)).map(([name, array]): [string, Weight] => [name, { array, made: null }]));
  return { key: ".", mapping, prefix: "", architecture: architectureOf(file, exported), weights, normalisers: [], renamed: [], strays: [] };
}

/** The same weights for a graph: numbers that are part of it are theirs, and what normalises in front of it is, too. */
const programmed = (file: string, { weights }: FoundNetwork, graph: GraphFile): Pick<FoundNetwork, "architecture" | "normalisers"> => ({
  architecture: graph.withNumbers((name) => (weights.has(name) ? toFloat32(file, weights.get(name)!.array) : null)),
  normalisers: [],
});

/** Weights of other dicts that are no network's, by their paths: a layer of its own, say, that takes what the network gives. */
function* strayLayers({ mappings }: OpenedFile, { mapping: own }: FoundNetwork, networks: FoundNetwork[]): Generator<string> {
  const taken = new Set(networks.flatMap(({ weights }) => [...weights.values()].map(({ array }) => array.storage)));
  const isJoined = !mappings.includes(own);
  for (const { key, entries, within } of mappings) {
    if (within !== null || (isJoined && key.startsWith(own.key))) continue;
    for (const [name, value] of entries) {
      const path = key === "" ? name : `${key}.${name}`;
      const isLayer = !(value instanceof Opaque) && isFloat(value.dtype) && value.shape.length > 1 && /(?:^|\.)weight$/.test(name) && !taken.has(value.storage);
      if (isLayer && !path.split(".").some(isOfTraining)) yield path;
    }
  }
}

/** Weights beside the network that belong to no other would be left out of what is computed. */
function checkStrays(file: string, contents: OpenedFile, chosen: FoundNetwork, others: FoundNetwork[], byKey: boolean): void {
  if (byKey) return;
  const { key, mapping, architecture } = chosen;
  const isOthers = (name: string): boolean => others.some(({ mapping: there, prefix }) => there === mapping && name.startsWith(prefix));
  const own = chosen.strays.filter((name) => !isOthers(name));
  const stray = [...own, ...strayLayers(contents, chosen, [chosen, ...others])].find((name) => !isCopy(name));
  if (stray !== undefined) throw new InputError(file, `tensor ${shownName(stray)} does not belong to the ${architecture.name} beside it; save the network alone, or say --key ${shownName(key)} if it is no part of it`);
}

function notesOf({ key, renamed, weights }: FoundNetwork, others: FoundNetwork[]): string[] {
  return [
    ...(others.length > 0 ? [`takes the weights under ${shownName(key)}; there is a network under ${keysOf(others)}, too (--key)`] : []),
    ...(renamed.length > 0 ? [`takes ${renamed.map(({ from }) => shownName(from)).join(", ")} for the network's ${renamed.map(({ to }) => to).join(", ")}`] : []),
    ...notesOnForms(weights),
  ];
}

const shownNormalisation = ({ mean, std }: Normalisation): string => `mean ${mean.join(", ")}, std ${std.join(", ")}`;

/** What lies before the network's pixels, with a sentence about it. */
function normalisationOf(source: ByteSource, { chosen, others }: Choice): { normalisation: Normalisation | null; notes: string[] } {
  const arrays = new Map([...chosen.mapping.entries].filter((entry): entry is [string, ArrayRef] => !(entry[1] instanceof Opaque)));
  const normalisation = readNormalisers(source, chosen.normalisers, arrays, chosen.architecture.channels);
  const notes = notesOf(chosen, others);
  return { normalisation, notes: normalisation ? [...notes, `holds a normalising layer in front of the network: ${shownNormalisation(normalisation)}`] : notes };
}

/** Numbers of batches that norms have seen, by the network's names: in the file they lie beside the running means, whatever those are called there. */
function countersOf(file: string, { mapping: { entries }, prefix, weights }: FoundNetwork): Map<string, number> {
  const [mean, counter] = ["running_mean", "num_batches_tracked"].map((name) => (of: string) => of.replace(/[^.]*$/, name));
  const named = new Map([...entries].map(([name, value]) => [value, name]));
  return new Map([...weights].flatMap(([name, { array }]): [string, number][] => {
    const value = name === mean(name) ? entries.get(counter(named.get(array) ?? prefix + name)) : undefined;
    return value && !(value instanceof Opaque) && value.dtype === "int64" && value.numel === 1 ? [[counter(name), toNumbers(file, value)[0]]] : [];
  }));
}

/** A checkpoint's weights out of bytes that are already open; the path is the source's name. Throws as `openCheckpoint` does, and for numbers that are not finite. */
export function parseCheckpoint(source: ByteSource, options: WeightsOptions = {}): Checkpoint & Found {
  const contents = readContents(source);
  const choice = chooseWeights(source.file, contents, options);
  const tensors = readWeights(source, choice.chosen.weights);
  return { path: source.file, format: contents.format, sha256: sha256(source), tensors, counters: countersOf(source.file, choice.chosen), choice, ...normalisationOf(source, choice) };
}

/** `parseCheckpoint` of a file. Throws FileSystemError, too, if it may not be read. */
export async function readCheckpoint(path: string, options: WeightsOptions = {}): Promise<Checkpoint & Found> {
  using source = openCheckpointFile(path);
  return parseCheckpoint(source, options);
}

/**
 * A checkpoint's names and shapes alone; what is wrong with the weights themselves comes out at `load`.
 * @throws InputError if the file is missing, cut, of another kind, or holds no network's weights; FileSystemError if it may not be read
 */
export async function openCheckpoint(path: string, options: WeightsOptions = {}): Promise<CheckpointFile & Found> {
  using source = openCheckpointFile(path);
  const contents = readContents(source);
  const choice = chooseWeights(path, contents, options);
  const shapes = new Map([...choice.chosen.weights].map(([name, { array }]) => [name, [...array.shape]]));
  return { path, format: contents.format, bytes: source.size, modified: source.modified, shapes, key: options.key ?? null, choice, ...normalisationOf(source, choice), load: () => readCheckpoint(path, options) };
}
