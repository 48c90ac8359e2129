/** What a sweep computes, as plain data: the part of the options on which the numbers depend. */
import { OptionError } from "../errors.js";
import { ATTACK_RULES, type AttackConfig, completeAttack } from "./attack.js";
import { FILTERS, type Filter, type Scope } from "./row.js";
import { checkFields, COUNT, isListOf, isNumber, isText, oneOf, rule, SWITCH, type Rule } from "../rules.js";

export interface SweepConfig extends AttackConfig {
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

/** Filtered networks per layer. */
export const variantCount = ({ filters, thresholds, alphas }: SweepConfig): number => filters.length * (alphas?.length ?? thresholds);

export const DEFAULT_CONFIG: SweepConfig = {
  scope: "local",
  filters: ["h_a", "h_b", "h_c"],
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

/** A number that float32, in which weights and thresholds are, can hold. */
const isSingle = (value: unknown): value is number => isNumber(value) && Number.isFinite(Math.fround(value));
const isRange = (value: unknown): boolean => isListOf(value, isSingle) && (value as number[]).length === 2 && isSingle((value as number[])[1] - (value as number[])[0]) && (value as number[])[0] < (value as number[])[1];

/** What each field takes. */
const RULES: Record<keyof SweepConfig, Rule> = {
  scope: oneOf("local", "global"),
  filters: rule(`some of ${FILTERS.join(", ")}, each once`, (value) => isListOf(value, (name) => FILTERS.includes(name as Filter))),
  thresholds: COUNT,
  alphas: rule("numbers, each once", (value) => value === null || isListOf(value, isSingle)),
  delta: rule("a number above 0", (value) => value === null || (isSingle(value) && value > 0)),
  layers: rule("names or globs of layers, each once", (value) => value === null || isListOf(value, isText)),
  range: rule("two numbers, the lower first", isRange),
  epsilons: rule("numbers of at least 0, each once", (value) => isListOf(value, (epsilon) => isSingle(epsilon) && epsilon >= 0)),
  epsilonSpace: oneOf("input", "pixel"),
  clamp: SWITCH,
  batchNorm: oneOf("running", "batch"),
  batchSize: COUNT,
  ...ATTACK_RULES,
};

export const CONFIG_FIELDS: readonly string[] = Object.keys(RULES);

/** @throws OptionError for an epsilon above 1 in pixels of 0 to 1: 8 for 8/255 */
export function checkPixelEpsilons(config: SweepConfig, naming: Naming = (field) => field): SweepConfig {
  const large = config.epsilonSpace === "pixel" ? config.epsilons.find((epsilon) => epsilon > 1) : undefined;
  const refuse = (field: keyof SweepConfig, value: number): never => {
    throw new OptionError([naming(field)], `is in pixels of 0 to 1, so ${value} is far too much; ${value <= 255 ? `did you mean ${value}/255?` : "pixels of 0 to 255 are divided by 255"}`);
  };
  if (large !== undefined) refuse("epsilons", large);
  if (config.epsilonSpace === "pixel" && (config.stepSize ?? 0) > 1) refuse("stepSize", config.stepSize!);
  return config;
}

/** Results of one layer that are held at once: 2,800 thresholds of three filters at 125 epsilons. */
const MOST_RESULTS = 2 ** 20;

/** @throws OptionError for what nobody can want, with what it would take */
function checkSize(config: SweepConfig, naming: Naming): void {
  const networks = variantCount(config);
  const results = networks * config.epsilons.length;
  if (results <= MOST_RESULTS) return;
  const count = (value: number): string => value.toLocaleString("en-US");
  throw new OptionError([naming(config.alphas ? "alphas" : "thresholds")], `asks for ${count(networks)} filtered networks a layer, with ${count(results)} rows; ${count(MOST_RESULTS)} rows a layer are the most, and 25 thresholds are usual`);
}

/** The field of a configuration out of a file that is missing or of the wrong kind, null where there is none. */
export function configProblem(value: unknown): string | null {
  const given = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const isRight = (field: string): boolean => (Object.hasOwn(given, field) ? RULES[field as keyof SweepConfig].isRight(given[field]) : field in ATTACK_RULES);
  return Object.keys(RULES).find((field) => !isRight(field)) ?? null;
}

/**
 * A whole configuration from the fields that were given; filters come in the order h_a, h_b, h_c.
 * @throws OptionError for a value of the wrong kind, and for fields that do not go together
 */
export function completeConfig(given: Partial<SweepConfig>, naming: Naming = (field) => field): SweepConfig {
  checkFields(given, RULES, naming);
  const isOwn = (field: string): boolean => field in RULES && !(field in ATTACK_RULES);
  const config: SweepConfig = { ...DEFAULT_CONFIG, ...Object.fromEntries(Object.entries(given).filter(([field, value]) => isOwn(field) && value !== undefined)), ...completeAttack(given, naming) };
  config.filters = FILTERS.filter((filter) => config.filters.includes(filter));
  if (config.alphas && given.thresholds !== undefined) throw new OptionError([naming("alphas"), naming("thresholds")], "give one of them");
  if (config.alphas && config.filters.includes("h_c") && config.delta === null) {
    throw new OptionError([naming("alphas")], `the pulse filter h_c needs ${naming("delta")} with it; or leave h_c out of ${naming("filters")}`);
  }
  if (config.scope === "local" && given.range) throw new OptionError([naming("range")], `belongs to ${naming("scope")} global; a local sweep runs from a layer's smallest weight to its largest`);
  checkPixelEpsilons(config, naming);
  checkSize(config, naming);
  if (config.scope === "global" && config.layers) throw new OptionError([naming("layers")], `goes with ${naming("scope")} local: a global sweep filters every layer at once`);
  return config;
}
