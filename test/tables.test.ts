/** Every format a table is written in, read back by other programs' readers: values, types and nulls. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { encodeTable, FORMATS, formatOf } from "../src/tables/format.js";
import { float32Text } from "../src/tables/numbers.js";
import type { Column, ColumnType, Table, Value } from "../src/tables/table.js";
import { noise } from "./support/close.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { python, readersTest } from "./support/python.js";

interface Line {
  name: string;
  note: string | null;
  count: number;
  maybe_count: number | null;
  alpha: number;
  maybe_alpha: number | null;
  loss: number;
  maybe_loss: number | null;
  done: boolean;
  maybe_done: boolean | null;
}

const column = (name: keyof Line, type: ColumnType, nullable = false): Column<keyof Line> => ({ name, type, nullable });
const COLUMNS = [
  column("name", "utf8"), column("note", "utf8", true), column("count", "int32"), column("maybe_count", "int32", true), column("alpha", "float32"),
  column("maybe_alpha", "float32", true), column("loss", "float64"), column("maybe_loss", "float64", true), column("done", "boolean"), column("maybe_done", "boolean", true),
];
const f32 = Math.fround;
const line = (name: string, note: string | null, count: number, alpha: number, loss: number, done: boolean): Line => ({
  name, note, count, maybe_count: done ? count : null, alpha: f32(alpha), maybe_alpha: done ? null : f32(alpha), loss, maybe_loss: done ? loss : null, done, maybe_done: note === null ? null : done,
});
const ROWS = [
  line("layer1.0.conv1", "plain", 0, 0.1, 0.1, true),
  line("*", null, -(2 ** 31), -3.4028234663852886e38, 1 / 3, false),
  line('say "yes", |twice|', "", 2 ** 31 - 1, 1.401298464324817e-45, 5e-324, true),
  line("two\nlines\r\nand é 漢 🙂", "null", 7, 16777216, -1.7976931348623157e308, false),
  line("_edge_ h_a <b> [x](y) `c` \\", " spaces ", 8, -0.38, 123456789.12345678, true),
];
const TABLE: Table<Line> = { columns: COLUMNS, rows: ROWS, metadata: new Map([["schema_version", "1"], ["note", "é"]]) };
const NAMES = COLUMNS.map(({ name }) => name);
const cells = (rows: readonly Line[]): Value[][] => rows.map((row) => NAMES.map((name) => row[name]));

function write<R extends object>(table: Table<R>, format: (typeof FORMATS)[number]): string {
  const path = join(temporaryFolder(), `table.${format}`);
  writeFileSync(path, encodeTable(table, format));
  return path;
}

readersTest("Parquet: pyarrow, pandas, polars and DuckDB read the values, the types and the nulls", () => {
  const read = python<{ cells: Record<string, Value[][]>; types: Record<string, string[]>; required: boolean[]; metadata: [string, string][] }>(
    `
import json, sys
import duckdb, pandas, polars, pyarrow.parquet as pq
path = sys.argv[1]
table = pq.read_table(path)
table.validate(full=True)
frame = pandas.read_parquet(path, dtype_backend="numpy_nullable")
rows = lambda cells: [list(cell) for cell in cells]
print(json.dumps({
  "cells": {
    "pyarrow": rows(zip(*[c.to_pylist() for c in table.columns])),
    "pandas": [[None if cell is pandas.NA else cell for cell in row] for row in frame.astype(object).values.tolist()],
    "polars": rows(polars.read_parquet(path).rows()),
    "duckdb": rows(duckdb.sql("from '" + path + "'").fetchall()),
  },
  "types": {
    "pyarrow": [str(t) for t in table.schema.types],
    "pandas": [str(t) for t in frame.dtypes],
    "polars": [str(t) for t in polars.read_parquet(path).dtypes],
    "duckdb": [str(t) for t in duckdb.sql("from '" + path + "'").types],
  },
  "required": [not field.nullable for field in table.schema],
  "metadata": [[k.decode(), v.decode()] for k, v in table.schema.metadata.items()],
}))`,
    write(TABLE, "parquet"),
  );
  for (const [reader, found] of Object.entries(read.cells)) assert.equal(found, cells(ROWS), reader);
  const twice = (...types: string[]): string[] => types.flatMap((type) => [type, type]);
  assert.equal(read.types, {
    pyarrow: twice("string", "int32", "float", "double", "bool"),
    pandas: twice("string", "Int32", "Float32", "Float64", "boolean"),
    polars: twice("String", "Int32", "Float32", "Float64", "Boolean"),
    duckdb: twice("VARCHAR", "INTEGER", "FLOAT", "DOUBLE", "BOOLEAN"),
  });
  assert.equal(read.required, COLUMNS.map(({ nullable }) => !nullable));
  assert.equal(read.metadata, [...TABLE.metadata!]);
});

readersTest("Parquet: many rows, not-a-numbers among them, are filtered rightly by DuckDB", () => {
  const values = noise(100_000);
  const columns: Column<"at" | "loss">[] = [{ name: "at", type: "int32", nullable: false }, { name: "loss", type: "float64", nullable: false }];
  const rows = Array.from(values, (value, at) => ({ at, loss: at % 1000 === 0 ? Number.NaN : at === 7 ? Infinity : value }));
  const [count, above, nan] = python<number[]>(
    `
import duckdb, json, sys
print(json.dumps(duckdb.sql(f"select count(*), count(*) filter (loss > 0.25), count(*) filter (isnan(loss)) from '{sys.argv[1]}'").fetchall()[0]))`,
    write({ columns, rows }, "parquet"),
  );
  assert.is(count, 100_000);
  assert.is(nan, 100);
  assert.is(above, rows.filter(({ loss }) => loss > 0.25).length + nan, "DuckDB takes NaN for larger than any number");
});

readersTest("CSV: Python's csv, pandas and DuckDB read what was written", () => {
  const read = python<{ csv: string[][]; pandas: Value[][]; duckdb: Value[][]; float32: boolean }>(
    `
import csv, json, sys
import duckdb, numpy, pandas
path = sys.argv[1]
with open(path, newline="") as file: lines = list(csv.reader(file, strict=True))
frame = pandas.read_csv(path, keep_default_na=False, na_values={"maybe_count": [""], "maybe_alpha": [""], "maybe_loss": [""]}, float_precision="round_trip", dtype={"alpha": "float32", "maybe_alpha": "float32"})
types = "{'name': 'varchar', 'note': 'varchar', 'count': 'int', 'maybe_count': 'int', 'alpha': 'float', 'maybe_alpha': 'float', 'loss': 'double', 'maybe_loss': 'double', 'done': 'boolean', 'maybe_done': 'boolean'}"
print(json.dumps({
  "csv": lines,
  "pandas": frame[["count", "alpha", "loss"]].values.tolist(),
  "duckdb": [list(row) for row in duckdb.sql(f"from read_csv('{path}', header=true, allow_quoted_nulls=false, columns={types})").fetchall()],
  "float32": bool((numpy.float32([line[4] for line in lines[1:]]) == frame.alpha.values).all()),
}))`,
    write(TABLE, "csv"),
  );
  assert.equal(read.csv, [NAMES, ...cells(ROWS).map((row) => row.map((value, c) => (value === null ? "" : COLUMNS[c].type === "float32" ? float32Text(value as number) : String(value))))]);
  assert.equal(read.pandas, ROWS.map(({ count, alpha, loss }) => [count, alpha, loss]));
  assert.equal(read.duckdb, cells(ROWS), "null and empty text stay apart");
  assert.ok(read.float32);
});

test("CSV to the byte", () => {
  const columns: Column<"layer" | "alpha">[] = [{ name: "layer", type: "utf8", nullable: true }, { name: "alpha", type: "float32", nullable: true }];
  const rows = [{ layer: 'a "b", c', alpha: f32(0.1) }, { layer: null, alpha: null }, { layer: "", alpha: -0 }, { layer: "x\r\ny", alpha: Infinity }];
  assert.is(encodeTable({ columns, rows }, "csv"), 'layer,alpha\r\n"a ""b"", c",0.1\r\n,\r\n"",-0\r\n"x\r\ny",Infinity\r\n');
});

test("JSON and JSON Lines read back to the rows, float32 in its shortest form", () => {
  const shown = ROWS.map((row) => ({ ...row, alpha: Number(float32Text(row.alpha)), maybe_alpha: row.maybe_alpha === null ? null : Number(float32Text(row.maybe_alpha)) }));
  assert.equal(JSON.parse(encodeTable(TABLE, "json") as string), shown);
  assert.equal((encodeTable(TABLE, "jsonl") as string).trimEnd().split("\n").map((text) => JSON.parse(text)), shown);
  assert.match(encodeTable(TABLE, "json") as string, /^\[\n\{"name":"layer1.0.conv1","note":"plain","count":0,"maybe_count":0,"alpha":0.1,"maybe_alpha":null,"loss":0.1,/);
  const nan = { columns: [{ name: "x", type: "float64", nullable: false }] as Column<"x">[], rows: [{ x: Number.NaN }, { x: -Infinity }, { x: -0 }] };
  assert.is(encodeTable(nan, "jsonl"), '{"x":null}\n{"x":null}\n{"x":-0}\n');
});

test("Markdown: a GitHub table in which no mark is read as a mark", () => {
  const columns: Column<"layer" | "score" | "n">[] = [{ name: "layer", type: "utf8", nullable: false }, { name: "score", type: "float64", nullable: true }, { name: "n", type: "int32", nullable: false }];
  const rows = [{ layer: "*", score: -1 / 3, n: 1234567 }, { layer: "h_a|_x_\nb", score: null, n: 2 }];
  assert.is(
    encodeTable({ columns, rows }, "md"),
    [
      "| layer        |     score |       n |",
      "| ------------ | --------: | ------: |",
      "| \\*           | -0.333333 | 1234567 |",
      "| h_a\\|\\_x\\_ b |           |       2 |",
      "",
    ].join("\n"),
  );
});

readersTest("Arrow: pyarrow finds it valid, and the values, the nulls and the metadata in it", () => {
  const read = python<{ cells: Value[][]; types: string[]; nullable: boolean[]; metadata: [string, string][] }>(
    `
import json, sys
import pyarrow.ipc
table = pyarrow.ipc.open_file(sys.argv[1]).read_all()
table.validate(full=True)
print(json.dumps({
  "cells": [list(row) for row in zip(*[c.to_pylist() for c in table.columns])],
  "types": [str(t) for t in table.schema.types], "nullable": [f.nullable for f in table.schema],
  "metadata": [[k.decode(), v.decode()] for k, v in table.schema.metadata.items()],
}))`,
    write(TABLE, "arrow"),
  );
  assert.equal(read.cells, cells(ROWS));
  assert.equal(read.types, ["string", "string", "int32", "int32", "float", "float", "double", "double", "bool", "bool"]);
  assert.equal(read.nullable, COLUMNS.map(({ nullable }) => nullable));
  assert.equal(read.metadata, [...TABLE.metadata!]);
});

readersTest("a table without rows keeps its columns in every format", () => {
  const empty = { ...TABLE, rows: [] };
  const counts = python<number[]>(
    `
import json, sys
import pyarrow.ipc, pyarrow.parquet, pandas
tables = [pyarrow.ipc.open_file(sys.argv[1]).read_all(), pyarrow.parquet.read_table(sys.argv[2]), pandas.read_csv(sys.argv[3])]
print(json.dumps([n for t in tables for n in t.shape]))`,
    ...(["arrow", "parquet", "csv"] as const).map((format) => write(empty, format)),
  );
  assert.equal(counts, [0, 10, 0, 10, 0, 10]);
  assert.equal(JSON.parse(encodeTable(empty, "json") as string), []);
  assert.is(encodeTable(empty, "jsonl"), "");
});

readersTest("float32 text is exact, and as short as NumPy's", () => {
  const bits = new Uint32Array(20_000).map((_, i) => Math.imul(i + 1, 2654435761) >>> 0);
  const values = [...new Float32Array(bits.buffer)].filter(Number.isFinite);
  const path = join(temporaryFolder(), "values.f32");
  writeFileSync(path, Float32Array.from(values));
  const numpy = python<string[]>(`import json, numpy, sys; print(json.dumps([str(x) for x in numpy.fromfile(sys.argv[1], "<f4")]))`, path);
  const digits = (text: string): number => text.replace(/e.*/, "").replace(/[-.]/g, "").replace(/^0+|0+$/g, "").length;
  assert.ok(values.length > 19_000);
  values.forEach((value, i) => {
    assert.is(f32(Number(float32Text(value))), value);
    assert.is(digits(float32Text(value)), digits(numpy[i]), `${float32Text(value)}, NumPy: ${numpy[i]}`);
  });
});

test("many rows make one record batch that reads back", () => {
  const columns: Column<"at" | "even">[] = [{ name: "at", type: "int32", nullable: false }, { name: "even", type: "float64", nullable: true }];
  const rows = Array.from({ length: 70_000 }, (_, at) => ({ at, even: at % 2 ? null : at / 3 }));
  const table = tableFromIPC(encodeTable({ columns, rows }, "arrow") as Uint8Array);
  assert.is(table.batches.length, 1);
  assert.equal([table.numRows, table.getChild("even")!.nullCount, table.getChild("even")!.get(69_998), table.getChild("at")!.get(69_999)], [70_000, 35_000, 69_998 / 3, 69_999]);
});

test("a file's name says its format", () => {
  assert.equal(["a.csv", "b/c.PARQUET", "d.arrow", "e.feather", "f.ndjson", "g.md", "h.json", "i.txt", "csv"].map(formatOf), ["csv", "parquet", "arrow", "arrow", "jsonl", "md", "json", null, null]);
});

test.run();
