/** A run as its readers take it: by its folder or by its results.arrow, finished or not. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { FileSystemError, InputError } from "../errors.js";
import { PARTIAL, readResults, RESULTS } from "./arrow/arrow.js";
import { readManifest, type Manifest } from "./manifest.js";
import { shardFolders } from "./folder/parts.js";
import type { Row } from "../sweep/row.js";

export interface LoadedRun {
  /** As the user gave it. */
  given: string;
  folder: string;
  /** The file the rows came from. */
  file: string;
  rows: Row[];
  /** Of the Arrow schema: adapter, batch norm, hashes. */
  metadata: Map<string, string>;
  /** Null where results.arrow lies alone. */
  manifest: Manifest | null;
  /** False while layers are missing: the rows are those of results.partial.arrows. */
  complete: boolean;
}

/**
 * @param given a run's folder, or an Arrow file of results
 * @throws FileSystemError where there is nothing, InputError for a folder without results or a file that is not ours
 */
export async function loadRun(given: string): Promise<LoadedRun> {
  const stats = statSync(given, { throwIfNoEntry: false });
  if (!stats) throw new FileSystemError(given, "does not exist; give the folder of a run, or its results.arrow");
  const folder = stats.isDirectory() ? given : dirname(given);
  const manifest = await readManifest(folder);
  // A run that is being given more checkpoints has both: the result of the fewer, and all that is finished by now.
  const names = manifest && manifest.status !== "done" ? [PARTIAL, RESULTS] : [RESULTS, PARTIAL];
  const file = stats.isDirectory() ? names.map((name) => join(given, name)).find((path) => existsSync(path)) : given;
  if (!file) {
    const sharded = manifest?.identity.shard || shardFolders(folder).length > 0;
    throw new InputError(given, sharded ? "holds shards of a run, not its results; put them together by wgpu-inferlink merge" : `holds no ${RESULTS}; give the folder of a run`);
  }
  const { rows, metadata } = await readResults(file);
  return { given, folder, file, rows, metadata, manifest, complete: !file.endsWith(PARTIAL) };
}
