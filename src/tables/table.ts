/** A table as plain data: typed columns and rows. What every format is written from. */

export type ColumnType = "utf8" | "int32" | "float32" | "float64" | "boolean";
export type Value = string | number | boolean | null;

export interface Column<Name extends string = string> {
  readonly name: Name;
  readonly type: ColumnType;
  readonly nullable: boolean;
}

export interface Table<R extends object> {
  columns: readonly Column<keyof R & string>[];
  /** float32 columns hold float32 values; null only where the column is nullable. */
  rows: readonly R[];
  /** Travels in the schema of Arrow and in the key-value metadata of Parquet; the text formats have no place for it. */
  metadata?: ReadonlyMap<string, string>;
}

/** One cell. */
export function valueOf<R extends object>(row: R, column: Column<keyof R & string>): Value {
  return row[column.name] as Value;
}

export const isNumeric = (type: ColumnType): boolean => type === "int32" || type === "float32" || type === "float64";
