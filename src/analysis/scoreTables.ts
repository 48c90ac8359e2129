/** The two tables of scores as every format writes them: one row a curve, and means over initialisations and epochs. */
import type { Column, ColumnType, Table } from "../tables/table.js";
import type { Mean } from "./means.js";
import type { Score } from "./scores.js";

/** Raised whenever a column of one of the tables is added, dropped or changes its meaning. */
export const SCORES_VERSION = "2";

const list = <R extends object>(...columns: [keyof R & string, ColumnType, ("null")?][]): readonly Column<keyof R & string>[] =>
  Object.freeze(columns.map(([name, type, nullable]) => Object.freeze({ name, type, nullable: nullable !== undefined })));

export const SCORE_COLUMNS = list<Score>(
  ["run", "utf8"],
  ["network", "utf8"],
  ["dataset", "utf8"],
  ["checkpoint", "utf8"],
  ["init", "int32", "null"],
  ["epoch", "int32", "null"],
  ["scope", "utf8"],
  ["layer", "utf8"],
  ["layer_index", "int32"],
  ["filter", "utf8"],
  ["epsilon", "float64"],
  ["epsilon_space", "utf8"],
  ["batch_norm", "utf8"],
  ["images", "int32"],
  ["thresholds", "int32"],
  ["weights", "int32"],
  ["accuracy_clean", "float64"],
  ["accuracy_adv", "float64"],
  ["s_clean", "float64", "null"],
  ["s_adv", "float64", "null"],
  ["s_diff", "float64", "null"],
  ["class_clean", "utf8", "null"],
  ["class_adv", "utf8", "null"],
  ["class_diff", "utf8", "null"],
  ["reason", "utf8", "null"],
  ["auc_clean", "float64", "null"],
  ["auc_adv", "float64", "null"],
  ["halved_alpha_clean", "float32", "null"],
  ["halved_density_clean", "float64", "null"],
  ["halved_alpha_adv", "float32", "null"],
  ["halved_density_adv", "float64", "null"],
  ["share_fragile_clean", "float64", "null"],
  ["share_robust_clean", "float64", "null"],
  ["share_antifragile_clean", "float64", "null"],
  ["share_fragile_adv", "float64", "null"],
  ["share_robust_adv", "float64", "null"],
  ["share_antifragile_adv", "float64", "null"],
  ["share_targeted", "float64", "null"],
  ["share_uncovered", "float64", "null"],
  ["share_source", "utf8", "null"],
  ["attack", "utf8"],
);

export const MEAN_COLUMNS = list<Mean>(
  ["network", "utf8"],
  ["dataset", "utf8"],
  ["over", "utf8"],
  ["init", "int32", "null"],
  ["epoch", "int32", "null"],
  ["scope", "utf8"],
  ["layer", "utf8"],
  ["layer_index", "int32"],
  ["filter", "utf8"],
  ["epsilon", "float64"],
  ["epsilon_space", "utf8"],
  ["batch_norm", "utf8"],
  ["images", "int32"],
  ["thresholds", "int32"],
  ["measure", "utf8"],
  ["count", "int32"],
  ["mean", "float64"],
  ["std", "float64", "null"],
  ["attack", "utf8"],
);

/** What the metadata say of the scores. */
export interface ScoreSettings {
  band: number;
  packageVersion: string;
  /** What results.arrow has of each run's normalisation, by the run's name. */
  normalisations: Record<string, string>;
}

function metadata(table: string, { band, packageVersion, normalisations }: ScoreSettings): Map<string, string> {
  return new Map([["table", table], ["schema_version", SCORES_VERSION], ["package_version", packageVersion], ["robust_band", String(band)], ["normalisation", JSON.stringify(normalisations)]]);
}

export function scoreTable(scores: Score[], settings: ScoreSettings): Table<Score> {
  return { columns: SCORE_COLUMNS, rows: scores, metadata: metadata("scores", settings) };
}

export function meanTable(means: Mean[], settings: ScoreSettings): Table<Mean> {
  return { columns: MEAN_COLUMNS, rows: means, metadata: metadata("score_means", settings) };
}
