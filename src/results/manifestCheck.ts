/** What a manifest.json holds, and what it has to hold before anybody reads on in it. Fields that are not known here pass. */
import type { Normalisation } from "../io/types.js";
import { isNumber, isWhole } from "../rules.js";
import { configProblem } from "../sweep/config.js";
import { MOST_SHARDS, type Shard } from "../sweep/shards.js";
import { chunksOf } from "../sweep/units.js";
import type { CheckpointRecord } from "./folder/checkpoints.js";
import type { RunIdentity } from "./identity.js";

export interface Manifest {
  manifest_version: 1;
  status: "running" | "interrupted" | "done";
  identity: RunIdentity;
  checkpoints: CheckpointRecord[];
  /** File of the graph that was named for their weights. */
  graph?: string;
  /** Files the images came from, as reached through what the user gave; the checkpoint whose own layer normalises, if one does. */
  data: { files: string[]; normalisation: Normalisation | null; normalisation_layer_of?: string };
  adapter: { name: string; vendor: string; architecture: string; description: string; backend: string; type: string; software: boolean };
  versions: { package: string; node: string; webgpu: string; arrow: string };
  /** Work in this folder: units, multiply-adds. */
  units: number;
  cost: number;
  /** Work of the whole sweep, of which a shard has a part; `layers` by network, in the order of the rows. */
  sweep: { units: number; cost: number; layers: Record<string, string[]> };
  networks: number;
  /** Kernel settings that were measured on the adapter, by convolution; results do not depend on them. */
  tiles: Record<string, object>;
  /** ISO 8601, UTC. */
  started: string;
  /** Starts after the first. */
  resumed: string[];
  ended: string | null;
  /** Failures of the device that the run got over, and what ended a process; absent where there was none. */
  faults?: { time: string; kind: string; message: string; action: string }[];
  /** What a result was merged from: folders as seen from this one; absent where one process wrote it. */
  merged?: { folder: string; shard: Shard | null; adapter: string }[];
  /** Rows in results.arrow; null until it is in place. */
  rows: number | null;
}

/** The path of what is wrong in a value, null where nothing is. */
type Check = (value: unknown, path: string) => string | null;

const MOST_TEXT = 4096;
const MOST_ITEMS = 100_000;
/** A thousand networks of fifty layers on 40,000 images. */
const MOST_UNITS = 2 ** 23;
const MOST_IMAGES = 2 ** 22;

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

const leaf = (isRight: (value: unknown) => boolean): Check => (value, path) => (isRight(value) ? null : path);
const orNull = (check: Check): Check => (value, path) => (value === null ? null : check(value, path));
const optional = (check: Check): Check => (value, path) => (value === undefined ? null : check(value, path));
const first = (problems: Iterable<string | null>): string | null => [...problems].find((problem) => problem !== null) ?? null;

const fields = (checks: Record<string, Check>): Check => (value, path) =>
  isObject(value) ? first(Object.entries(checks).map(([name, check]) => check(Object.hasOwn(value, name) ? value[name] : undefined, path ? `${path}.${name}` : name))) : path;
const listOf = (check: Check): Check => (value, path) =>
  Array.isArray(value) && value.length <= MOST_ITEMS ? first(value.map((item, i) => check(item, `${path}[${i}]`))) : path;
const byName = (check: Check): Check => (value, path) =>
  isObject(value) && Object.keys(value).length <= MOST_ITEMS ? first(Object.values(value).map((item) => check(item, `${path}[…]`))) : path;

const text = leaf((value) => typeof value === "string" && value.length <= MOST_TEXT);
const whole = leaf(isWhole);
const amount = leaf((value) => isNumber(value) && value >= 0);
const time = leaf((value) => typeof value === "string" && value.length <= 40 && !Number.isNaN(Date.parse(value)));
const flag = leaf((value) => typeof value === "boolean");
const oneOf = (...names: unknown[]): Check => leaf((value) => names.includes(value));
const shard = fields({ index: leaf((value) => isWhole(value) && value !== 0), count: leaf((value) => isWhole(value) && value !== 0 && (value as number) <= MOST_SHARDS) });

const normalisation = fields({ mean: listOf(leaf(isNumber)), std: listOf(leaf(isNumber)) });

const identity = fields({
  packageVersion: text,
  adapter: text,
  driver: optional(text),
  kernels: optional(text),
  config: (value, path) => {
    const problem = configProblem(value);
    return problem === null ? null : `${path}.${problem}`;
  },
  stem: optional(fields({ stride: optional(whole), pool: optional(flag) })),
  key: optional(text),
  graph: optional(text),
  dataset: fields({ name: text, split: text, images: leaf((value) => isWhole(value) && value !== 0 && (value as number) <= MOST_IMAGES), sha256: text, normalisation: optional(orNull(normalisation)) }),
  shard: optional(orNull(shard)),
});

const manifest = fields({
  manifest_version: oneOf(1),
  status: oneOf("running", "interrupted", "done"),
  identity,
  checkpoints: listOf(fields({ path: text, sha256: orNull(text), bytes: amount, modified: amount, network: text, init: orNull(whole), epoch: orNull(whole) })),
  graph: optional(text),
  data: fields({ files: listOf(text), normalisation: orNull(normalisation), normalisation_layer_of: optional(text) }),
  adapter: fields({ name: text, vendor: text, architecture: text, description: text, backend: text, type: text, software: flag }),
  versions: fields({ package: text, node: text, webgpu: text, arrow: text }),
  units: whole,
  cost: amount,
  sweep: fields({ units: whole, cost: amount, layers: byName(listOf(text)) }),
  networks: whole,
  started: time,
  resumed: listOf(time),
  ended: orNull(time),
  faults: optional(listOf(fields({ time, kind: text, message: text, action: text }))),
  merged: optional(listOf(fields({ folder: text, shard: orNull(shard), adapter: text }))),
  rows: orNull(whole),
});

/** The field of a manifest that is missing or of another kind than it has to be, null where there is none. */
export function manifestProblem(value: unknown): string | null {
  const problem = manifest(value, "");
  if (problem !== null) return problem || "the whole";
  const { checkpoints, sweep, identity: { dataset, config } } = value as Manifest;
  const stray = checkpoints.findIndex(({ network }) => !Object.hasOwn(sweep.layers, network));
  if (stray >= 0) return `checkpoints[${stray}].network`;
  const layers = checkpoints.reduce((sum, { network }) => sum + sweep.layers[network].length, 0);
  return layers * chunksOf(dataset.images, config).length > MOST_UNITS ? "sweep.layers" : null;
}
