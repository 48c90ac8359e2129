/** Weights that lie in a file as what PyTorch computes them from: torch.nn.utils.prune, weight_norm and spectral_norm, old and new. */
import { InputError } from "../errors.js";
import { denseStrides, type ArrayRef } from "../io/arrays.js";
import { readTensors, shownName } from "../io/checkpoints/checkpoint.js";
import type { Mapping } from "../io/checkpoints/mappings.js";
import { Opaque } from "../io/checkpoints/pickleValues.js";
import type { ByteSource } from "../io/source.js";
import type { Tensor } from "../io/types.js";

/** A weight as it lies in the file. */
export interface Weight {
  /** Of the weight's own shape: the weight itself, or the first of what it is computed from. */
  array: ArrayRef;
  /** How it is computed, and from which further tensors; null for a plain one. */
  made: { form: Form; others: Map<string, ArrayRef> } | null;
}

interface Form {
  /** What the names end with that belong together: the first tensor's, then the further ones'. */
  ends: [own: string, ...others: string[]];
  /** Whether tensors of these shapes are of this form. */
  fits(own: readonly number[], ...others: (readonly number[])[]): boolean;
  compute(own: Tensor, others: Tensor[]): Float32Array<ArrayBuffer>;
  /** Said of so many tensors. */
  note(count: number): string;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

const masked = ({ data }: Tensor, [mask]: Tensor[]): Float32Array<ArrayBuffer> => data.map((value, i) => value * mask.data[i]);

const LANES = 8;

/** Root of the sum of squares of a row, in float32 and in the order of PyTorch's vectors, so that its weights come out bit for bit. */
function rowNorm(row: Float32Array): number {
  const lanes = new Float32Array(LANES);
  row.forEach((value, i) => { lanes[i % LANES] += Math.fround(value * value); });
  for (let half = LANES / 2; half >= 1; half /= 2) for (let lane = 0; lane < half; lane++) lanes[lane] += lanes[lane + half];
  return Math.fround(Math.sqrt(lanes[0]));
}

/** Norms of the groups: of rows, where each is one. */
function norms({ data }: Tensor, groupOf: (i: number) => number, groups: number, areRows: boolean): Float32Array {
  const row = data.length / groups;
  if (areRows) return Float32Array.from({ length: groups }, (_, i) => rowNorm(data.subarray(i * row, (i + 1) * row)));
  const squares = new Float64Array(groups);
  data.forEach((value, i) => { squares[groupOf(i)] += value * value; });
  return Float32Array.from(squares, Math.sqrt);
}

/** v · g / ‖v‖ (Salimans and Kingma 2016, arXiv 1602.07868), rounded where PyTorch rounds. */
function ofLength(direction: Tensor, [length]: Tensor[]): Float32Array<ArrayBuffer> {
  const { shape, data } = direction;
  const steps = denseStrides(length.shape).map((step, axis) => (length.shape[axis] === 1 ? 0 : step));
  const inner = denseStrides(shape);
  const groupOf = (i: number): number => steps.reduce((group, step, axis) => group + step * (Math.trunc(i / inner[axis]) % shape[axis]), 0);
  const areRows = length.data.length === shape[0] && length.shape[0] === shape[0];
  const scales = norms(direction, groupOf, length.data.length, areRows).map((norm, group) => length.data[group] / norm);
  return data.map((value, i) => value * scales[groupOf(i)]);
}

/** W / (uᵀ W v), W as rows of outputs (Miyato et al. 2018, arXiv 1802.05957): what eval() does with the stored u and v. */
function ofSpectrum({ shape, data }: Tensor, [u, v]: Tensor[]): Float32Array<ArrayBuffer> {
  const columns = sizeOf(shape.slice(1));
  const largest = Math.fround(data.reduce((sum, value, i) => sum + u.data[Math.trunc(i / columns)] * value * v.data[i % columns], 0));
  return data.map((value) => value / largest);
}

const isMask = (own: readonly number[], mask: readonly number[]): boolean => String(own) === String(mask);
const isLength = (own: readonly number[], length: readonly number[]): boolean => sizeOf(length) === 1 || (own.length === length.length && length.every((size, axis) => size === 1 || size === own[axis]));
const isSpectrum = (own: readonly number[], u: readonly number[], v: readonly number[]): boolean => own.length > 1 && String(u) === String([own[0]]) && String(v) === String([sizeOf(own.slice(1))]);

const pruned = { fits: isMask, compute: masked, note: (count: number) => `multiplies ${count} pruned tensors by their masks` };
const ofDirections = { fits: isLength, compute: ofLength, note: (count: number) => `computes ${count} weights from the directions and lengths of weight_norm` };
const spectral = { fits: isSpectrum, compute: ofSpectrum, note: (count: number) => `divides ${count} weights by the spectral norms that are stored beside them` };

const FORMS: Form[] = [
  { ends: ["_orig", "_mask"], ...pruned },
  { ends: ["_orig", "_u", "_v"], ...spectral },
  { ends: ["_v", "_g"], ...ofDirections },
  { ends: [".original1", ".original0"], ...ofDirections },
  { ends: [".original", ".0._u", ".0._v"], ...spectral },
];

/** `conv1.weight` of `conv1.parametrizations.weight`; null for a name that is none of torch.nn.utils.parametrize. */
function unparametrised(stem: string): string | null {
  const at = stem.lastIndexOf(".");
  const layer = /^(.*\.)?parametrizations$/s.exec(stem.slice(0, at));
  return layer && (layer[1] ?? "") + stem.slice(at + 1);
}

/** Names of a dict, those that belong to one weight put together. Objects of unknown kinds are left out. */
export function weightsOf(entries: Mapping["entries"]): Map<string, Weight> {
  const arrays = new Map([...entries].filter((entry): entry is [string, ArrayRef] => !(entry[1] instanceof Opaque)));
  const made = new Map<string, [string, Weight]>();
  const parts = new Set<string>();
  for (const [name, array] of arrays) {
    for (const form of FORMS) {
      const [end, ...ends] = form.ends;
      if (!name.endsWith(end) || made.has(name)) continue;
      const stem = name.slice(0, -end.length);
      const weight = end.startsWith(".") ? unparametrised(stem) : stem;
      const others = new Map(ends.flatMap((other) => { const array = arrays.get(stem + other); return array ? [[stem + other, array]] : []; }));
      if (weight === null || entries.has(weight) || others.size < ends.length || !form.fits(array.shape, ...[...others.values()].map(({ shape }) => shape))) continue;
      made.set(name, [weight, { array, made: { form, others } }]);
      for (const other of others.keys()) parts.add(other);
    }
  }
  return new Map([...arrays].filter(([name]) => !parts.has(name)).map(([name, array]) => made.get(name) ?? [name, { array, made: null }]));
}

/**
 * Reads weights as dense row-major float32, computed where they are stored as what they are made of.
 * @throws InputError as readTensors does, and for a weight that can't be computed
 */
export function readWeights(source: ByteSource, weights: ReadonlyMap<string, Weight>): Map<string, Tensor> {
  const tensors = readTensors(source, new Map([...weights].map(([name, { array }]) => [name, array])));
  const further = readTensors(source, new Map([...weights.values()].flatMap(({ made }) => [...(made?.others ?? [])])), () => true);
  for (const [name, { made }] of weights) {
    if (made === null) continue;
    const { shape, data } = tensors.get(name)!;
    const computed = made.form.compute({ shape, data }, [...made.others.keys()].map((other) => further.get(other)!));
    if (!computed.every(Number.isFinite)) throw new InputError(source.file, `computes no number for ${shownName(name)} from ${[...made.others.keys()].map(shownName).join(" and ")}; train again or choose another checkpoint`);
    tensors.set(name, { shape, data: computed });
  }
  return tensors;
}

/** How weights were computed, a sentence for each way. */
export function notesOnForms(weights: ReadonlyMap<string, Weight>): string[] {
  const counts = new Map<Form["note"], number>();
  for (const { made } of weights.values()) if (made) counts.set(made.form.note, (counts.get(made.form.note) ?? 0) + 1);
  return [...counts].map(([note, count]) => note(count));
}
