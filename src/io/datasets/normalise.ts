/** Pixel normalisations as torchvision computes them, one float32 rounding per step. */
import type { Normalisation } from "../types.js";

const gray = (mean: number, std: number): Normalisation => ({ mean: [mean], std: [std] });

export const MNIST_NORMALISATION = gray(0.1307, 0.3081);
export const HALF_NORMALISATION = gray(0.5, 0.5);
export const NO_NORMALISATION = gray(0, 1);
export const IMAGENET_NORMALISATION: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Normalisations by name. Those of one value fit images of any number of channels. */
export const NORMALISATIONS = {
  none: NO_NORMALISATION,
  half: HALF_NORMALISATION,
  mnist: MNIST_NORMALISATION,
  "fashion-mnist": gray(0.286, 0.353),
  // The first is what most public code has (deviations of single images, averaged); the second are the deviations over all pixels.
  "cifar10-statistics": { mean: [0.4914, 0.4822, 0.4465], std: [0.2023, 0.1994, 0.201] },
  "cifar10-pixels": { mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616] },
  "cifar100-statistics": { mean: [0.5071, 0.4867, 0.4408], std: [0.2675, 0.2565, 0.2761] },
  imagenet: IMAGENET_NORMALISATION,
} as const satisfies Record<string, Normalisation>;

export type NormalisationName = keyof typeof NORMALISATIONS;

const LEAST_DEVIATION = 1e-6;

/** What networks for images of a shape are mostly trained with; what isn't known keeps its pixels. */
export function usualNormalisation(channels: number, height: number, width: number): Normalisation {
  if (channels === 1) return height === 28 && width === 28 ? MNIST_NORMALISATION : NO_NORMALISATION;
  if (channels !== 3) return NO_NORMALISATION;
  return height === width && (height === 32 || height === 64) ? HALF_NORMALISATION : IMAGENET_NORMALISATION;
}

/** Values that pixels from 0 to 1 can be normalised by: any number of channels, means of at most 1, deviations above 0. */
export const isNormalisation = (mean: unknown[], std: unknown[]): boolean =>
  [mean, std].every((values) => values.length >= 1 && values.length <= 4 && values.every((value) => typeof value === "number" && Number.isFinite(value))) &&
  mean.every((value) => Math.abs(value as number) <= 1) && std.every((value) => (value as number) >= LEAST_DEVIATION);

/** As float32, in which pixels are normalised and files store it. */
const sameValues = (a: number[], b: number[]): boolean => a.length === b.length && a.every((value, i) => Math.abs(value - b[i]) <= 1e-6 * Math.max(1, Math.abs(value)));

/** Whether two, of one value a channel each, are the same in float32. */
export const sameNormalisation = (a: Normalisation, b: Normalisation): boolean => sameValues(a.mean, b.mean) && sameValues(a.std, b.std);

/** One value a channel; null where there is another number of values than channels. */
export function perChannel({ mean, std }: Normalisation, channels: number): Normalisation | null {
  const spread = (values: readonly number[]): number[] | null => (values.length === channels ? [...values] : values.length === 1 ? Array<number>(channels).fill(values[0]) : null);
  const [means, stds] = [spread(mean), spread(std)];
  return means && stds && { mean: means, std: stds };
}

/** The name that a normalisation of one value a channel is listed by, or null. */
export function nameOf(normalisation: Normalisation): NormalisationName | null {
  const isThis = (name: string): boolean => {
    const known = perChannel(NORMALISATIONS[name as NormalisationName], normalisation.mean.length);
    return known !== null && sameNormalisation(known, normalisation);
  };
  return (Object.keys(NORMALISATIONS) as NormalisationName[]).find(isThis) ?? null;
}

/** `mean 0.1307, std 0.3081`; alike values of several channels once. */
export function normalisationText({ mean, std }: Normalisation): string {
  const values = (of: number[]): string => (of.every((value) => value === of[0]) ? String(of[0]) : of.join(","));
  return `mean ${values(mean)}, std ${values(std)}`;
}

/** For each channel, what each of the 256 byte values becomes: (byte / 255 - mean) / std in float32. */
function tables({ mean, std }: Normalisation): Float32Array[] {
  const f = Math.fround;
  return mean.map((m, channel) => Float32Array.from({ length: 256 }, (_, byte) => f(f(f(byte / 255) - f(m)) / f(std[channel]))));
}

/** Returns a function that turns NCHW bytes into normalised NCHW float32; `plane` is height x width. */
export function normaliser(normalisation: Normalisation, plane: number): (bytes: Uint8Array) => Float32Array {
  const lookup = tables(normalisation);
  return (bytes) => {
    const out = new Float32Array(bytes.length);
    for (let start = 0; start < bytes.length; start += plane) {
      const table = lookup[(start / plane) % lookup.length];
      for (let i = start; i < start + plane; i++) out[i] = table[bytes[i]];
    }
    return out;
  };
}
