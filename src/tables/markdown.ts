/** A table for GitHub's Markdown, made to be read: floats with six significant digits, numbers flush right, null empty. */
import { isNumeric, valueOf, type ColumnType, type Table, type Value } from "./table.js";

const DIGITS = 6;

/** Marks of Markdown lose their meaning; an underscore inside a word has none. */
function escaped(text: string): string {
  return text.replace(/[\\`*<[\]|&~]|(?<![\p{L}\p{N}])_|_(?![\p{L}\p{N}])/gu, "\\$&").replace(/\r\n|\r|\n/g, " ");
}

function cell(type: ColumnType, value: Value): string {
  if (value === null) return "";
  if (typeof value !== "number") return escaped(String(value));
  return String(type === "int32" ? value : Number(value.toPrecision(DIGITS)));
}

export function markdownText<R extends object>({ columns, rows }: Table<R>): string {
  const head = columns.map(({ name }) => escaped(name));
  const body = rows.map((row) => columns.map((column) => cell(column.type, valueOf(row, column))));
  const widths = columns.map((_, c) => body.reduce((widest, line) => Math.max(widest, line[c].length), Math.max(3, head[c].length)));
  const right = columns.map(({ type }) => isNumeric(type));
  const line = (cells: string[]): string => `| ${cells.map((text, c) => (right[c] ? text.padStart(widths[c]) : text.padEnd(widths[c]))).join(" | ")} |\n`;
  const rule = widths.map((width, c) => (right[c] ? `${"-".repeat(width - 1)}:` : "-".repeat(width)));
  return [head, rule, ...body].map(line).join("");
}
