/** Results of a run in another program's format: which files, with which bytes. */
import { join } from "node:path";
import type { LoadedRun } from "../results/loadRun.js";
import { COLUMNS } from "../results/arrow/schema.js";
import { encodeTable, formatOf } from "../tables/format.js";
import { notebookFiles, type ArrayKind } from "./notebooks.js";

export const TABLE_FORMATS = ["parquet", "csv", "jsonl"] as const;
export type TableFormat = (typeof TABLE_FORMATS)[number];
export type ExportFormat = TableFormat | "pickle";

/** The format a file's name asks for, or null. */
export function exportFormatOf(path: string): TableFormat | null {
  const format = formatOf(path);
  return TABLE_FORMATS.find((known) => known === format) ?? null;
}

/** Where an export goes if nobody says. */
export function defaultPlace(folder: string, format: ExportFormat): string {
  return join(folder, format === "pickle" ? "Saved_models" : `results.${format}`);
}

/** All rows as one table: the columns, types and nulls of results.arrow. */
export function exportTable({ rows, metadata }: Pick<LoadedRun, "rows" | "metadata">, format: TableFormat): string | Uint8Array {
  return encodeTable({ columns: COLUMNS, rows, metadata }, format);
}

export interface ExportFile {
  path: string;
  content: string | Uint8Array;
}

/** @param place the table's file, or the notebooks' `Saved_models` folder */
export function exportFiles(run: Pick<LoadedRun, "rows" | "metadata">, format: ExportFormat, place: string, arrays: ArrayKind): ExportFile[] {
  if (format !== "pickle") return [{ path: place, content: exportTable(run, format) }];
  return notebookFiles(run.rows, arrays).map(({ path, bytes }) => ({ path: join(place, path), content: bytes }));
}
