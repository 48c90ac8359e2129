/** Tables as Arrow: fields, record batches, and a whole file in the IPC file format. */
import { Bool, Field, Float32, Float64, Int32, makeData, RecordBatch, RecordBatchFileWriter, Schema, Struct, Utf8, vectorFromArray, type Data, type DataType } from "apache-arrow";
import { valueOf, type Column, type ColumnType, type Table } from "./table.js";

const TYPES: Record<ColumnType, DataType> = { utf8: new Utf8(), int32: new Int32(), float32: new Float32(), float64: new Float64(), boolean: new Bool() };
const ARRAYS = { int32: Int32Array, float32: Float32Array, float64: Float64Array } as const;

export function fieldsOf(columns: readonly Column[]): Field[] {
  return columns.map(({ name, type, nullable }) => new Field(name, TYPES[type], nullable));
}

/** Plain typed arrays where there can be no null; a vector of one chunk otherwise. */
function columnData<R extends object>(column: Column<keyof R & string>, rows: readonly R[]): Data {
  const type = TYPES[column.type];
  const values = rows.map((row) => valueOf(row, column));
  if (column.type === "utf8" || column.type === "boolean" || column.nullable) {
    return rows.length === 0 ? (makeData({ type } as never) as Data) : (vectorFromArray(values as never[], type).data[0] as Data);
  }
  return makeData({ type, length: rows.length, nullCount: 0, data: ARRAYS[column.type].from(values as number[]) } as never) as Data;
}

/** One record batch of the rows, in their order. The schema's fields have to be those of the columns. */
export function toBatch<R extends object>(schema: Schema, columns: readonly Column<keyof R & string>[], rows: readonly R[]): RecordBatch {
  const children = columns.map((column) => columnData(column, rows));
  return new RecordBatch(schema, makeData({ type: new Struct(schema.fields), length: rows.length, nullCount: 0, children }));
}

/** A whole Arrow IPC file. */
export function fileBytes(schema: Schema, batches: Iterable<RecordBatch>): Uint8Array {
  const writer = new RecordBatchFileWriter();
  writer.reset(undefined, schema);
  for (const batch of batches) writer.write(batch);
  writer.finish();
  return writer.toUint8Array(true);
}

/** The table as an Arrow file of one record batch. */
export function arrowBytes<R extends object>({ columns, rows, metadata }: Table<R>): Uint8Array {
  const schema = new Schema(fieldsOf(columns), new Map(metadata));
  return fileBytes(schema, [toBatch(schema, columns, rows)]);
}
