/** The one Arrow schema of results: columns, types, nullability and order never differ between writers. */
import { Schema, type Field } from "apache-arrow";
import { fieldsOf } from "../../tables/arrow.js";
import type { Normalisation } from "../../io/types.js";
import type { Column, ColumnType } from "../../tables/table.js";
import type { FoundSchema } from "./arrowReader.js";
import { type AttackConfig, attackOf } from "../../sweep/attack.js";
import type { Row } from "../../sweep/row.js";

/** Raised whenever a column is added, dropped or changes its meaning. */
export const SCHEMA_VERSION = "2";

const column = (name: keyof Row, type: ColumnType, nullable = false): Column<keyof Row> => Object.freeze({ name, type, nullable });

export const COLUMNS: readonly Column<keyof Row>[] = Object.freeze([
  column("network", "utf8"),
  column("dataset", "utf8"),
  column("checkpoint", "utf8"),
  column("init", "int32", true),
  column("epoch", "int32", true),
  column("scope", "utf8"),
  column("layer", "utf8"),
  column("layer_index", "int32"),
  column("filter", "utf8"),
  column("threshold_index", "int32"),
  column("alpha", "float32"),
  column("delta", "float32", true),
  column("weights", "int32"),
  column("removed", "int32"),
  column("zeros", "int32"),
  column("density", "float64"),
  column("epsilon", "float64"),
  column("images", "int32"),
  column("correct_clean", "int32"),
  column("correct_adv", "int32"),
  column("accuracy_clean", "float64"),
  column("accuracy_adv", "float64"),
  column("loss_clean", "float64"),
  column("loss_adv", "float64"),
  // Since version 2; before there was FGSM alone.
  column("attack", "utf8"),
]);

/** By schema version. */
const VERSIONS: ReadonlyMap<string | undefined, readonly Column<keyof Row>[]> = new Map([["1", COLUMNS.slice(0, -1)], [SCHEMA_VERSION, COLUMNS]]);

const FIELDS: readonly Field[] = Object.freeze(fieldsOf(COLUMNS));

/** What the schema's metadata says of a run, beyond its columns. */
export interface ResultMetadata {
  packageVersion: string;
  adapter: string;
  /** Which of the two sets of kernels; software where it is left out. */
  kernels?: string;
  batchNorm: string;
  epsilonSpace: string;
  /** Absent for FGSM. */
  attack?: AttackConfig;
  /** Null where it is unknown: the images came normalised. */
  normalisation: Normalisation | null;
  datasetSha256: string;
  /** Which weights of each file, where not the plain ones; null for those. */
  checkpointKey?: string | null;
  /** Of the exported program whose graph was named; null where none was. */
  graphSha256?: string | null;
  /** By the path in the `checkpoint` column. */
  checkpointSha256: Record<string, string>;
}

/** Which attack, and what it takes to make it again. */
function attackEntries(config: AttackConfig = {}): [string, string][] {
  if (attackOf(config) === "fgsm") return [["attack", "fgsm"]];
  const { steps, stepSize, randomStart } = config;
  return [["attack", "pgd"], ["attack_steps", String(steps)], ["attack_step_size", stepSize == null ? "2.5 epsilon / steps" : String(stepSize)], ["attack_random_start", String(randomStart ?? "none")]];
}

/** The frozen fields with a run's metadata. */
export function resultSchema(metadata: ResultMetadata): Schema {
  return new Schema(
    [...FIELDS],
    new Map([
      ["schema_version", SCHEMA_VERSION],
      ["package_version", metadata.packageVersion],
      ["adapter", metadata.adapter],
      ["kernels", metadata.kernels ?? "software"],
      ["batch_norm", metadata.batchNorm],
      ["epsilon_space", metadata.epsilonSpace],
      ...attackEntries(metadata.attack),
      ["normalisation", JSON.stringify(metadata.normalisation)],
      ["dataset_sha256", metadata.datasetSha256],
      ["checkpoint_sha256", JSON.stringify(metadata.checkpointSha256)],
      ...(metadata.checkpointKey == null ? [] : [["checkpoint_key", metadata.checkpointKey] as const]),
      ...(metadata.graphSha256 == null ? [] : [["graph_sha256", metadata.graphSha256] as const]),
    ]),
  );
}

/** @returns the columns of a file's rows, or why its schema isn't ours */
export function columnsOf({ columns, metadata }: FoundSchema): readonly Column<keyof Row>[] | string {
  const version = metadata.get("schema_version");
  const known = VERSIONS.get(version);
  if (!known) return `has schema version ${version?.slice(0, 20) ?? "(none)"}, this program reads versions ${[...VERSIONS.keys()].join(" and ")}`;
  const same = columns.length === known.length && known.every(({ name, type, nullable }, i) => columns[i].name === name && columns[i].type === type && columns[i].nullable === nullable);
  return same ? known : "has other columns than results have";
}
