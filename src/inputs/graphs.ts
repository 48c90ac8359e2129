/** Graphs of exported programs, for the weights beside them or in other files. */
import { basename } from "node:path";
import { InputError } from "../errors.js";
import { isFloat, toFloat32, type ArrayRef } from "../io/arrays.js";
import { openCheckpointFile, readContents, shownName } from "../io/checkpoints/checkpoint.js";
import type { Exported } from "../io/exported/exported.js";
import { sha256 } from "../io/source.js";
import type { Architecture } from "../model/architecture.js";
import { describeProgram } from "../model/exported.js";
import { parametersOf } from "../model/graph.js";
import type { Fits } from "./networks.js";

/** The graph in a file, for other files' weights. */
export interface GraphFile {
  path: string;
  sha256: string;
  architecture: Architecture;
  /** What it reads of the state_dict. */
  reads: ReadonlyMap<string, readonly number[]>;
  /** Tensors of the state_dict, further ones too. */
  state: ReadonlySet<string>;
  /** The architecture again, with numbers that are part of the graph taken from other weights. */
  withNumbers(numbersOf: (name: string) => ArrayLike<number> | null): Architecture;
}

/** Numbers that become part of a graph: one for each channel at most. */
const MAX_NUMBERS = 1 << 16;

function numbersOf(file: string, name: string, array: ArrayRef): Float32Array {
  if (array.numel > MAX_NUMBERS) throw new InputError(file, `computes with all ${array.numel} numbers of ${shownName(name)} by themselves; there is an op for one number, or one for each channel`);
  return toFloat32(file, array);
}

/** What results call a network: its file without the ending. */
const nameOf = (path: string): string => basename(path).replace(/\.[^.]+$/, "");

/** @throws InputError for a program that can't be followed exactly */
export function architectureOf(path: string, { program, state, constants }: Exported, numbers?: (name: string) => ArrayLike<number>): Architecture {
  const tensors = new Map([...constants, ...state]);
  const shapes = new Map([...tensors].map(([name, { shape, dtype }]) => [name, { shape, isFloat: isFloat(dtype) }]));
  return describeProgram(nameOf(path), path, program, { shapes, numbersOf: numbers ?? ((name) => numbersOf(path, name, tensors.get(name)!)) }, state.keys());
}

/**
 * Opens an exported program for its graph.
 * @throws InputError if the file is missing, damaged or none, or holds what can't be followed exactly; FileSystemError if it may not be read
 */
export function openGraph(path: string): GraphFile {
  using source = openCheckpointFile(path);
  const { exported } = readContents(source);
  if (!exported) throw new InputError(path, "is no exported program; save one by torch.export.save (docs/networks.md)");
  const tensors = new Map([...exported.constants, ...exported.state]);
  const own = new Map<string, ArrayLike<number>>();
  const architecture = architectureOf(path, exported, (name) => {
    const numbers = numbersOf(path, name, tensors.get(name)!);
    own.set(name, numbers);
    return numbers;
  });
  return {
    path,
    sha256: sha256(source),
    architecture,
    reads: new Map([...parametersOf(architecture.graph).map(({ tensor, shape }) => [tensor, shape] as const), ...[...own.keys()].filter((name) => exported.state.has(name)).map((name) => [name, tensors.get(name)!.shape] as const)]),
    state: new Set(exported.state.keys()),
    withNumbers(other) {
      const changed = [...own.keys()].some((name) => exported.state.has(name) && other(name) !== null);
      return changed ? architectureOf(path, exported, (name) => (exported.state.has(name) ? other(name) : null) ?? own.get(name)!) : architecture;
    },
  };
}

/** Whether tensors are those of a graph: all that it reads, and none that its program doesn't have. */
export const fitsOf = ({ architecture, reads, state }: GraphFile): Fits => (shapes) => {
  let problem: string | null = null;
  let same = 0;
  for (const [tensor, shape] of reads) {
    const got = shapes.get(tensor);
    if (got && String(got) === String(shape)) same += 1;
    else problem ??= got ? `tensor ${shownName(tensor)} has shape [${got.join(", ")}], expected [${shape.join(", ")}] for the graph ${architecture.name}` : `tensor ${shownName(tensor)} is missing for the graph ${architecture.name}`;
  }
  const strange = [...shapes.keys()].filter((name) => !state.has(name));
  if (strange.length > 0) problem ??= `tensor ${shownName(strange[0])} does not belong to the graph ${architecture.name}`;
  return problem === null ? architecture : { network: architecture.name, problem, fit: same / (reads.size + strange.length) };
};
