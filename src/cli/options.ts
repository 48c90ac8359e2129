/** What `run` and `inspect` were asked for: texts of the command line to checked, typed options. */
import { UsageError } from "../errors.js";
import type { DatasetName } from "../io/types.js";
import type { Filter, Scope } from "../results/row.js";
import { DEFAULT_CONFIG, type SweepConfig } from "../sweep/config.js";
import type { Inputs, Source } from "../sweep/inputs.js";
import { choice, distinct, fraction, list, number, single, whole, type Given } from "./values.js";

export interface RunOptions extends Inputs {
  config: SweepConfig;
  out: string | null;
  overwrite: boolean;
  adapter: string | null;
  json: boolean;
  quiet: boolean;
}

/** yargs' result: flags by their dashed names. */
export type Arguments = Record<string, unknown>;

const DATASETS: Record<string, DatasetName> = { mnist: "mnist", "fashion-mnist": "mnist", cifar10: "cifar10", "tiny-imagenet": "tiny-imagenet", "tiny-imagenet-200": "tiny-imagenet" };
const FILTERS: Record<string, Filter> = { h_a: "h_a", h_b: "h_b", h_c: "h_c", minmax: "h_a", maxmin: "h_b", pulseminmax: "h_c" };
const SCOPES: Record<string, Scope> = { local: "local", global: "global" };
const ORDER: Filter[] = ["h_a", "h_b", "h_c"];

const given = (args: Arguments, name: string): Given => args[name] as Given;
const one = (args: Arguments, name: string): string | null => single(name, given(args, name));
const many = (args: Arguments, name: string): string[] | null => list(name, given(args, name));

function choose<T extends string>(args: Arguments, name: string, choices: Record<string, T>, fallback: T): T {
  const text = one(args, name);
  return text === null ? fallback : choice(name, text, choices);
}

function wholes(args: Arguments, name: string): number[] | null {
  const items = many(args, name);
  return items && distinct(name, items.map((item) => whole(name, item, 0)));
}

function rangeOf(args: Arguments, scope: Scope): [number, number] {
  const items = many(args, "range");
  if (!items) return DEFAULT_CONFIG.range;
  if (scope !== "global") throw new UsageError("--range: belongs to --scope global; a local sweep runs from a layer's smallest weight to its largest");
  const [low, high] = items.map((item) => number("range", item));
  if (items.length !== 2 || !(low < high)) throw new UsageError("--range: wants two numbers, the lower first, such as --range=-1,1");
  return [low, high];
}

function epsilonsOf(args: Arguments, space: "input" | "pixel"): number[] {
  const items = many(args, "epsilon");
  if (!items) return DEFAULT_CONFIG.epsilons;
  const epsilons = items.map((item) => {
    if (space === "input" && item.includes("/")) throw new UsageError(`--epsilon: ${item} is a pixel's fraction; add --epsilon-space pixel, or give a number in units of the normalised input`);
    return fraction("epsilon", item);
  });
  const negative = epsilons.find((epsilon) => epsilon < 0);
  if (negative !== undefined) throw new UsageError(`--epsilon: ${negative} is negative`);
  return distinct("epsilon", epsilons);
}

/** The part on which the numbers depend. */
export function sweepConfig(args: Arguments): SweepConfig {
  const scope = choose(args, "scope", SCOPES, DEFAULT_CONFIG.scope);
  const asked = many(args, "filters")?.map((item) => choice("filters", item, FILTERS));
  const filters = asked ? ORDER.filter((filter) => distinct("filters", asked).includes(filter)) : DEFAULT_CONFIG.filters;
  const thresholds = one(args, "thresholds");
  const alphaItems = many(args, "alpha");
  const alphas = alphaItems && distinct("alpha", alphaItems.map((item) => number("alpha", item)));
  if (alphas && thresholds !== null) throw new UsageError("--alpha and --thresholds: give one of them");
  const deltaText = one(args, "delta");
  const delta = deltaText === null ? null : number("delta", deltaText);
  if (delta !== null && !(delta > 0)) throw new UsageError("--delta: has to be above 0");
  if (alphas && filters.includes("h_c") && delta === null) throw new UsageError("--alpha: the pulse filter h_c needs --delta with it; or leave h_c out with --filters h_a,h_b");
  const epsilonSpace = choose(args, "epsilon-space", { input: "input", pixel: "pixel" }, DEFAULT_CONFIG.epsilonSpace);
  const batchSize = one(args, "batch-size");
  return {
    scope,
    filters,
    thresholds: thresholds === null ? DEFAULT_CONFIG.thresholds : whole("thresholds", thresholds, 1),
    alphas,
    delta,
    layers: many(args, "layers"),
    range: rangeOf(args, scope),
    epsilons: epsilonsOf(args, epsilonSpace),
    epsilonSpace,
    clamp: args.clamp === true,
    batchNorm: choose(args, "batch-norm", { running: "running", batch: "batch" }, DEFAULT_CONFIG.batchNorm),
    batchSize: batchSize === null ? DEFAULT_CONFIG.batchSize : whole("batch-size", batchSize, 1),
  };
}

function sourceOf(args: Arguments): Source {
  const files = args.checkpoint as string[] | undefined;
  const folder = one(args, "saved-models");
  const stray = ["network", "init", "epoch"].find((name) => args[name] !== undefined);
  if (stray && folder === null) throw new UsageError(`--${stray}: chooses from a tree; give the tree by --saved-models`);
  if (files && folder !== null) throw new UsageError("--checkpoint and --saved-models: give one of them");
  if (files) return { kind: "files", files: distinct("checkpoint", files) };
  if (folder !== null) return { kind: "tree", folder, network: one(args, "network"), dataset: one(args, "dataset"), inits: wholes(args, "init"), epochs: wholes(args, "epoch") };
  return { kind: "demo" };
}

export function runOptions(args: Arguments): RunOptions {
  const source = sourceOf(args);
  const data = one(args, "data");
  if (source.kind === "demo" && data !== null) throw new UsageError("--data: needs networks with it; give --checkpoint or --saved-models");
  if (source.kind !== "demo" && data === null) throw new UsageError("--data: is missing; give the folder of the images, such as --data Dataset/MNIST/raw");
  const dataset = one(args, "dataset");
  const limit = one(args, "limit");
  return {
    source,
    data,
    dataset: dataset === null ? null : choice("dataset", dataset, DATASETS),
    split: choose(args, "split", { test: "test", train: "train" }, "test"),
    limit: limit === null ? null : whole("limit", limit, 1),
    config: sweepConfig(args),
    out: one(args, "out"),
    overwrite: args.overwrite === true,
    adapter: one(args, "adapter"),
    json: args.json === true,
    quiet: args.quiet === true,
  };
}
