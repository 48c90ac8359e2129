/** Variants of a retraining side by side: means over seeds, and differences between variants of the same seed. */
import type { RetrainingRow } from "../results/retraining/rows.js";
import type { Column, ColumnType } from "../tables/table.js";
import { bootstrapInterval, type BootstrapOptions } from "./bootstrap.js";
import { groupBy } from "./curves.js";
import { momentsOf } from "./means.js";

/** The networks as they were, which all variants of a seed begin with. */
export const BEFORE = "before";

/** One variant under one attack of one strength, over all seeds: a row of comparison.arrow. */
export interface Compared {
  network: string;
  dataset: string;
  attack: string;
  epsilon: number;
  variant: string;
  /** Epochs of retraining; 0 for `before`. */
  epoch: number;
  /** Networks that were retrained: initialisations and orders of images. */
  seeds: number;
  /** Mean over seeds of the share of weights that is updated. */
  updated: number;
  accuracy_clean: number;
  /** Standard deviation of the sample; null for one seed. */
  accuracy_clean_std: number | null;
  accuracy_adv: number;
  accuracy_adv_std: number | null;
  loss_clean: number;
  loss_adv: number;
  /** What it is compared with. */
  baseline: string;
  /** Seeds that both have. */
  pairs: number;
  /** Mean difference of pairs, and its bootstrap interval; null where there are no pairs, or too few for an interval. */
  difference_clean: number | null;
  difference_clean_low: number | null;
  difference_clean_high: number | null;
  difference_adv: number | null;
  difference_adv_low: number | null;
  difference_adv_high: number | null;
}

const columns = (...list: [keyof Compared, ColumnType, ("null")?][]): readonly Column<keyof Compared>[] => Object.freeze(list.map(([name, type, nullable]) => Object.freeze({ name, type, nullable: nullable !== undefined })));

export const COMPARED_COLUMNS = columns(
  ["network", "utf8"], ["dataset", "utf8"], ["attack", "utf8"], ["epsilon", "float64"], ["variant", "utf8"], ["epoch", "int32"], ["seeds", "int32"], ["updated", "float64"],
  ["accuracy_clean", "float64"], ["accuracy_clean_std", "float64", "null"], ["accuracy_adv", "float64"], ["accuracy_adv_std", "float64", "null"], ["loss_clean", "float64"], ["loss_adv", "float64"],
  ["baseline", "utf8"], ["pairs", "int32"],
  ["difference_clean", "float64", "null"], ["difference_clean_low", "float64", "null"], ["difference_clean_high", "float64", "null"],
  ["difference_adv", "float64", "null"], ["difference_adv_low", "float64", "null"], ["difference_adv_high", "float64", "null"],
);

export interface CompareOptions extends BootstrapOptions {
  /** Epochs of retraining; null: as many as every retraining has. */
  epoch?: number | null;
  /** Variant that the others are compared with; null: `all`, or where nobody updated all, `before`. */
  baseline?: string | null;
}

/** A retraining's name among the variants: what was updated, and by which response where that differs. */
function variantNames(rows: readonly RetrainingRow[]): (row: RetrainingRow) => string {
  const responses = groupBy(rows, ({ variant }) => variant);
  return ({ variant, by }) => (by !== null && new Set(responses.get(variant)!.map((row) => row.by)).size > 1 ? `${variant} by ${by}` : variant);
}

const pairOf = ({ init, checkpoint, seed }: RetrainingRow): string => JSON.stringify([init ?? checkpoint, seed]);
const placeOf = ({ network, dataset, attack, epsilon }: RetrainingRow): string => JSON.stringify([network, dataset, attack, epsilon]);

/** What went wrong in putting retrainings together; whoever asked for it says it in a message. */
export type ComparisonProblem = { twice: RetrainingRow } | { begun: RetrainingRow; other: RetrainingRow } | { epoch: number; of: RetrainingRow } | { baseline: string; known: string[] };

/** The epochs of retraining that all have: the last one, or the one asked for. */
function commonEpoch(rows: readonly RetrainingRow[], nameOf: (row: RetrainingRow) => string, asked: number | null): number | ComparisonProblem {
  const each = [...groupBy(rows, (row) => JSON.stringify([row.network, row.dataset, pairOf(row), nameOf(row)])).values()];
  const least = Math.min(...each.map((group) => Math.max(...group.map(({ epoch }) => epoch))));
  if (asked === null) return least;
  const lacking = each.find((group) => !group.some(({ epoch }) => epoch === asked));
  return lacking ? { epoch: asked, of: lacking[0] } : asked;
}

/**
 * @param rows of any number of retrainings
 * @returns one row for each variant, attack and strength: `before` first, then variants in order of the rows
 */
export function compareRetrainings(rows: readonly RetrainingRow[], options: CompareOptions = {}): Compared[] | ComparisonProblem {
  const nameOf = variantNames(rows);
  const epoch = commonEpoch(rows, nameOf, options.epoch ?? null);
  if (typeof epoch !== "number") return epoch;
  const names = [BEFORE, ...new Set(rows.map(nameOf))];
  const baseline = options.baseline ?? (names.includes("all") ? "all" : BEFORE);
  if (!names.includes(baseline)) return { baseline, known: names };
  const compared: Compared[] = [];
  for (const group of groupBy(rows, placeOf).values()) {
    const variants = new Map<string, Map<string, RetrainingRow>>();
    for (const row of group) {
      if (row.epoch !== 0 && row.epoch !== epoch) continue;
      const name = row.epoch === 0 ? BEFORE : nameOf(row);
      const seeds = variants.get(name) ?? new Map<string, RetrainingRow>();
      // All variants of a seed begin with the same network.
      const there = seeds.get(pairOf(row));
      if (there && name !== BEFORE) return { twice: row };
      if (there && (there.correct_clean !== row.correct_clean || there.correct_adv !== row.correct_adv || there.images !== row.images)) return { begun: row, other: there };
      variants.set(name, seeds.set(pairOf(row), there ?? row));
    }
    for (const name of names) {
      const seeds = variants.get(name);
      if (seeds) compared.push(comparedOf(name, name === BEFORE ? 0 : epoch, seeds, baseline, variants.get(baseline) ?? new Map(), options));
    }
  }
  return compared;
}

function comparedOf(variant: string, epoch: number, seeds: Map<string, RetrainingRow>, baseline: string, others: Map<string, RetrainingRow>, options: BootstrapOptions): Compared {
  const own = [...seeds.values()];
  const [{ network, dataset, attack, epsilon }] = own;
  const moments = (value: (row: RetrainingRow) => number) => momentsOf(own.map(value))!;
  const [clean, adv] = [moments((row) => row.accuracy_clean), moments((row) => row.accuracy_adv)];
  const pairs = variant === baseline ? [] : [...seeds].flatMap(([seed, row]): [RetrainingRow, RetrainingRow][] => (others.has(seed) ? [[row, others.get(seed)!]] : []));
  const difference = (value: (row: RetrainingRow) => number) => {
    const differences = pairs.map(([row, other]) => value(row) - value(other));
    return { mean: momentsOf(differences)?.mean ?? null, interval: bootstrapInterval(differences, options) };
  };
  const [ofClean, ofAdv] = [difference((row) => row.accuracy_clean), difference((row) => row.accuracy_adv)];
  return {
    network, dataset, attack, epsilon, variant, epoch, seeds: own.length,
    updated: variant === BEFORE ? 0 : moments((row) => (row.weights === 0 ? 0 : row.updated / row.weights)).mean,
    accuracy_clean: clean.mean, accuracy_clean_std: clean.std, accuracy_adv: adv.mean, accuracy_adv_std: adv.std,
    loss_clean: moments((row) => row.loss_clean).mean, loss_adv: moments((row) => row.loss_adv).mean,
    baseline, pairs: pairs.length,
    difference_clean: ofClean.mean, difference_clean_low: ofClean.interval?.low ?? null, difference_clean_high: ofClean.interval?.high ?? null,
    difference_adv: ofAdv.mean, difference_adv_low: ofAdv.interval?.low ?? null, difference_adv_high: ofAdv.interval?.high ?? null,
  };
}
