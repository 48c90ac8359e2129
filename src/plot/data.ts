/** What figures and the report are drawn from: runs' rows as curves of counts, small enough to be embedded in a page. */
import { basename } from "node:path";
import { curvesOf, groupBy, type Curve } from "../analysis/curves.js";
import type { LoadedRun } from "../results/loadRun.js";
import type { Filter, Row } from "../results/row.js";
import { settingsOf, type Setting } from "./settings.js";

/** One filter on one layer of one checkpoint, at every epsilon. Lists run over the thresholds, in sweep order. */
export interface PlotCurve {
  /** `*`: all layers at once. */
  layer: string;
  filter: Filter;
  weights: number;
  images: number;
  alphas: number[];
  /** Weights removed; images that are still told right, clean and (by epsilon, then threshold) attacked. */
  removed: number[];
  clean: number[];
  attacked: (number | null)[][];
}

export interface PlotCheckpoint {
  /** Tells it from the others of the page: "init 1, epoch 2", or the file's name. */
  label: string;
  /** As the user gave it. */
  path: string;
  network: string;
  dataset: string;
  init: number | null;
  epoch: number | null;
  images: number;
  /** "normalised input" or "pixels 0 to 1": what an epsilon of this checkpoint's run is a length in. */
  epsilonUnit: string;
  epsilons: number[];
  curves: PlotCurve[];
}

export interface PlotRun {
  name: string;
  settings: Setting[];
  /** What is missing from it, null when it is whole. */
  notice: string | null;
}

export interface PlotData {
  runs: PlotRun[];
  checkpoints: PlotCheckpoint[];
}

/** The shortest decimal that is the same float32. */
function shortFloat32(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function curveOf(group: Curve[], epsilons: number[]): PlotCurve {
  const [{ layer, filter, rows }] = group;
  const at = epsilons.map((epsilon) => new Map(group.filter((curve) => curve.epsilon === epsilon).flatMap((curve) => curve.rows).map((row) => [row.threshold_index, row.correct_adv])));
  return {
    layer,
    filter,
    weights: rows[0].weights,
    images: rows[0].images,
    alphas: rows.map((row) => shortFloat32(row.alpha)),
    removed: rows.map((row) => row.removed),
    clean: rows.map((row) => row.correct_clean),
    attacked: at.map((attacked) => rows.map((row) => attacked.get(row.threshold_index) ?? null)),
  };
}

function checkpointsOf(run: LoadedRun): PlotCheckpoint[] {
  const epsilonUnit = run.metadata.get("epsilon_space") === "pixel" ? "pixels of 0 to 1" : "units of the normalised input";
  const byCheckpoint = groupBy(run.rows, ({ network, dataset, checkpoint, init, epoch }: Row) => JSON.stringify([network, dataset, checkpoint, init, epoch]));
  return [...byCheckpoint.values()].map((rows) => {
    const { network, dataset, checkpoint, init, epoch, images } = rows[0];
    const epsilons = [...new Set(rows.map((row) => row.epsilon))].sort((a, b) => a - b);
    const curves = groupBy(curvesOf(rows), (curve) => JSON.stringify([curve.scope, curve.layer, curve.filter]));
    return { label: "", path: checkpoint, network, dataset, init, epoch, images, epsilonUnit, epsilons, curves: [...curves.values()].map((group) => curveOf(group, epsilons)) };
  });
}

/** Gives every checkpoint the shortest label that no other has: init and epoch, the file's name, its path, its run and path. */
function nameCheckpoints(checkpoints: { run: string; checkpoint: PlotCheckpoint }[]): void {
  const ways: ((entry: { run: string; checkpoint: PlotCheckpoint }) => string | null)[] = [
    ({ checkpoint: { init, epoch } }) => [init === null ? "" : `init ${init}`, epoch === null ? "" : `epoch ${epoch}`].filter(Boolean).join(", ") || null,
    ({ checkpoint }) => basename(checkpoint.path),
    ({ checkpoint }) => checkpoint.path,
    ({ run, checkpoint }) => `${run}: ${checkpoint.path}`,
  ];
  for (const way of ways) {
    const labels = checkpoints.map(way);
    if (labels.includes(null) || (new Set(labels).size < labels.length && way !== ways.at(-1))) continue;
    labels.forEach((label, i) => (checkpoints[i].checkpoint.label = label!));
    return;
  }
}

function noticeOf(run: LoadedRun): string | null {
  if (run.complete) return null;
  const units = run.manifest?.units;
  return `Unfinished run: ${run.rows.length} rows are there so far${units ? ` (the whole sweep has ${units} units of work)` : ""}. The same command goes on with it; draw again afterwards.`;
}

/** Runs as one set of figures, in the order given. */
export function plotData(runs: LoadedRun[]): PlotData {
  const named = runs.map((run) => ({ name: basename(run.folder) || run.folder, run }));
  const checkpoints = named.flatMap(({ name, run }) => checkpointsOf(run).map((checkpoint) => ({ run: name, checkpoint })));
  nameCheckpoints(checkpoints);
  return {
    runs: named.map(({ name, run }) => ({ name, settings: settingsOf(run), notice: noticeOf(run) })),
    checkpoints: checkpoints.map(({ checkpoint }) => checkpoint),
  };
}
