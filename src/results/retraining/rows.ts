/** retraining.arrow: how a network does under each attack, before a retraining and behind every epoch of it. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { FileSystemError, InputError } from "../../errors.js";
import { FileSource } from "../../io/source.js";
import { ATTACKS, type AttackName } from "../../sweep/row.js";
import { arrowBytes } from "../../tables/arrow.js";
import type { Column, ColumnType } from "../../tables/table.js";
import { readArrow } from "../arrow/arrowReader.js";
import { replaceFile } from "../folder/durable.js";

export const RETRAINING = "retraining.arrow";

/** One epoch of one retraining under one attack of one strength. */
export interface RetrainingRow {
  network: string;
  dataset: string;
  /** That it began with, as the user gave it. */
  checkpoint: string;
  init: number | null;
  /** Of the order of images, and of weights chosen by chance. */
  seed: number;
  /** What was updated: `all`, `robust,antifragile`, `random:0.6`, as --update has it. */
  variant: string;
  /** The response that the marks went by; null where none were asked. */
  by: string | null;
  /** Epochs of retraining behind it; 0: before. */
  epoch: number;
  attack: AttackName;
  epsilon: number;
  images: number;
  correct_clean: number;
  correct_adv: number;
  accuracy_clean: number;
  accuracy_adv: number;
  loss_clean: number;
  loss_adv: number;
  /** Weights that can be marked; how many of them are updated in this epoch, in all and of each class. */
  weights: number;
  updated: number;
  updated_fragile: number;
  updated_robust: number;
  updated_antifragile: number;
  updated_uncovered: number;
}

const column = (name: keyof RetrainingRow, type: ColumnType, nullable = false): Column<keyof RetrainingRow> => Object.freeze({ name, type, nullable });

export const RETRAINING_COLUMNS: readonly Column<keyof RetrainingRow>[] = Object.freeze([
  column("network", "utf8"),
  column("dataset", "utf8"),
  column("checkpoint", "utf8"),
  column("init", "int32", true),
  column("seed", "int32"),
  column("variant", "utf8"),
  column("by", "utf8", true),
  column("epoch", "int32"),
  column("attack", "utf8"),
  column("epsilon", "float64"),
  column("images", "int32"),
  column("correct_clean", "int32"),
  column("correct_adv", "int32"),
  column("accuracy_clean", "float64"),
  column("accuracy_adv", "float64"),
  column("loss_clean", "float64"),
  column("loss_adv", "float64"),
  column("weights", "int32"),
  column("updated", "int32"),
  column("updated_fragile", "int32"),
  column("updated_robust", "int32"),
  column("updated_antifragile", "int32"),
  column("updated_uncovered", "int32"),
]);

/** Raised whenever a column is added, dropped or changes its meaning. */
const SCHEMA_VERSION = "1";
/** A million rows. */
const MAX_FILE = 2 ** 28;

/** Puts the rows in place at once. @param metadata of the schema, beside its version */
export async function writeRetraining(folder: string, rows: readonly RetrainingRow[], metadata: Record<string, string>): Promise<void> {
  await replaceFile(join(folder, RETRAINING), arrowBytes({ columns: RETRAINING_COLUMNS, rows, metadata: new Map([["table", "retraining"], ["schema_version", SCHEMA_VERSION], ...Object.entries(metadata)]) }));
}

/** Why a row is none that a retraining writes, or null. */
function rowProblem(row: RetrainingRow): string | null {
  if (!ATTACKS.includes(row.attack)) return `attack ${JSON.stringify((row.attack as string).slice(0, 20))}`;
  if (row.epoch < 0 || row.images < 1 || row.weights < 0) return "a count that can't be";
  if ([row.correct_clean, row.correct_adv].some((count) => count < 0 || count > row.images)) return "more correct images than there are";
  if (row.updated < 0 || row.updated > row.weights) return "more weights updated than there are";
  const isShare = (accuracy: number, correct: number): boolean => Math.abs(accuracy - correct / row.images) < 1e-9;
  if (!isShare(row.accuracy_clean, row.correct_clean) || !isShare(row.accuracy_adv, row.correct_adv)) return "an accuracy that is not that of its counts";
  return Number.isFinite(row.epsilon) ? null : "an epsilon that is not finite";
}

export interface LoadedRetraining {
  file: string;
  rows: RetrainingRow[];
  metadata: Map<string, string>;
}

/**
 * @param given a retraining's folder, or its retraining.arrow
 * @throws FileSystemError where there is nothing, InputError for a file that no retraining wrote
 */
export function readRetraining(given: string): LoadedRetraining {
  const stats = statSync(given, { throwIfNoEntry: false });
  if (!stats) throw new FileSystemError(given, `does not exist; give the folder of a retraining, or its ${RETRAINING}`);
  const file = stats.isDirectory() ? join(given, RETRAINING) : given;
  if (!statSync(file, { throwIfNoEntry: false })) throw new InputError(given, `holds no ${RETRAINING}; give the folder of a retraining`);
  using source = new FileSource(file, MAX_FILE);
  const { schema, batches } = readArrow(file, source.read(0, source.size), RETRAINING_COLUMNS, ({ columns, metadata }) => {
    const isSame = columns.length === RETRAINING_COLUMNS.length && RETRAINING_COLUMNS.every(({ name, type, nullable }, i) => columns[i].name === name && columns[i].type === type && columns[i].nullable === nullable);
    if (metadata.get("table") !== "retraining" || metadata.get("schema_version") !== SCHEMA_VERSION || !isSame) throw new InputError(file, "is no table of a retraining, or another version's; retrain anew");
  });
  const rows = batches.flat() as unknown as RetrainingRow[];
  for (const row of rows) {
    const problem = rowProblem(row);
    if (problem) throw new InputError(file, `holds a row with ${problem}; retrain anew`);
  }
  return { file, rows, metadata: schema.metadata };
}
