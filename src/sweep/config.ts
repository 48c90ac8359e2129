/** What a sweep computes, as plain data: the part of the options on which the numbers depend. */
import { OptionError } from "../errors.js";
import { FILTERS, type Filter, type Scope } from "../results/row.js";

export interface SweepConfig {
  scope: Scope;
  filters: Filter[];
  /** Number of thresholds of the linspace; ignored when `alphas` is given. */
  thresholds: number;
  /** Explicit thresholds instead of the linspace. */
  alphas: number[] | null;
  /** Half-width of the pulse; null: (max - min) / thresholds / 2. Needed with `alphas` and h_c. */
  delta: number | null;
  /** Names or globs of the layers, null for all. */
  layers: string[] | null;
  /** Thresholds' range of a global sweep. */
  range: [number, number];
  epsilons: number[];
  /** `input`: epsilon is applied after normalisation, as in the notebooks; `pixel`: in units of 0..1 pixels. */
  epsilonSpace: "input" | "pixel";
  /** Clamp the attacked image to the valid pixel range. */
  clamp: boolean;
  batchNorm: "running" | "batch";
  /** Images per batch; matters in batch norm `batch` only, where just whole batches count. */
  batchSize: number;
}

export const DEFAULT_CONFIG: SweepConfig = {
  scope: "local",
  filters: [...FILTERS],
  thresholds: 25,
  alphas: null,
  delta: null,
  layers: null,
  range: [-1, 1],
  epsilons: [0.38],
  epsilonSpace: "input",
  clamp: false,
  batchNorm: "running",
  batchSize: 100,
};

/** A field under the name its user gave it by: the command line's is a flag. */
export type Naming = (field: keyof SweepConfig) => string;

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isText = (value: unknown): value is string => typeof value === "string" && value !== "";
const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 1 && (value as number) < 2 ** 31;
const isEpsilon = (value: unknown): boolean => isNumber(value) && value >= 0;
const isListOf = (values: unknown, isItem: (value: unknown) => boolean): boolean =>
  Array.isArray(values) && values.length > 0 && values.every(isItem) && new Set(values).size === values.length;
const oneOf = (...names: string[]) => ({ isRight: (value: unknown) => names.includes(value as string), wants: names.join(" or ") });

/** What each field takes. */
const RULES: Record<keyof SweepConfig, { isRight(value: unknown): boolean; wants: string }> = {
  scope: oneOf("local", "global"),
  filters: { isRight: (value) => isListOf(value, (name) => FILTERS.includes(name as Filter)), wants: "some of h_a, h_b, h_c, each once" },
  thresholds: { isRight: isCount, wants: "a whole number of at least 1" },
  alphas: { isRight: (value) => value === null || isListOf(value, isNumber), wants: "numbers, each once" },
  delta: { isRight: (value) => value === null || (isNumber(value) && value > 0), wants: "a number above 0" },
  layers: { isRight: (value) => value === null || (Array.isArray(value) && value.length > 0 && value.every(isText)), wants: "names or globs of layers" },
  range: { isRight: (value) => isListOf(value, isNumber) && (value as number[]).length === 2 && (value as number[])[0] < (value as number[])[1], wants: "two numbers, the lower first" },
  epsilons: { isRight: (value) => isListOf(value, isEpsilon), wants: "numbers of at least 0, each once" },
  epsilonSpace: oneOf("input", "pixel"),
  clamp: { isRight: (value) => typeof value === "boolean", wants: "true or false" },
  batchNorm: oneOf("running", "batch"),
  batchSize: { isRight: isCount, wants: "a whole number of at least 1" },
};

/**
 * A whole configuration from the fields that were given; filters come in the order h_a, h_b, h_c.
 * @throws OptionError for a value of the wrong kind, and for fields that do not go together
 */
export function completeConfig(given: Partial<SweepConfig>, naming: Naming = (field) => field): SweepConfig {
  const config = { ...DEFAULT_CONFIG };
  for (const field of Object.keys(RULES) as (keyof SweepConfig)[]) {
    const value = given[field];
    if (value === undefined) continue;
    if (!RULES[field].isRight(value)) throw new OptionError([naming(field)], `takes ${RULES[field].wants}, not ${shown(value)}`);
    Object.assign(config, { [field]: value });
  }
  config.filters = FILTERS.filter((filter) => config.filters.includes(filter));
  if (config.alphas && given.thresholds !== undefined) throw new OptionError([naming("alphas"), naming("thresholds")], "give one of them");
  if (config.alphas && config.filters.includes("h_c") && config.delta === null) {
    throw new OptionError([naming("alphas")], `the pulse filter h_c needs ${naming("delta")} with it; or leave h_c out of ${naming("filters")}`);
  }
  if (config.scope === "local" && given.range) throw new OptionError([naming("range")], `belongs to ${naming("scope")} global; a local sweep runs from a layer's smallest weight to its largest`);
  if (config.scope === "global" && config.layers) throw new OptionError([naming("layers")], `goes with ${naming("scope")} local: a global sweep filters every layer at once`);
  return config;
}

/** A value in a message, cut to a line's measure. */
function shown(value: unknown): string {
  const text = JSON.stringify(value, (_, item) => (isNumber(item) || typeof item !== "number" ? (item as unknown) : String(item))) ?? typeof value;
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}
