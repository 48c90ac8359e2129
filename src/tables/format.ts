/** The formats a table is written in, by name or by the ending of a file's name. */
import { extname } from "node:path";
import { arrowBytes } from "./arrow.js";
import { csvText } from "./csv.js";
import { jsonlText, jsonText } from "./json.js";
import { markdownText } from "./markdown.js";
import { parquetBytes } from "./parquet.js";
import type { Table } from "./table.js";

const WRITERS = { arrow: arrowBytes, csv: csvText, json: jsonText, jsonl: jsonlText, parquet: parquetBytes, md: markdownText } as const;

export type Format = keyof typeof WRITERS;
export const FORMATS = Object.keys(WRITERS) as Format[];

const OTHER_ENDINGS: Record<string, Format> = { feather: "arrow", ndjson: "jsonl", markdown: "md", pq: "parquet" };

/** The format a file's name asks for, or null. */
export function formatOf(path: string): Format | null {
  const ending = extname(path).slice(1).toLowerCase();
  return FORMATS.find((format) => format === ending) ?? OTHER_ENDINGS[ending] ?? null;
}

/** Text for the text formats, bytes for Arrow and Parquet. */
export function encodeTable<R extends object>(table: Table<R>, format: Format): string | Uint8Array {
  return WRITERS[format](table);
}
