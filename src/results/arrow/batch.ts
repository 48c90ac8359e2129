/** Rows to Arrow record batches, and batches to the messages of a stream. */
import { RecordBatchStreamWriter, type RecordBatch, type Schema } from "apache-arrow";
import { toBatch as tableBatch } from "../../tables/arrow.js";
import type { Row } from "../../sweep/row.js";
import { COLUMNS } from "./schema.js";

/** Bytes that end an Arrow stream: a continuation marker and a length of 0. */
const END_OF_STREAM = 8;

/** One record batch of the rows, in their order. */
export const toBatch = (schema: Schema, rows: Row[]): RecordBatch => tableBatch(schema, COLUMNS, rows);

/** The schema message that starts a stream. */
export function streamHead(schema: Schema): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.finish();
  return writer.toUint8Array(true).slice(0, -END_OF_STREAM);
}

/** A batch's message alone, to be appended to a stream that began with `head`. */
export function streamBatch(head: Uint8Array, batch: RecordBatch): Uint8Array {
  const writer = new RecordBatchStreamWriter();
  writer.write(batch);
  writer.finish();
  return writer.toUint8Array(true).slice(head.length, -END_OF_STREAM);
}
