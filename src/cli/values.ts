/** Text of one option to a checked value. Messages name the option and say what would be right. */
import { OptionError } from "../errors.js";
import { nearest } from "../suggest.js";

/** The refusal of a flag's value; flags that do not go together may be named at once. */
export function wrong(flags: string | string[], problem: string): OptionError {
  return new OptionError([flags].flat().map((flag) => `--${flag}`), problem);
}

/** What yargs hands on for a text option: nothing, a text, or several when it was repeated. */
export type Given = string | string[] | undefined;

/** The single text, null where the option wasn't given. */
export function single(name: string, given: Given): string | null {
  if (given === undefined) return null;
  if (Array.isArray(given)) throw wrong(name, `given ${given.length} times, once is enough`);
  if (given === "") throw wrong(name, `is empty`);
  return given;
}

/** Items by commas, also of an option that was repeated. */
export function list(name: string, given: Given): string[] | null {
  if (given === undefined) return null;
  const items = [given].flat().flatMap((text) => text.split(",")).map((item) => item.trim());
  if (items.some((item) => item === "")) throw wrong(name, `has an empty item`);
  return items;
}

const DECIMAL = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

export function number(name: string, text: string): number {
  const value = DECIMAL.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) throw wrong(name, `"${text}" is no number`);
  return value;
}

/** A whole number of at least `least`. */
export function whole(name: string, text: string, least: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least && value <= 2 ** 31 - 1)) throw wrong(name, `"${text}" is no whole number of at least ${least}`);
  return value;
}

/** A number, or a fraction such as 8/255. */
export function fraction(name: string, text: string): number {
  const [top, bottom, ...rest] = text.split("/");
  if (bottom === undefined) return number(name, text);
  const value = number(name, top) / number(name, bottom);
  if (rest.length > 0 || !Number.isFinite(value)) throw wrong(name, `"${text}" is no fraction such as 8/255`);
  return value;
}

/** One of the choices; case, `-` and `_` don't matter. */
export function choice<T extends string>(name: string, text: string, choices: Record<string, T>): T {
  const plain = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, "");
  const found = Object.keys(choices).find((key) => plain(key) === plain(text));
  if (found !== undefined) return choices[found];
  const near = nearest(text, Object.keys(choices));
  throw wrong(name, `"${text}" is none of ${[...new Set(Object.values(choices))].join(", ")}${near ? `; did you mean ${near}?` : ""}`);
}

/** Whether a value comes twice. */
export function distinct<T>(name: string, values: T[]): T[] {
  const twice = values.find((value, i) => values.indexOf(value) !== i);
  if (twice !== undefined) throw wrong(name, `${twice} comes twice`);
  return values;
}
