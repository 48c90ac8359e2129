/** What `run` and `inspect` were asked for: texts of the command line to checked, typed options. */
import { completeConfig, type SweepConfig } from "../sweep/config.js";
import type { Kernels } from "../layout/blocks.js";
import type { StemOptions } from "../model/networks/family.js";
import { PIXEL_FRACTION, type EpsilonUnit, type Inputs, type Source } from "../inputs/inputs.js";
import { duration } from "./duration.js";
import { chooseShard, type Environment, type ShardChoice } from "./running/shard.js";
import { ATTACK_NAMES, BATCH_NORMS, DATASETS, EPSILON_SPACES, FILTER_NAMES, KERNELS, SCOPES, SPLITS, STEM_POOLS } from "./choices.js";
import { normalisationOf } from "./normalisation.js";
import { choice, distinct, fraction, list, number, single, whole, wrong, type Given } from "./values.js";

export interface RunOptions extends Inputs {
  config: SweepConfig;
  out: string | null;
  overwrite: boolean;
  report: boolean;
  /** Which part of the sweep, and who said so. */
  part: ShardChoice;
  /** Seconds after which the run stops in order; null for never. */
  deadline: number | null;
  adapter: string | null;
  /** Undefined where those for the adapter are meant. */
  kernels: Kernels | undefined;
  json: boolean;
  tune: boolean;
  profile: boolean;
  quiet: boolean;
}

/** yargs' result: flags by their dashed names. */
export type Arguments = Record<string, unknown>;

export type Read<T> = (name: string, text: string) => T;
export const text: Read<string> = (_, given) => given;
export const from = <T extends string>(choices: Record<string, T>): Read<T> => (name, given) => choice(name, given, choices);
export const atLeast = (least: number): Read<number> => (name, given) => whole(name, given, least);

/** A side, or height x width. */
export const pixels: Read<number | [number, number]> = (name, given) => {
  const sides = given.split("x").map((side) => whole(name, side, 1));
  if (sides.length > 2 || sides.some((side) => side > MOST_PIXELS)) throw wrong(name, `"${given}" is no size; give one side, or height and width such as 224x224, of ${MOST_PIXELS} pixels at most`);
  return sides.length === 1 ? sides[0] : [sides[0], sides[1]];
};
const MOST_PIXELS = 4096;

/** A flag's value, undefined where it wasn't given. */
export function one<T>(args: Arguments, name: string, read: Read<T>): T | undefined {
  const given = single(name, args[name] as Given);
  return given === null ? undefined : read(name, given);
}

/** Undefined where those for the adapter are meant. */
export const kernelsOf = (args: Arguments): Kernels | undefined => one(args, "kernels", from(KERNELS));

/** Values by commas, no two alike. */
export function many<T>(args: Arguments, name: string, read: Read<T>): T[] | undefined {
  const items = list(name, args[name] as Given);
  return items ? distinct(name, items.map((item) => read(name, item))) : undefined;
}

/** 8/255 makes sense in pixels alone. */
function epsilonUnit(args: Arguments, source: Source): EpsilonUnit {
  const space = one(args, "epsilon-space", from(EPSILON_SPACES));
  const fractions = ["epsilon", "step-size"].filter((name) => (list(name, args[name] as Given) ?? []).some((given) => given.includes("/")));
  // Only the files tell whether a network normalises by itself, so that epsilon is in pixels; the demo's doesn't.
  if (fractions.length > 0 && (space === "input" || (space === undefined && source.kind === "demo"))) throw wrong(fractions, PIXEL_FRACTION);
  return { said: space !== undefined ? "given" : fractions.length > 0 ? "pixel" : "open", fractions: fractions.map((name) => `--${name}`), naming: flagOf };
}

const FLAGS: Partial<Record<keyof SweepConfig, string>> = { alphas: "alpha", epsilons: "epsilon", epsilonSpace: "epsilon-space", batchNorm: "batch-norm", batchSize: "batch-size", stepSize: "step-size", randomStart: "random-start" };
/** The flag of a field. */
const flagOf = (field: keyof SweepConfig): string => `--${FLAGS[field] ?? field}`;

/** The part on which the numbers depend. */
export function sweepConfig(args: Arguments): SweepConfig {
  const given: Partial<SweepConfig> = {
    scope: one(args, "scope", from(SCOPES)),
    filters: many(args, "filters", from(FILTER_NAMES)),
    thresholds: one(args, "thresholds", atLeast(1)),
    alphas: many(args, "alpha", number),
    delta: one(args, "delta", number),
    layers: many(args, "layers", text),
    range: many(args, "range", number) as [number, number] | undefined,
    epsilons: many(args, "epsilon", fraction),
    epsilonSpace: one(args, "epsilon-space", from(EPSILON_SPACES)),
    clamp: args.clamp === true,
    attack: one(args, "attack", from(ATTACK_NAMES)),
    steps: one(args, "steps", atLeast(1)),
    stepSize: one(args, "step-size", fraction),
    randomStart: one(args, "random-start", atLeast(0)),
    batchNorm: one(args, "batch-norm", from(BATCH_NORMS)),
    batchSize: one(args, "batch-size", atLeast(1)),
  };
  return completeConfig(given, flagOf);
}

/** What no tensor tells of a network. */
export function stemOptions(args: Arguments): StemOptions {
  const stride = one(args, "stem-stride", atLeast(1));
  const pool = one(args, "stem-pool", from(STEM_POOLS));
  return { ...(stride !== undefined && { stride }), ...(pool !== undefined && { pool: pool === "yes" }) };
}

function sourceOf(args: Arguments): Source {
  const files = args.checkpoint as string[] | undefined;
  const folder = one(args, "saved-models", text);
  const stray = ["network", "init", "epoch"].find((name) => args[name] !== undefined);
  if (stray && folder === undefined) throw wrong(stray, "chooses from a tree; give the tree by --saved-models");
  if (files && folder !== undefined) throw wrong(["checkpoint", "saved-models"], "give one of them");
  if (files) return { kind: "files", files: distinct("checkpoint", files) };
  if (folder === undefined) return { kind: "demo" };
  return {
    kind: "tree",
    folder,
    network: one(args, "network", text) ?? null,
    dataset: one(args, "dataset", text) ?? null,
    inits: many(args, "init", atLeast(0)) ?? null,
    epochs: many(args, "epoch", atLeast(0)) ?? null,
  };
}

/** @param env asked for the shard where a cluster is to say it */
export function runOptions(args: Arguments, env: Environment = process.env): RunOptions {
  const source = sourceOf(args);
  const data = one(args, "data", text) ?? null;
  if (source.kind === "demo" && data !== null) throw wrong("data", "needs networks with it; give --checkpoint or --saved-models");
  if (source.kind !== "demo" && data === null) throw wrong("data", "is missing; give the folder of the images, such as --data Dataset/MNIST/raw");
  const graph = one(args, "graph", text) ?? null;
  if (source.kind === "demo" && graph !== null) throw wrong("graph", "needs weights with it; give --checkpoint (the program itself for its own) or --saved-models");
  const out = one(args, "out", text) ?? null;
  const part = chooseShard(one(args, "shard", text), args["no-shard"] === true, env);
  if (part.shard && out === null) throw wrong("shard", "needs --out, the one folder in which all shards put their parts");
  return {
    source,
    key: one(args, "key", text) ?? null,
    graph,
    stem: stemOptions(args),
    data,
    dataset: one(args, "dataset", from(DATASETS)) ?? null,
    split: one(args, "split", from(SPLITS)) ?? "test",
    limit: one(args, "limit", atLeast(1)) ?? null,
    coarse: args.coarse === true,
    resize: one(args, "resize", pixels) ?? null,
    crop: one(args, "crop", pixels) ?? null,
    normalisation: normalisationOf(args),
    epsilonUnit: epsilonUnit(args, source),
    config: sweepConfig(args),
    out,
    overwrite: args.overwrite === true,
    report: args["no-report"] !== true,
    part,
    deadline: one(args, "deadline", duration) ?? null,
    adapter: one(args, "adapter", text) ?? null,
    kernels: kernelsOf(args),
    json: args.json === true,
    tune: args["no-tune"] !== true,
    profile: args.profile === true,
    quiet: args.quiet === true,
  };
}
