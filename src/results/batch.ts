/** Rows to Arrow record batches and back, and batches to bytes. */
import { makeData, RecordBatch, RecordBatchFileWriter, RecordBatchStreamWriter, Struct, vectorFromArray, type Data, type Schema, type Table } from "apache-arrow";
import { arrowType, COLUMNS, type Column } from "./schema.js";
import type { Row } from "./row.js";

/** Bytes that end an Arrow stream: a continuation marker and a length of 0. */
const END_OF_STREAM = 8;

/** Plain typed arrays where there is no null; a vector of one chunk otherwise. */
function columnData(column: Column, rows: Row[]): Data {
  const type = arrowType(column.type);
  if (column.type === "utf8" || column.nullable) return vectorFromArray(rows.map((row) => row[column.name]) as never[], type).data[0] as Data;
  const values = rows.map((row) => row[column.name] as number);
  const data = column.type === "int32" ? Int32Array.from(values) : column.type === "float32" ? Float32Array.from(values) : Float64Array.from(values);
  return makeData({ type, length: rows.length, nullCount: 0, data } as never) as Data;
}

/** One record batch of the rows, in their order. */
export function toBatch(schema: Schema, rows: Row[]): RecordBatch {
  const children = COLUMNS.map((column) => columnData(column, rows));
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children }));
}

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

/** A whole Arrow IPC file. */
export function fileBytes(schema: Schema, batches: Iterable<RecordBatch>): Uint8Array {
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
  return writer.toUint8Array(true);
}

/** Rows of a table whose schema is ours. */
export function toRows(table: Table): Row[] {
  const vectors = COLUMNS.map((column) => table.getChild(column.name)!);
  return Array.from({ length: table.numRows }, (_, i) => Object.fromEntries(COLUMNS.map((column, c) => [column.name, vectors[c].get(i)])) as unknown as Row);
}
