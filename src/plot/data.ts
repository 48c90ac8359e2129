/** What figures and the report are drawn from: runs' rows as curves of counts, small enough to be embedded in a page. */
import { basename, resolve } from "node:path";
import { curvesOf, groupBy, type Curve } from "../analysis/curves.js";
import type { LoadedRun } from "../results/loadRun.js";
import type { Filter, Row } from "../sweep/row.js";
import { ROBUST_BAND } from "../analysis/classes.js";
import { completeCurves } from "../analysis/completeness.js";
import { scoreOf } from "../analysis/scores.js";
import { settingsOf, type Setting } from "./settings.js";

/** S_clean, S_adv and S_adv - S_clean of one curve at one epsilon (src/analysis/scores.ts). */
export interface PlotScore {
  clean: number | null;
  adversarial: number | null;
  difference: number | null;
  /** Why one is null. */
  reason: string | null;
}

/** One filter on one layer of one checkpoint, at every epsilon. Lists run over the thresholds, in sweep order. */
export interface PlotCurve {
  /** `*`: all layers at once. */
  layer: string;
  filter: Filter;
  weights: number;
  images: number;
  alphas: number[];
  /** Weights removed; images still told right: clean, and adversarial ones by epsilon, then threshold. */
  removed: number[];
  clean: number[];
  adversarial: (number | null)[][];
  /** By epsilon; null where thresholds are missing. */
  scores: (PlotScore | null)[];
}

export interface PlotCheckpoint {
  /** Index of its run. */
  run: number;
  /** Tells it from the others of the page: "init 1, epoch 2", or the file's name. */
  label: string;
  /** As the user gave it. */
  path: string;
  network: string;
  dataset: string;
  init: number | null;
  epoch: number | null;
  images: number;
  /** Checkpoints of one family differ in init and epoch only: their scores may be drawn as one line. */
  family: string;
  /** "units of the normalised input" or "pixels of 0 to 1": what an epsilon of this checkpoint's run is a length in; behind it the attack, where it isn't FGSM. */
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
  /** Scores this near to 0 count as robust. */
  band: number;
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

const rounded = (value: number | null): number | null => value && Number(value.toFixed(9));

function plotScore(curve: Curve | undefined, complete: Set<Curve>): PlotScore | null {
  if (!curve || !complete.has(curve)) return null;
  const { s_clean, s_adv, s_diff, reason } = scoreOf(curve);
  return { clean: rounded(s_clean), adversarial: rounded(s_adv), difference: rounded(s_diff), reason };
}

function curveOf(group: Curve[], epsilons: number[], complete: Set<Curve>): PlotCurve {
  const [{ layer, filter, rows }] = group;
  const byEpsilon = epsilons.map((epsilon) => group.find((curve) => curve.epsilon === epsilon));
  const at = byEpsilon.map((curve) => new Map(curve?.rows.map((row) => [row.threshold_index, row.correct_adv])));
  return {
    layer,
    filter,
    weights: rows[0].weights,
    images: rows[0].images,
    alphas: rows.map((row) => shortFloat32(row.alpha)),
    removed: rows.map((row) => row.removed),
    clean: rows.map((row) => row.correct_clean),
    adversarial: at.map((correct) => rows.map((row) => correct.get(row.threshold_index) ?? null)),
    scores: byEpsilon.map((curve) => plotScore(curve, complete)),
  };
}

/** Metadata that make scores comparable. */
const FAMILY = ["attack", "attack_steps", "attack_step_size", "attack_random_start", "epsilon_space", "batch_norm", "normalisation", "dataset_sha256"];

function checkpointsOf(run: LoadedRun, index: number): PlotCheckpoint[] {
  const epsilonUnit = `${run.metadata.get("epsilon_space") === "pixel" ? "pixels of 0 to 1" : "units of the normalised input"}${run.metadata.get("attack") === "pgd" ? " (PGD)" : ""}`;
  const config = run.manifest?.identity.config;
  const byCheckpoint = groupBy(run.rows, ({ network, dataset, checkpoint, init, epoch }: Row) => JSON.stringify([network, dataset, checkpoint, init, epoch]));
  return [...byCheckpoint.values()].map((rows) => {
    const { network, dataset, checkpoint, init, epoch, images } = rows[0];
    const epsilons = [...new Set(rows.map((row) => row.epsilon))].sort((a, b) => a - b);
    const curves = curvesOf(rows);
    const complete = new Set(completeCurves(curves, config ? (config.alphas?.length ?? config.thresholds) : null).complete);
    const groups = groupBy(curves, (curve) => JSON.stringify([curve.scope, curve.layer, curve.filter]));
    const family = JSON.stringify([network, dataset, images, ...FAMILY.map((key) => run.metadata.get(key)), config?.clamp]);
    return { run: index, label: "", path: checkpoint, network, dataset, init, epoch, images, family, epsilonUnit, epsilons, curves: [...groups.values()].map((group) => curveOf(group, epsilons, complete)) };
  });
}

/** Gives every checkpoint the shortest label that no other has: init and epoch, the file's name, its path, its run and path. */
function nameCheckpoints(checkpoints: PlotCheckpoint[], runs: string[]): void {
  const ways: ((checkpoint: PlotCheckpoint) => string | null)[] = [
    ({ init, epoch }) => [init === null ? "" : `init ${init}`, epoch === null ? "" : `epoch ${epoch}`].filter(Boolean).join(", ") || null,
    ({ path }) => basename(path),
    ({ path }) => path,
    ({ run, path }) => `${runs[run]}: ${path}`,
  ];
  for (const way of ways) {
    const labels = checkpoints.map(way);
    if (labels.includes(null) || (new Set(labels).size < labels.length && way !== ways.at(-1))) continue;
    labels.forEach((label, i) => (checkpoints[i].label = label!));
    return;
  }
}

function noticeOf({ complete, manifest, rows }: LoadedRun): string | null {
  const shard = manifest?.identity.shard;
  if (complete) return shard ? `Shard ${shard.index} of ${shard.count}: a part of the sweep, the other shards have the rest.` : null;
  return `Unfinished run: ${rows.length.toLocaleString("en-US")} rows are there so far. The same command goes on with it; draw again afterwards.`;
}

/**
 * Runs as one set of figures, in the order given.
 * @param band scores this near to 0 count as robust
 */
export function plotData(runs: LoadedRun[], band = ROBUST_BAND): PlotData {
  const names = runs.map(({ folder }) => basename(resolve(folder)));
  const checkpoints = runs.flatMap(checkpointsOf);
  nameCheckpoints(checkpoints, names);
  return { band, runs: runs.map((run, i) => ({ name: names[i], settings: settingsOf(run), notice: noticeOf(run) })), checkpoints };
}
