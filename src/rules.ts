/** Rules for the fields of an options object: what each takes, and the refusal of anything else. */
import { OptionError } from "./errors.js";
import { nearest } from "./suggest.js";

export interface Rule {
  isRight(value: unknown): boolean;
  /** Ends the sentence "takes …". */
  wants: string;
}

export const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
export const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
export const isWhole = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
/** At least one item, no two alike. */
export const isListOf = (values: unknown, isItem: (value: unknown) => boolean): boolean =>
  Array.isArray(values) && values.length > 0 && values.every((value) => isItem(value)) && new Set(values).size === values.length;

export const rule = (wants: string, isRight: (value: unknown) => boolean): Rule => ({ isRight, wants });
export const oneOf = (...names: string[]): Rule => rule(names.join(" or "), (value) => names.includes(value as string));
export const COUNT = rule("a whole number of at least 1", (value) => isWhole(value) && value !== 0);
export const SWITCH = rule("true or false", (value) => typeof value === "boolean");

/** @throws OptionError for a field that is given and of the wrong kind; `naming` says how its user called it */
export function checkFields<Field extends string>(given: Partial<Record<Field, unknown>>, rules: Record<Field, Rule>, naming: (field: Field) => string = (field) => field): void {
  for (const field of Object.keys(rules) as Field[]) {
    const value = given[field];
    if (value !== undefined && !rules[field].isRight(value)) throw new OptionError([naming(field)], `takes ${rules[field].wants}, not ${shown(value)}`);
  }
}

/** @throws OptionError for a field that isn't known, with the nearest one that is */
export function refuseUnknown(given: object, known: string[]): void {
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = nearest(unknown, known);
  throw new OptionError([unknown], `is no option; ${near ? `did you mean ${near}?` : `there are ${known.join(", ")}`}`);
}

/** A value in a message, cut to a line's measure. */
function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, item) => (typeof item === "number" && !isNumber(item) ? String(item) : (item as unknown))) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
