/** Runs made of rows, for tests of figures: small, and with everything that a sweep can give. */
import { join } from "node:path";
import { PARTIAL, ResultWriter } from "../../src/results/arrow/arrow.js";
import { loadRun, type LoadedRun } from "../../src/results/loadRun.js";
import type { Filter, Row } from "../../src/sweep/row.js";
import { temporaryFolder } from "./cliFiles.js";
import { row } from "./cliRows.js";

const IMAGES = 200;
const WEIGHTS = 1000;

export interface CurveSpec extends Partial<Row> {
  /** Correct images by threshold; as many thresholds as there are. */
  clean: number[];
  adv: number[];
}

/** Rows of one curve; thresholds from -0.2 on in steps of 0.1 (h_b: from 0.2 down), a tenth of the weights removed at each. */
export function curveRows({ clean, adv, ...changes }: CurveSpec): Row[] {
  const sign = changes.filter === "h_b" ? -1 : 1;
  return clean.map((correct, i) => row({
    images: IMAGES, weights: WEIGHTS, threshold_index: i, alpha: Math.fround(sign * (-0.2 + i / 10)), removed: 100 * i, density: 1 - i / 10, delta: changes.filter === "h_c" ? Math.fround(0.05) : null,
    correct_clean: correct, accuracy_clean: correct / IMAGES, correct_adv: adv[i], accuracy_adv: adv[i] / IMAGES, ...changes,
  }));
}

/** A run's folder with these groups of rows; cut: as a run leaves it that isn't finished. */
export async function writeRun(groups: Row[][], options: { cut?: boolean; epsilonSpace?: "input" | "pixel"; folder?: string } = {}): Promise<string> {
  const folder = options.folder ?? temporaryFolder();
  const writer = await ResultWriter.open(folder, { packageVersion: "0.1.0", adapter: "none", batchNorm: "running", epsilonSpace: options.epsilonSpace ?? "input", normalisation: null, datasetSha256: "ab", checkpointSha256: {} });
  for (const [i, rows] of groups.entries()) await writer.write(i, rows);
  await (options.cut ? writer.close() : writer.finish());
  return folder;
}

export const loadCut = (folder: string): Promise<LoadedRun> => loadRun(join(folder, PARTIAL));

const FILTERS: Filter[] = ["h_a", "h_b", "h_c"];
const LAYERS = ["conv1", "layer1.0.conv1", "fc"];

/** Three layers and three filters at two epsilons, each curve different, of several checkpoints. */
export function sweepRows(checkpoints: { path: string; init: number | null; epoch: number | null }[]): Row[][] {
  return checkpoints.map(({ path, init, epoch }, c) =>
    LAYERS.flatMap((layer, l) =>
      FILTERS.flatMap((filter, f) => {
        const clean = [196, 190 - 10 * l, 150 - 20 * f - c * c, 100 + 5 * l, 60 - 2 * c * c];
        return [0.1, 0.3].flatMap((epsilon, e) => curveRows({ checkpoint: path, init, epoch, layer, layer_index: l, filter, epsilon, clean, adv: clean.map((value, i) => Math.max(0, value - 40 * (e + 1) - 5 * i - c)) }));
      }),
    ),
  );
}
