/** Rows of one layer from the scores of all its units. */
import { FILTERS, type Row } from "./row.js";
import { attackOf } from "./attack.js";
import type { SweepConfig } from "./config.js";
import type { UnitScores } from "./units.js";

/** Whose rows they are. */
export type RowSource = Pick<Row, "checkpoint" | "network" | "dataset" | "init" | "epoch">;

/**
 * @param images over all units
 * @param scores in any order; chunks are added up in image order
 * @returns rows sorted by filter, threshold, epsilon
 */
export function assembleRows(source: RowSource, config: SweepConfig, images: number, scores: UnitScores[]): Row[] {
  const ordered = scores.toSorted((a, b) => a.firstImage - b.firstImage);
  const [{ layer, layerIndex, variants }] = ordered;
  const total = (part: (scores: UnitScores) => number): number => ordered.reduce((sum, unit) => sum + part(unit), 0);
  const rows: Row[] = [];
  variants.forEach((variant, v) => {
    const correctClean = total((unit) => unit.correctClean[v]);
    const lossClean = total((unit) => unit.lossClean[v]) / images;
    config.epsilons.forEach((epsilon, e) => {
      const correctAdv = total((unit) => unit.correctAdv[e][v]);
      rows.push({
        network: source.network, dataset: source.dataset, checkpoint: source.checkpoint, init: source.init, epoch: source.epoch,
        scope: config.scope, layer, layer_index: layerIndex,
        filter: variant.filter, threshold_index: variant.thresholdIndex, alpha: variant.alpha, delta: variant.delta,
        weights: variant.weights, removed: variant.removed, zeros: variant.zeros, density: 1 - variant.removed / variant.weights,
        epsilon, images,
        correct_clean: correctClean, correct_adv: correctAdv,
        accuracy_clean: correctClean / images, accuracy_adv: correctAdv / images,
        loss_clean: lossClean, loss_adv: total((unit) => unit.lossAdv[e][v]) / images,
        attack: attackOf(config),
      });
    });
  });
  return rows.sort((a, b) => FILTERS.indexOf(a.filter) - FILTERS.indexOf(b.filter) || a.threshold_index - b.threshold_index || a.epsilon - b.epsilon);
}
