/** A layer that normalises pixels, stored in front of a network as robustness toolboxes write it. */
import { InputError } from "../errors.js";
import type { ArrayRef } from "../io/arrays.js";
import { readTensors, shownName } from "../io/checkpoints/checkpoint.js";
import type { ByteSource } from "../io/source.js";
import type { Normalisation } from "../io/types.js";

const MEAN = /^(.*?)((?:new|image|img|pixel|input|data|norm)?_?)(?:mean|mu)$/;
const DEVIATIONS = ["std", "sigma"];

/** Names of a mean and a standard deviation that belong together. */
export interface Normaliser {
  mean: string;
  std: string;
}

/** One value a channel, whatever axes of one entry stand around it. */
const isPerChannel = ({ shape }: ArrayRef): boolean => shape.length <= 4 && shape.filter((size) => size !== 1).length <= 1 && shape.reduce((a, b) => a * b, 1) <= 4;

/** The decimal number that a float32 was made of: 0.1307 is stored as 0.13070000708. */
export function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits++) {
    const rounded = Number(value.toPrecision(digits));
    if (Math.fround(rounded) === value) return rounded;
  }
  return value;
}

/** Pairs such as `0.mean` and `0.std`, `normalizer.new_mean` and `normalizer.new_std`, `mu` and `sigma`. */
export function findNormalisers(arrays: ReadonlyMap<string, ArrayRef>): Normaliser[] {
  const pairs: Normaliser[] = [];
  for (const [mean, array] of arrays) {
    const last = mean.lastIndexOf(".") + 1;
    const stem = MEAN.exec(mean.slice(last));
    if (!stem || stem[1] !== "" || !isPerChannel(array)) continue;
    const std = DEVIATIONS.map((word) => mean.slice(0, last) + stem[2] + word).find((name) => arrays.has(name));
    if (std !== undefined && isPerChannel(arrays.get(std)!)) pairs.push({ mean, std });
  }
  return pairs;
}

/**
 * @param channels of the network behind it
 * @returns in units of pixels of 0 to 1
 * @throws InputError for several that differ, for a std that is none, and for more values than the network has channels
 */
export function readNormalisers(source: ByteSource, pairs: Normaliser[], arrays: ReadonlyMap<string, ArrayRef>, channels: number): Normalisation | null {
  const bad = (what: string): InputError => new InputError(source.file, `${what}; save the network without it, and say --mean and --std`);
  let found: Normalisation | null = null;
  for (const { mean, std } of pairs) {
    const tensors = readTensors(source, new Map([mean, std].map((name) => [name, arrays.get(name)!])));
    const perChannel = (name: string): number[] => {
      const { data } = tensors.get(name)!;
      if (data.length !== 1 && data.length !== channels) throw bad(`holds a normalising layer ${shownName(name)} of ${data.length} values in front of a network of ${channels} channel${channels === 1 ? "" : "s"}`);
      return Array.from({ length: channels }, (_, i) => shortest(data[data.length === 1 ? 0 : i]));
    };
    const pair: Normalisation = { mean: perChannel(mean), std: perChannel(std) };
    if (!pair.std.every((value) => value > 0)) throw bad(`holds a normalising layer whose ${shownName(std)} is not above 0`);
    // Some take pixels of 0 to 255; no images are so alike that those deviate by less than 4.
    const wide = [...pair.mean, ...pair.std].some((value) => Math.abs(value) > 1);
    if (wide && !pair.std.every((value) => value >= 4)) throw bad(`holds a normalising layer ${shownName(mean)} whose pixels are neither of 0 to 1 nor of 0 to 255`);
    const scaled: Normalisation = wide ? { mean: pair.mean.map((value) => shortest(Math.fround(value / 255))), std: pair.std.map((value) => shortest(Math.fround(value / 255))) } : pair;
    if (found !== null && JSON.stringify(found) !== JSON.stringify(scaled)) throw bad(`holds several normalising layers that differ (${shownName(pairs[0].mean)}, ${shownName(mean)})`);
    found = scaled;
  }
  return found;
}
