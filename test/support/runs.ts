/** Folders of runs for tests that need no sweep. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ResultWriter } from "../../src/results/arrow/arrow.js";
import type { Row } from "../../src/sweep/row.js";
import type { ResultMetadata } from "../../src/results/arrow/schema.js";
import { temporaryFolder } from "./cliFiles.js";

/** A run's folder with these rows. @returns its path */
export async function writeRun(rows: Row[], options: { name?: string; metadata?: Partial<ResultMetadata> } = {}): Promise<string> {
  const { name = "run", metadata = {} } = options;
  const folder = join(temporaryFolder(), name);
  mkdirSync(folder);
  const writer = await ResultWriter.open(folder, { packageVersion: "0.1.0", adapter: "llvmpipe", batchNorm: "running", epsilonSpace: "input", normalisation: null, datasetSha256: "ab", checkpointSha256: {}, ...metadata });
  await writer.write(0, rows);
  await writer.finish();
  return folder;
}
