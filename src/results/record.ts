/**
 * A finished unit as bytes: a JSON head (which unit, when) behind its length, then little-endian columns over the
 * variants. It carries the variants too, so that rows can be made of it without the checkpoint.
 */
import { InputError } from "../errors.js";
import { isNumber, isWhole } from "../rules.js";
import type { Variant } from "../sweep/filters.js";
import type { UnitScores } from "../sweep/units.js";
import { parseJson } from "./folder/jsonFile.js";
import { FILTERS } from "../sweep/row.js";

const MOST_HEAD = 4096;
/** Of what a Date can be, ms since 1970. */
const LAST_TIME = 8.64e15;

export interface RecordHead {
  sha256: string;
  layer: string;
  layerIndex: number;
  firstImage: number;
  /** Filtered networks, and strengths of the attack. */
  variants: number;
  epsilons: number;
  /** Weights that the filters looked at. */
  weights: number;
  /** Multiply-adds. */
  cost: number;
  /** Clock of the machine when it was written, ms since 1970. */
  time: number;
}

const bytesOf = (array: Int32Array | Float32Array | Float64Array): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** @param time ms since 1970 */
export function encodeScores(scores: UnitScores, cost: number, time: number): Buffer {
  const { sha256, layer, layerIndex, firstImage, variants } = scores;
  const head: RecordHead = { sha256, layer, layerIndex, firstImage, variants: variants.length, epsilons: scores.correctAdv.length, weights: variants[0].weights, cost, time };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  const whole = (value: (variant: Variant) => number): Buffer => bytesOf(Int32Array.from(variants, value));
  const single = (value: (variant: Variant) => number): Buffer => bytesOf(Float32Array.from(variants, value));
  return Buffer.concat([
    length,
    text,
    whole(({ filter }) => FILTERS.indexOf(filter)),
    whole(({ thresholdIndex }) => thresholdIndex),
    single(({ alpha }) => alpha),
    single(({ delta }) => delta ?? NaN),
    whole(({ removed }) => removed),
    whole(({ zeros }) => zeros),
    ...[scores.lossClean, ...scores.lossAdv, scores.correctClean, ...scores.correctAdv].map(bytesOf),
  ]);
}

/** Bytes of the columns: six of four bytes each, then sums and losses, clean and for each strength. */
const columnBytes = ({ variants, epsilons }: RecordHead): number => variants * (6 * 4 + 12 * (1 + epsilons));

function isHead(value: unknown): value is RecordHead {
  const { sha256, layer, layerIndex, firstImage, variants, epsilons, weights, cost, time } = (value ?? {}) as Partial<RecordHead>;
  const isText = (text: unknown): boolean => typeof text === "string" && text.length <= 300;
  return [sha256, layer].every(isText) && [(layerIndex ?? NaN) + 1, firstImage, variants, epsilons, weights].every(isWhole) &&
    isNumber(cost) && cost >= 0 && isNumber(time) && time >= 0 && time < LAST_TIME;
}

/** @throws InputError naming `path` for a record that this program doesn't write */
export function decodeHead(path: string, payload: Buffer): RecordHead {
  const length = payload.length < 4 ? Infinity : payload.readUInt32LE(0);
  const head = length > MOST_HEAD ? undefined : parseJson(payload.toString("utf8", 4, 4 + length));
  if (!isHead(head) || payload.length !== 4 + length + columnBytes(head)) throw new InputError(path, "holds a record that this program doesn't write; start the folder anew with --overwrite");
  return head;
}

/** Throws as `decodeHead` does. */
export function decodeScores(path: string, payload: Buffer): UnitScores {
  const { sha256, layer, layerIndex, firstImage, variants: count, epsilons, weights } = decodeHead(path, payload);
  let at = 4 + payload.readUInt32LE(0);
  const take = (bytes: number): ArrayBuffer => {
    const copy = Uint8Array.from(payload.subarray(at, at + bytes)).buffer;
    at += bytes;
    return copy;
  };
  const ints = (): Int32Array => new Int32Array(take(count * 4));
  const floats = (): Float32Array => new Float32Array(take(count * 4));
  const doubles = (): Float64Array => new Float64Array(take(count * 8));
  const [filters, thresholds, alphas, deltas, removed, zeros] = [ints(), ints(), floats(), floats(), ints(), ints()];
  const isCount = (value: number): boolean => value >= 0 && value <= weights;
  if (!filters.every((filter) => filter in FILTERS) || !thresholds.every((index) => index >= 0) || !alphas.every(Number.isFinite) || ![...removed, ...zeros].every(isCount)) {
    throw new InputError(path, `holds a unit of layer ${JSON.stringify(layer)} with filters that can't be; start the folder anew with --overwrite`);
  }
  const variants = Array.from(filters, (filter, v): Variant => ({
    filter: FILTERS[filter],
    thresholdIndex: thresholds[v],
    alpha: alphas[v],
    delta: Number.isNaN(deltas[v]) ? null : deltas[v],
    weights,
    removed: removed[v],
    zeros: zeros[v],
  }));
  return {
    sha256, layer, layerIndex, firstImage, variants,
    lossClean: doubles(),
    lossAdv: Array.from({ length: epsilons }, doubles),
    correctClean: ints(),
    correctAdv: Array.from({ length: epsilons }, ints),
  };
}
