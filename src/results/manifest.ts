/** manifest.json: what was computed, from what, with what and when. Written first, and again at the end. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../errors.js";
import { replaceFile } from "./folder/durable.js";
import type { CheckpointRecord } from "./folder/checkpoints.js";
import type { RunIdentity } from "./identity.js";
import { readJson } from "./folder/jsonFile.js";
import { manifestProblem, type Manifest } from "./manifestCheck.js";
import type { ResultMetadata } from "./arrow/schema.js";

export type { Manifest } from "./manifestCheck.js";

export const MANIFEST = "manifest.json";
/** Thirty thousand checkpoints. */
const MAX_FILE = 2 ** 23;

/** What the results' schema says of the run. */
export function resultMetadata(identity: RunIdentity, checkpoints: CheckpointRecord[]): ResultMetadata {
  return {
    packageVersion: identity.packageVersion,
    adapter: identity.adapter,
    kernels: identity.kernels,
    checkpointKey: identity.key ?? null,
    graphSha256: identity.graph ?? null,
    batchNorm: identity.config.batchNorm,
    epsilonSpace: identity.config.epsilonSpace,
    attack: identity.config,
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
