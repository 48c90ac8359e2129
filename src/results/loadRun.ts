/** A run as its readers take it: by its folder or by its results.arrow, finished or not. */
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { FileSystemError, InputError } from "../errors.js";
import { PARTIAL, readResults, RESULTS } from "./arrow.js";
import { readManifest, type Manifest } from "./manifest.js";
import type { Row } from "./row.js";

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
  const file = stats.isDirectory() ? [RESULTS, PARTIAL].map((name) => join(given, name)).find((path) => existsSync(path)) : given;
  if (!file) throw new InputError(given, `holds no ${RESULTS}; give the folder of a run`);
  const { rows, metadata } = await readResults(file);
  return { given, folder, file, rows, metadata, manifest: await readManifest(folder), complete: !file.endsWith(PARTIAL) };
}
