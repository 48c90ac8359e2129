/** JSON: an object per row, numbers exact; JSON has no NaN and no infinity, so these are null. */
import { numberText } from "./numbers.js";
import { valueOf, type ColumnType, type Table, type Value } from "./table.js";

function valueText(type: ColumnType, value: Value): string {
  if (typeof value !== "number") return JSON.stringify(value);
  return Number.isFinite(value) ? numberText(type, value) : "null";
}

function lines<R extends object>({ columns, rows }: Table<R>): string[] {
  return rows.map((row) => `{${columns.map((column) => `${JSON.stringify(column.name)}:${valueText(column.type, valueOf(row, column))}`).join(",")}}`);
}

/** One array, a row per line. */
export function jsonText<R extends object>(table: Table<R>): string {
  return table.rows.length === 0 ? "[]\n" : `[\n${lines(table).join(",\n")}\n]\n`;
}

/** JSON Lines: an object per line. */
export function jsonlText<R extends object>(table: Table<R>): string {
  return lines(table).map((line) => `${line}\n`).join("");
}
