/** The .state file beside the checkpoints: everything that a training needs to go on as if it had never stopped. */
import { existsSync } from "node:fs";
import { InputError } from "../../errors.js";
import { toFloat32, toNumbers, type ArrayRef } from "../../io/arrays.js";
import { encodeSafetensors, isSafetensors, readSafetensors } from "../../io/checkpoints/safetensors.js";
import { FileSource } from "../../io/source.js";
import type { Tensor } from "../../io/types.js";
import type { TrainerState } from "../../train/trainer.js";
import { replaceFile } from "../folder/durable.js";

export interface SavedState {
  state: TrainerState;
  /** As it was in the end: an adapter may have had too little memory for what was asked for. */
  microBatch: number;
}

const MAX_FILE = 2 ** 34;
const [TENSOR, MOMENT] = ["tensor/", "moment/"];

/** A safetensors file: counts, `tensor/NAME`, and `moment/0/NAME` and so on of the optimizer. Random numbers need no state of their own. */
export async function writeState(path: string, { state, microBatch }: SavedState): Promise<void> {
  const { step, passes, tensors, moments } = state;
  const entries = new Map<string, Tensor | number>([["step", step], ["passes", passes], ["micro_batch", microBatch]]);
  for (const [name, tensor] of tensors) entries.set(TENSOR + name, tensor);
  moments.forEach((moment, i) => {
    for (const [name, data] of moment) entries.set(`${MOMENT}${i}/${name}`, { shape: [data.length], data });
  });
  await replaceFile(path, encodeSafetensors(entries));
}

/** A state's file that is open, read by name. */
class StateReader {
  readonly #arrays: ReadonlyMap<string, ArrayRef>;

  constructor(private readonly source: FileSource) {
    if (!isSafetensors(source)) this.refuse("is no state of a training, or is damaged");
    this.#arrays = readSafetensors(source);
  }

  refuse(what: string): never {
    throw new InputError(this.source.file, `${what}; start the training anew with --overwrite`);
  }

  get names(): Iterable<string> {
    return this.#arrays.keys();
  }

  count(name: string): number {
    const array = this.#arrays.get(name);
    const value = array?.dtype === "int64" && array.numel === 1 ? Number(toNumbers(this.source.file, array)[0]) : -1;
    return Number.isSafeInteger(value) && value >= 0 ? value : this.refuse(`has no ${name}`);
  }

  data(name: string, elements: number): Float32Array {
    const array = this.#arrays.get(name);
    return array?.dtype === "float32" && array.numel === elements ? toFloat32(this.source.file, array) : this.refuse(`has no ${name} of ${elements} numbers`);
  }
}

/** Steps behind which a state is; 0 where there is none. @throws InputError for a file that is none */
export function stepOfState(path: string): number {
  if (!existsSync(path)) return 0;
  using source = new FileSource(path, MAX_FILE);
  return new StateReader(source).count("step");
}

/**
 * @param shapes of the network's tensors, by name
 * @throws InputError for a file that isn't this network's
 */
export function readState(path: string, shapes: ReadonlyMap<string, readonly number[]>): SavedState {
  using source = new FileSource(path, MAX_FILE);
  const reader = new StateReader(source);
  const size = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
  const tensors = new Map([...shapes].map(([name, shape]): [string, Tensor] => [name, { shape: [...shape], data: reader.data(TENSOR + name, size(shape)) }]));
  const moments: TrainerState["moments"] = [];
  for (const name of reader.names) {
    const [, index, parameter] = /^moment\/([01])\/(.*)$/.exec(name) ?? [];
    if (index === undefined) continue;
    const shape = shapes.get(parameter) ?? reader.refuse(`has a moment of ${parameter.slice(0, 80)}, which the network doesn't have`);
    while (moments.length <= Number(index)) moments.push(new Map());
    moments[Number(index)].set(parameter, reader.data(name, size(shape)));
  }
  return { state: { step: reader.count("step"), passes: reader.count("passes"), tensors, moments }, microBatch: reader.count("micro_batch") };
}
