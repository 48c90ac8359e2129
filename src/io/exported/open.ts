import { isZip, readZip } from "../archives/zip.js";
import { isFloat, toFloat32 } from "../arrays.js";
import { openCheckpointFile } from "../checkpoints/checkpoint.js";
import { InputError } from "../../errors.js";
import { readExported } from "./exported.js";
import type { Program } from "./program.js";

/** A program, and what it comes with; numbers are read from the file when they are asked for. */
export interface ProgramFile {
  path: string;
  program: Program;
  /** Names of the state_dict, in its order. */
  state: string[];
  /** Of the state_dict and of the constants. */
  shapes: Map<string, { shape: readonly number[]; isFloat: boolean }>;
  numbersOf(name: string): Float32Array;
}

/** Numbers that become part of a graph: one for each channel at most. */
const MAX_NUMBERS = 1 << 16;

/**
 * The program in a file of torch.export.save, while `use` works on it; null if the file is something else.
 * @throws InputError if it is such a file and damaged, FileSystemError if it may not be read
 */
export function withProgram<T>(path: string, use: (file: ProgramFile) => T): T | null {
  using source = openCheckpointFile(path);
  const exported = isZip(source) ? readExported(path, readZip(source)) : null;
  if (!exported) return null;
  const tensors = new Map([...exported.constants, ...exported.state]);
  return use({
    path,
    program: exported.program,
    state: [...exported.state.keys()],
    shapes: new Map([...tensors].map(([name, { shape, dtype }]) => [name, { shape, isFloat: isFloat(dtype) }])),
    numbersOf(name) {
      const array = tensors.get(name)!;
      if (array.numel > MAX_NUMBERS) throw new InputError(path, `computes with all ${array.numel} numbers of ${JSON.stringify(name.slice(0, 120))} by themselves; there is an op for one number, or one for each channel`);
      return toFloat32(path, array);
    },
  });
}
