/** training.arrow: a row for every step of an initialisation's training, and one behind each epoch's last step. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import { FileSource } from "../../io/source.js";
import { arrowBytes } from "../../tables/arrow.js";
import type { Column, ColumnType } from "../../tables/table.js";
import { readArrow } from "../arrow/arrowReader.js";
import { replaceFile } from "../folder/durable.js";

export const TRAINING = "training.arrow";

export interface TrainingRow {
  kind: "step" | "epoch";
  /** Both count from 1; an epoch's step is its last. */
  epoch: number;
  step: number;
  /** Mean over the step's images, or over those of the epoch's steps, by the network as it was before each. */
  loss: number;
  correct: number;
  images: number;
  /** Of the step; of the epoch's last one. */
  learning_rate: number;
  /** Of the network behind an epoch on the test images; null for steps, and where there are none. */
  test_loss: number | null;
  test_correct: number | null;
  test_images: number | null;
}

const column = (name: keyof TrainingRow, type: ColumnType, nullable = false): Column<keyof TrainingRow> => Object.freeze({ name, type, nullable });

export const TRAINING_COLUMNS: readonly Column<keyof TrainingRow>[] = Object.freeze([
  column("kind", "utf8"),
  column("epoch", "int32"),
  column("step", "int32"),
  column("loss", "float64"),
  column("correct", "int32"),
  column("images", "int32"),
  column("learning_rate", "float64"),
  column("test_loss", "float64", true),
  column("test_correct", "int32", true),
  column("test_images", "int32", true),
]);

/** Raised whenever a column is added, dropped or changes its meaning. */
const SCHEMA_VERSION = "1";
/** Ten million steps. */
const MAX_FILE = 2 ** 30;

/** Puts the rows in place at once. @param metadata of the schema, beside its version */
export async function writeTrainingRows(folder: string, rows: readonly TrainingRow[], metadata: Record<string, string>): Promise<void> {
  await replaceFile(join(folder, TRAINING), arrowBytes({ columns: TRAINING_COLUMNS, rows, metadata: new Map([["schema_version", SCHEMA_VERSION], ...Object.entries(metadata)]) }));
}

/** Why a row is none that a training writes, or null. */
function rowProblem({ kind, epoch, step, loss, correct, images, test_correct, test_images }: TrainingRow): string | null {
  if (kind !== "step" && kind !== "epoch") return `kind ${JSON.stringify((kind as string).slice(0, 20))}`;
  if (epoch < 1 || step < 1 || images < 1) return "a count below 1";
  if (correct < 0 || correct > images || (test_correct ?? 0) > (test_images ?? 0)) return "more correct images than there are";
  return Number.isFinite(loss) ? null : "a loss that is not finite";
}

/**
 * Rows of a folder's training.arrow; none where there is no such file.
 * @throws InputError for a file that no training wrote
 */
export function readTrainingRows(folder: string): TrainingRow[] {
  const path = join(folder, TRAINING);
  if (!existsSync(path)) return [];
  using source = new FileSource(path, MAX_FILE);
  const { batches } = readArrow(path, source.read(0, source.size), TRAINING_COLUMNS, ({ columns, metadata }) => {
    const isSame = columns.length === TRAINING_COLUMNS.length && TRAINING_COLUMNS.every(({ name, type, nullable }, i) => columns[i].name === name && columns[i].type === type && columns[i].nullable === nullable);
    if (metadata.get("schema_version") !== SCHEMA_VERSION || !isSame) throw new InputError(path, "is no table of a training, or another version's; start the training anew with --overwrite");
  });
  const rows = batches.flat() as unknown as TrainingRow[];
  for (const row of rows) {
    const problem = rowProblem(row);
    if (problem) throw new InputError(path, `holds a row with ${problem}; start the training anew with --overwrite`);
  }
  return rows;
}

/** Rows of epochs alone. */
export const epochsIn = (rows: readonly TrainingRow[]): TrainingRow[] => rows.filter(({ kind }) => kind === "epoch");

/** The row of an epoch, out of those of its steps. */
export function epochRow(steps: readonly TrainingRow[], test: { loss: number; correct: number; images: number } | null): TrainingRow {
  const images = steps.reduce((sum, step) => sum + step.images, 0);
  const last = steps.at(-1)!;
  return {
    ...last,
    kind: "epoch",
    loss: steps.reduce((sum, step) => sum + step.loss * step.images, 0) / images,
    correct: steps.reduce((sum, step) => sum + step.correct, 0),
    images,
    test_loss: test?.loss ?? null,
    test_correct: test?.correct ?? null,
    test_images: test?.images ?? null,
  };
}
