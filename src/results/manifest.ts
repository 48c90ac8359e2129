/** manifest.json: what was computed, from what, with what and when. Written first, and again at the end. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { replaceFile } from "./folder/durable.js";
import type { Normalisation } from "../io/types.js";
import type { CheckpointRecord } from "./folder/checkpoints.js";
import type { Shard } from "../sweep/shards.js";
import type { RunIdentity } from "./identity.js";
import { readJson } from "./folder/jsonFile.js";
import { manifestProblem } from "./manifestCheck.js";
import type { ResultMetadata } from "./arrow/schema.js";

export const MANIFEST = "manifest.json";
/** Thirty thousand checkpoints. */
const MAX_FILE = 2 ** 23;

export interface Manifest {
  manifest_version: 1;
  status: "running" | "interrupted" | "done";
  identity: RunIdentity;
  checkpoints: CheckpointRecord[];
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
  tiles: Record<string, { channels: number; rows: number; blocks: number; banded?: boolean }>;
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

/** What the results' schema says of the run. */
export function resultMetadata(identity: RunIdentity, checkpoints: CheckpointRecord[]): ResultMetadata {
  return {
    packageVersion: identity.packageVersion,
    adapter: identity.adapter,
    batchNorm: identity.config.batchNorm,
    epsilonSpace: identity.config.epsilonSpace,
    normalisation: identity.dataset.normalisation ?? null,
    datasetSha256: identity.dataset.sha256,
    checkpointSha256: Object.fromEntries(checkpoints.flatMap(({ path, sha256 }) => (sha256 === null ? [] : [[path, sha256]]))),
  };
}

export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  await replaceFile(join(folder, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * The folder's manifest, or null where there is none.
 * @throws InputError naming the first field that is not what this program writes
 */
export async function readManifest(folder: string): Promise<Manifest | null> {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) return null;
  const manifest = readJson(path, MAX_FILE);
  const problem = manifestProblem(manifest);
  if (problem !== null) throw new InputError(path, `is no manifest of this program (${problem.slice(0, 80)}); choose another folder, or start it anew with --overwrite`);
  return manifest as Manifest;
}
