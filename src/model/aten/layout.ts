/**
 * How the sizes of a PyTorch tensor lie over a map: views, permutations and reshapes without moving anything. An image's map is a
 * run of channels x height x width elements; each dimension of a tensor over it is made of atoms that step through that run.
 */
import { type MapShape, shapeText } from "../../layout/shape.js";
import { refuse } from "./refusal.js";

/** `size` places, `stride` elements of the map apart; a stride of 0 repeats one place. */
export interface Atom {
  size: number;
  stride: number;
}

/** Atoms from the outermost; none where the size is 1. The batch is no part of the map. */
export type Dim = readonly Atom[] | "batch";
export type Dims = readonly Dim[];

export const sizeOf = (atoms: readonly Atom[]): number => atoms.reduce((product, { size }) => product * size, 1);

/** Sizes of a tensor; null for the batch. */
export const sizesOf = (dims: Dims): (number | null)[] => dims.map((dim) => (dim === "batch" ? null : sizeOf(dim)));

export const sizesText = (dims: Dims): string => `[${sizesOf(dims).map((size) => size ?? "batch").join(", ")}]`;

const dim = (size: number, stride: number): Atom[] => (size === 1 ? [] : [{ size, stride }]);

/** Dimensions of a map: batch, channels, height, width. */
export const mapDims = ({ channels, height, width }: MapShape): Dims => ["batch", dim(channels, height * width), dim(height, width), dim(width, 1)];

/** Dimensions of a map taken as a vector: batch, elements. */
export const vectorDims = ({ channels, height, width }: MapShape): Dims => ["batch", dim(channels * height * width, 1)];

/** All atoms but the batch, neighbours that step through one run joined. */
export function runsOf(dims: Dims): Atom[] {
  const runs: Atom[] = [];
  for (const atom of dims.flatMap((atoms) => (atoms === "batch" ? [] : atoms))) {
    const last = runs.at(-1);
    if (last && last.stride === atom.size * atom.stride) runs[runs.length - 1] = { size: last.size * atom.size, stride: atom.stride };
    else runs.push(atom);
  }
  return runs;
}

/** Whether the elements come in the map's own order, and all of them. */
export function isInOrder(dims: Dims, { channels, height, width }: MapShape): boolean {
  const numel = channels * height * width;
  const runs = runsOf(dims);
  return dims[0] === "batch" && (numel === 1 ? runs.length === 0 : runs.length === 1 && runs[0].size === numel && runs[0].stride === 1);
}

/**
 * Groups whose channels are dealt out in turn: the elements come in the order (channel of the group, group, pixel) of a map of
 * (group, channel, pixel), as behind ShuffleNet's transposition.
 * @returns number of groups, or null where the order is another one
 */
export function shuffledGroups(dims: Dims, { channels, height, width }: MapShape): number | null {
  const pixels = height * width;
  const runs = runsOf(dims);
  if (dims[0] !== "batch") return null;
  if (pixels > 1) {
    const last = runs.pop();
    if (!last || last.size !== pixels || last.stride !== 1) return null;
  }
  const [inner, groups] = runs;
  const fits = runs.length === 2 && inner.stride === pixels && groups.stride === inner.size * pixels && inner.size * groups.size === channels;
  return fits ? groups.size : null;
}

/** Takes atoms that make `size` off the front; splits the last of them where it has to. */
function take(atoms: Atom[], size: number): Atom[] {
  const taken: Atom[] = [];
  let left = size;
  while (left > 1) {
    const atom = atoms.shift();
    if (!atom) return refuse(`asks for sizes of other products than its input's`);
    if (left % atom.size === 0) {
      taken.push(atom);
      left /= atom.size;
    } else if (atom.size % left === 0) {
      const inner = atom.size / left;
      taken.push({ size: left, stride: atom.stride * inner });
      atoms.unshift({ size: inner, stride: atom.stride });
      left = 1;
    } else refuse("divides channels or pixels in a way that is not that of a channel shuffle");
  }
  return taken;
}

/**
 * As `view` and `reshape`, in the order of the elements.
 * @param sizes wanted; null for the batch, -1 for what is left
 */
export function reshaped(dims: Dims, sizes: (number | null)[]): Dims {
  if (dims[0] !== "batch" || sizes[0] !== null || sizes.slice(1).includes(null)) return refuse("mixes the batch with other dimensions");
  if (sizes.length > 8) return refuse("makes a tensor of over eight dimensions");
  const numel = sizeOf(runsOf(dims));
  const given = sizes.slice(1) as number[];
  const known = given.reduce((product, size) => (size === -1 ? product : product * size), 1);
  const whole = given.map((size) => (size === -1 ? numel / known : size));
  if (given.filter((size) => size === -1).length > 1 || !whole.every((size) => Number.isSafeInteger(size) && size > 0) || whole.reduce((a, b) => a * b, 1) !== numel) {
    return refuse(`asks for sizes [batch, ${given.join(", ")}] of a tensor of ${sizesText(dims)}`);
  }
  const atoms = runsOf(dims);
  return ["batch", ...whole.map((size) => take(atoms, size))];
}

/** Sizes as a map's, or a vector's, behind the batch; null where they are neither. */
export function formOf(dims: Dims, shape: MapShape): "map" | "vector" | null {
  const [batch, ...sizes] = sizesOf(dims);
  if (batch !== null) return null;
  const { channels, height, width } = shape;
  if (sizes.length === 3 && sizes[0] === channels && sizes[1] === height && sizes[2] === width) return "map";
  // A vector may keep sizes of 1 behind it.
  if ((sizes.length === 1 || sizes.length === 3) && sizes[0] === channels * height * width) return "vector";
  return null;
}

export const describe = (dims: Dims, shape: MapShape): string => `${sizesText(dims)} over maps of ${shapeText(shape)}`;
