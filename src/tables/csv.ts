/** CSV as in RFC 4180: a header, lines end in CRLF, quotes where needed and doubled inside. Null is empty, an empty text is "". */
import { numberText } from "./numbers.js";
import { valueOf, type ColumnType, type Table, type Value } from "./table.js";

const quotedText = (text: string): string => (text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

function field(type: ColumnType, value: Value): string {
  if (value === null) return "";
  return typeof value === "number" ? numberText(type, value) : quotedText(String(value));
}

export function csvText<R extends object>({ columns, rows }: Table<R>): string {
  const lines = [columns.map(({ name }) => quotedText(name)), ...rows.map((row) => columns.map((column) => field(column.type, valueOf(row, column))))];
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}
