/** Results read back. */
import { loadRun } from "../results/loadRun.js";
import type { Row } from "../sweep/row.js";

/**
 * Rows of a run, sorted by checkpoint and layer, then filter, threshold, epsilon.
 * @param path a run's folder (unfinished ones give the layers that are finished), or its results.arrow
 * @throws InputError for a file that holds no results, FileSystemError for one that is missing or may not be read
 */
export async function readRows(path: string): Promise<Row[]> {
  return (await loadRun(path)).rows;
}
