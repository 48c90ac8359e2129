/** Mean and standard deviation of scores over several initialisations of a network, or over the epochs of one. */
import { type CurveOf, groupBy } from "./curves.js";
import type { Score } from "./scores.js";

/** What is averaged: the columns of scores that are numbers about a curve. */
export const MEASURES = [
  "s_clean", "s_adv", "s_diff", "auc_clean", "auc_adv", "share_fragile_clean", "share_robust_clean", "share_antifragile_clean",
  "share_fragile_adv", "share_robust_adv", "share_antifragile_adv", "share_targeted", "share_uncovered",
] as const satisfies (keyof Score)[];
export type Measure = (typeof MEASURES)[number];

/** One measure of one layer and filter over several checkpoints. */
export interface Mean extends Omit<CurveOf, "checkpoint"> {
  /** Of `init` and `epoch` this one is null, the other stays the same. */
  over: "init" | "epoch";
  epsilon_space: string;
  batch_norm: string;
  images: number;
  thresholds: number;
  measure: Measure;
  /** Checkpoints that have this measure. */
  count: number;
  mean: number;
  /** Of the sample (divided by count - 1); null for one checkpoint. */
  std: number | null;
}

export interface Moments {
  count: number;
  mean: number;
  std: number | null;
}

/** Mean and sample standard deviation; null without values. */
export function momentsOf(values: number[]): Moments | null {
  const count = values.length;
  if (count === 0) return null;
  const mean = values.reduce((a, b) => a + b, 0) / count;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { count, mean, std: count === 1 ? null : Math.sqrt(squares / (count - 1)) };
}

/** Scores that differ in nothing but what they are averaged over. */
function comparable(scores: Score[], over: "init" | "epoch"): Score[][] {
  const known = scores.filter((score) => score[over] !== null);
  const groups = groupBy(known, (s) =>
    JSON.stringify([s.network, s.dataset, s.scope, s.layer, s.filter, s.epsilon, s.attack, s.epsilon_space, s.batch_norm, s.images, s.thresholds, over === "init" ? s.epoch : s.init]),
  );
  return [...groups.values()];
}

/** Whether one initialisation (or epoch) comes twice: which of the two to take nobody can say. */
const ambiguous = (group: Score[], over: "init" | "epoch"): boolean => new Set(group.map((score) => score[over])).size < group.length;

function meansOfGroup(group: Score[], over: "init" | "epoch"): Mean[] {
  const { network, dataset, init, epoch, scope, layer, layer_index, filter, epsilon, attack, epsilon_space, batch_norm, images, thresholds } = group[0];
  const of = { network, dataset, over, init: over === "init" ? null : init, epoch: over === "epoch" ? null : epoch, scope, layer, layer_index, filter, epsilon, attack, epsilon_space, batch_norm, images, thresholds };
  return MEASURES.flatMap((measure) => {
    const moments = momentsOf(group.flatMap((score) => score[measure] ?? []));
    return moments ? [{ ...of, measure, ...moments }] : [];
  });
}

export interface Means {
  means: Mean[];
  /** Groups left out because an initialisation or epoch came twice. */
  ambiguous: Score[][];
}

/** Means over initialisations at each epoch, then over epochs of each initialisation, wherever there are two or more. */
export function meansOf(scores: Score[]): Means {
  const found: Means = { means: [], ambiguous: [] };
  for (const over of ["init", "epoch"] as const) {
    for (const group of comparable(scores, over)) {
      if (ambiguous(group, over)) found.ambiguous.push(group);
      else if (group.length > 1) found.means.push(...meansOfGroup(group, over));
    }
  }
  return found;
}
