/** The state_dict that a training saves: which of its names are trained, counted, or stay as they are. */
import { InputError } from "../errors.js";
import { type ArrayRef, isFloat, isSameView, toBytes, toFloat32 } from "../io/arrays.js";
import { openCheckpointFile, readContents, shownName } from "../io/checkpoints/checkpoint.js";
import type { Entry } from "../io/checkpoints/entry.js";
import { isWritten } from "../io/checkpoints/stateDict.js";
import type { Checkpoint } from "../io/types.js";
import type { Architecture } from "../model/architecture.js";
import { stateOrder } from "../model/beginning.js";
import { type Graph, parametersOf } from "../model/graph.js";
import { opOf } from "../ops/table.js";
import type { GraphFile } from "./graphs.js";

export type StateEntry =
  /** `tensor` is another name of the same numbers where a module's are tied to it. */
  | { kind: "trained"; name: string; tensor: string }
  /** Batches that a norm has seen: those before, and how many more in each pass that moves running statistics. */
  | { kind: "counter"; name: string; start: number; each: number }
  | { kind: "fixed"; name: string; value: Entry };

const COUNTER = "num_batches_tracked";

/** Statistics beside a counter. */
const meanOf = (counter: string): string => counter.slice(0, -COUNTER.length) + "running_mean";

/** How many of a graph's nodes have these statistics: a module may be called several times, or never. */
const callsOf = ({ nodes }: Graph, mean: string): number => nodes.filter((node) => opOf(node).parameters?.(node).some(({ tensor }) => tensor === mean)).length;

const counterOf = (graph: Graph, name: string, start: Checkpoint | null, mean = meanOf(name)): StateEntry => ({ kind: "counter", name, start: start?.counters?.get(name) ?? 0, each: callsOf(graph, mean) });

/** Of a network that is known by its tensors. @param start weights to begin with */
export const knownState = (architecture: Architecture, start: Checkpoint | null): StateEntry[] =>
  stateOrder(architecture).map(({ tensor, isCounter }) => (isCounter ? counterOf(architecture.graph, tensor, start) : { kind: "trained", name: tensor, tensor }));

/**
 * Of an exported program: what is no parameter of its graph is as in the weights to begin with, or as in the program.
 * @throws InputError for a weight that is in no state_dict
 */
export function programState({ path, state: names, architecture: { graph } }: GraphFile, start: Checkpoint | null): StateEntry[] {
  using source = openCheckpointFile(path);
  const state = readContents(source).exported!.state;
  const parameters = new Set(parametersOf(graph).map(({ tensor }) => tensor));
  const constant = [...parameters].find((name) => !names.has(name));
  if (constant !== undefined) throw new InputError(path, `computes with ${shownName(constant)}, which is in no state_dict; make it a parameter of its module and export it again`);
  /** The name by which the graph reads these numbers. */
  const read = (name: string, array = state.get(name)): string | undefined => (parameters.has(name) || !array ? name : [...parameters].find((parameter) => isSameView(state.get(parameter)!, array)));
  const entryOf = (name: string, array: ArrayRef): StateEntry[] => {
    if (name.endsWith(COUNTER)) return [counterOf(graph, name, start, read(meanOf(name)))];
    const tied = read(name, array);
    if (tied !== undefined) return [{ kind: "trained", name, tensor: tied }];
    const shape = [...array.shape];
    if (!isFloat(array.dtype)) return isWritten(array.dtype) ? [{ kind: "fixed", name, value: { shape, dtype: array.dtype, data: toBytes(path, array) } }] : [];
    const given = start?.tensors.get(name);
    if (given && String(given.shape) !== String(shape)) throw new InputError(start!.path, `has ${shownName(name)} of shape [${given.shape.join(", ")}], and the program [${shape.join(", ")}]; give the checkpoint of this network`);
    return [{ kind: "fixed", name, value: given ?? { shape, data: toFloat32(path, array) } }];
  };
  return [...state].flatMap(([name, array]) => entryOf(name, array));
}
