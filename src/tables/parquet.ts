/** Tables as Parquet (snappy). Columns that hold no null are REQUIRED, texts are UTF8. */
import { parquetWriteBuffer } from "hyparquet-writer";
import { valueOf, type ColumnType, type Table } from "./table.js";

const TYPES = { utf8: "STRING", int32: "INT32", float32: "FLOAT", float64: "DOUBLE", boolean: "BOOLEAN" } as const satisfies Record<ColumnType, string>;

export function parquetBytes<R extends object>({ columns, rows, metadata }: Table<R>): Uint8Array {
  const columnData = columns.map((column) => ({ name: column.name, type: TYPES[column.type], nullable: column.nullable, data: rows.map((row) => valueOf(row, column)) }));
  const kvMetadata = [...(metadata ?? [])].map(([key, value]) => ({ key, value }));
  return new Uint8Array(parquetWriteBuffer({ columnData, kvMetadata, createdBy: "wgpu-inferlink" }));
}
