/** Scores on a terminal: a line per layer, a table per checkpoint and epsilon; means where there are several checkpoints. */
import type { Class } from "../../analysis/classes.js";
import { groupBy } from "../../analysis/curves.js";
import type { Mean } from "../../analysis/means.js";
import type { Score } from "../../analysis/scores.js";
import { columns, percent, TABLES } from "../table.js";
import { bold, grouped, printable } from "../terminal.js";

const NOTHING = "-";
const shownLayer = (layer: string): string => (layer === "*" ? "all layers" : layer);

/** -0.131f */
const scoreCell = (score: number | null, name: Class | null): string => (score === null ? NOTHING : `${score.toFixed(3)}${name![0]}`);
const shareCell = (shares: (number | null)[]): string => (shares.includes(null) ? NOTHING : shares.map((share) => percent(share!)).join(" / "));

function render(head: string[], body: string[][], stream: NodeJS.WriteStream): string {
  const [first, ...rest] = columns([head, ...body]);
  return [bold(first, stream), ...rest].join("\n");
}

function scoresOfLayers(scores: Score[], stream: NodeJS.WriteStream): string {
  const filters = [...new Set(scores.map(({ filter }) => filter))];
  const body = [...groupBy(scores, ({ layer }) => layer)].map(([layer, group]) => [
    shownLayer(layer),
    ...filters.flatMap((filter) => {
      const score = group.find((entry) => entry.filter === filter);
      return score ? [scoreCell(score.s_clean, score.class_clean), scoreCell(score.s_adv, score.class_adv), scoreCell(score.s_diff, score.class_diff)] : ["", "", ""];
    }),
  ]);
  return render(["layer", ...filters.flatMap((filter) => [`${filter} clean`, "adv", "diff"])], body, stream);
}

function sharesOfLayers(scores: Score[], stream: NodeJS.WriteStream): string | null {
  const pulses = scores.filter(({ share_source }) => share_source !== null);
  if (pulses.length === 0) return null;
  const body = pulses.map((s) => [
    shownLayer(s.layer),
    grouped(s.weights),
    shareCell([s.share_fragile_clean, s.share_robust_clean, s.share_antifragile_clean]),
    shareCell([s.share_fragile_adv, s.share_robust_adv, s.share_antifragile_adv]),
    shareCell([s.share_targeted]),
    shareCell([s.share_uncovered]),
  ]);
  return render(["weights, in percent", "number", "clean f / r / a", "adv f / r / a", "targeted", "uncovered"], body, stream);
}

function checkpointTables(scores: Score[], stream: NodeJS.WriteStream): string {
  const [{ run, checkpoint, images, epsilon, epsilon_space, attack }] = scores;
  const title = `${printable(`${run}, ${checkpoint}`)}: ${grouped(images)} images, epsilon ${epsilon} (${epsilon_space} space${attack === "fgsm" ? "" : `, ${attack}`})`;
  const shares = sharesOfLayers(scores, stream);
  return [`${title}\n${scoresOfLayers(scores, stream)}`, ...(shares === null ? [] : [shares])].join("\n\n");
}

const meanCell = (mean: Mean | undefined): string => (mean ? `${mean.mean.toFixed(2)}${mean.std === null ? "" : ` ± ${mean.std.toFixed(2)}`}` : NOTHING);

function meansTable(means: Mean[], stream: NodeJS.WriteStream): string {
  const [{ network, dataset, over, init, epoch, images, epsilon, epsilon_space, attack }] = means;
  const same = [...(init === null ? [] : [`init ${init}`]), ...(epoch === null ? [] : [`epoch ${epoch}`])].map((text) => `, ${text}`).join("");
  const title = `${network}, ${dataset}${same}: mean ± standard deviation over ${over === "init" ? "initialisations" : "epochs"}, ${grouped(images)} images, epsilon ${epsilon} (${epsilon_space} space${attack === "fgsm" ? "" : `, ${attack}`})`;
  const body = [...groupBy(means, ({ layer, filter }) => JSON.stringify([layer, filter])).values()].map((group) => {
    const of = (measure: string): Mean | undefined => group.find((mean) => mean.measure === measure);
    return [shownLayer(group[0].layer), group[0].filter, `${Math.max(...group.map(({ count }) => count))}`, ...["s_clean", "s_adv", "s_diff"].map((measure) => meanCell(of(measure)))];
  });
  return `${title}\n${render(["layer", "filter", "n", "clean", "adv", "diff"], body, stream)}`;
}

/** Tables of more checkpoints (or means) than are good to read are cut. */
function some<T>(groups: T[][], what: string, table: (group: T[]) => string): string[] {
  const shown = groups.slice(0, TABLES).map(table);
  return groups.length > TABLES ? [...shown, `(${groups.length - TABLES} more ${what} in the files)`] : shown;
}

/** Everything with its legend. */
export function renderScores(scores: Score[], means: Mean[], band: number, stream: NodeJS.WriteStream): string {
  const checkpoints = [...groupBy(scores, (s) => JSON.stringify([s.run, s.network, s.dataset, s.checkpoint, s.epsilon, s.attack])).values()];
  const groups = [...groupBy(means, (m) => JSON.stringify([m.network, m.dataset, m.over, m.init, m.epoch, m.scope, m.epsilon, m.epsilon_space, m.attack, m.batch_norm, m.images, m.thresholds])).values()];
  const legend =
    `clean, adv, diff: the scores; f fragile (below -${band}), r robust, a antifragile (above ${band}). weights: how many of the layer's are in\n` +
    "each class, by what happens when h_c removes their window; targeted: hurt more under attack than without; uncovered: in no window.";
  const reasons = [...new Set(scores.flatMap(({ reason }) => reason ?? []))].map((reason) => `${NOTHING}: no score, ${reason}.`);
  return [
    ...some(checkpoints, "tables of checkpoints", (group) => checkpointTables(group, stream)),
    ...some(groups, "tables of means", (group) => meansTable(group, stream)),
    [legend, ...reasons].join("\n"),
  ].join("\n\n");
}
