/** Linear scales and round numbers for their axes. */
import { fixed } from "./svg.js";

export interface Scale {
  (value: number): number;
  domain: [number, number];
}

/** A domain of no width is widened around its value, so that a single threshold stands in the middle. */
export function linearScale(domain: [number, number], range: [number, number]): Scale {
  let [from, to] = domain;
  if (from === to) {
    const margin = Math.abs(from) / 2 || 1;
    [from, to] = [from - margin, to + margin];
  }
  const scale = (value: number): number => range[0] + ((value - from) / (to - from)) * (range[1] - range[0]);
  return Object.assign(scale, { domain: [from, to] as [number, number] });
}

/** Round values (1, 2 or 5 times a power of ten apart) inside a domain, about `count` of them, with their texts. */
export function roundTicks([from, to]: [number, number], count: number): { value: number; text: string }[] {
  const [low, high] = from < to ? [from, to] : [to, from];
  const rough = (high - low) / Math.max(1, count);
  const power = Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * 10 ** power).find((candidate) => candidate >= rough * 0.999)!;
  const decimals = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) {
    const text = decimals > 6 ? (i * step).toExponential(1).replace("-", "\u2212") : fixed(i * step, decimals);
    ticks.push({ value: i * step, text });
  }
  return ticks;
}

/** A domain that holds 0 and every value, with some room at its ends. */
export function domainWithZero(values: number[]): [number, number] {
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  if (low === high) return [-0.5, 0.5];
  const room = 0.06 * (high - low);
  return [low - room, high + room];
}
