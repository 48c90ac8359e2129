/** `export`: where files go, what is refused, and that every reader finds the rows of results.arrow, value for value. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PARTIAL, RESULTS, ResultWriter } from "../src/results/arrow/arrow.js";
import type { Row } from "../src/sweep/row.js";
import { COLUMNS } from "../src/results/arrow/schema.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { row } from "./support/cliRows.js";
import { python, readersTest } from "./support/python.js";

const METADATA = { packageVersion: "0.1.0", adapter: "none é", batchNorm: "running", epsilonSpace: "input", normalisation: null, datasetSha256: "d", checkpointSha256: { "a/é.ckpt": "c" } };
const f32 = Math.fround;
const ROWS: Row[] = [
  row({ init: 1, epoch: null, alpha: f32(-0.1), loss_clean: 1 / 3, loss_adv: 5e-324, weights: 2 ** 31 - 1, removed: 2 ** 31 - 1 }),
  row({ init: null, epoch: 2, filter: "h_c", alpha: f32(1e-30), delta: f32(0.05), accuracy_adv: 0.1 + 0.2, density: 1 - 2 ** -53 }),
  row({ layer: 'layer1.0."conv",1', layer_index: 1, alpha: -0, loss_adv: 1.7976931348623157e308, dataset: "cifar10\nnot" }),
];

/** A folder of a run, finished or not. */
async function runFolder(rows: Row[], complete = true): Promise<string> {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "run"));
  const writer = await ResultWriter.open(join(folder, "run"), METADATA);
  await writer.write(0, rows);
  await (complete ? writer.finish() : writer.close());
  return folder;
}

readersTest("pandas, polars, pyarrow and DuckDB find the rows in every format", async () => {
  const folder = await runFolder(ROWS);
  for (const format of ["parquet", "csv", "jsonl"]) assert.equal((await cli(["export", "run", "--format", format], { cwd: folder })).stdout, `${join("run", `results.${format}`)}\n`);
  const found = python<{ cells: Record<string, unknown[][]>; types: string[]; metadata: Record<string, string> }>(
    `
import json, sys
import duckdb, pandas, polars, pyarrow.csv, pyarrow.parquet
parquet, csv, jsonl = (sys.argv[1] + "/results." + ending for ending in ("parquet", "csv", "jsonl"))
f32 = ("alpha", "delta")
rows = lambda cells: [list(cell) for cell in cells]
plain = lambda frame: [[None if str(cell) in ("nan", "None", "<NA>") else cell for cell in line] for line in frame.astype(object).values.tolist()]
table = pyarrow.parquet.read_table(parquet)
table.validate(full=True)
overrides = {"init": polars.Int32, "epoch": polars.Int32, **{name: polars.Float32 for name in f32}}
duck_types = {name: {"int32": "int", "float": "float", "double": "double", "string": "varchar"}[str(type)] for name, type in zip(table.column_names, table.schema.types)}
options = pyarrow.csv.ParseOptions(newlines_in_values=True)
print(json.dumps({
  "cells": {
    "pyarrow": rows(zip(*[c.to_pylist() for c in table.columns])),
    "pandas": plain(pandas.read_parquet(parquet)),
    "polars": rows(polars.read_parquet(parquet).rows()),
    "duckdb": rows(duckdb.sql(f"from '{parquet}'").fetchall()),
    "pandas csv": plain(pandas.read_csv(csv, float_precision="round_trip", dtype={name: "float32" for name in f32})),
    "polars csv": rows(polars.read_csv(csv, schema_overrides=overrides, eol_char="\\n").rows()),
    "pyarrow csv": rows(zip(*[c.to_pylist() for c in pyarrow.csv.read_csv(csv, parse_options=options, convert_options=pyarrow.csv.ConvertOptions(column_types=table.schema)).columns])),
    "duckdb csv": rows(duckdb.sql(f"from read_csv('{csv}', header=true, columns={duck_types})").fetchall()),
    "polars jsonl": rows(polars.read_ndjson(jsonl, schema_overrides=overrides).rows()),
    "duckdb jsonl": rows(duckdb.sql(f"from read_json('{jsonl}', format='newline_delimited', columns={duck_types})").fetchall()),
  },
  "types": [str(t) for t in table.schema.types],
  "metadata": {k.decode(): v.decode() for k, v in table.schema.metadata.items()},
}))`,
    join(folder, "run"),
  );
  const expected = ROWS.map((line) => COLUMNS.map(({ name }) => line[name]));
  for (const [reader, cells] of Object.entries(found.cells)) assert.equal(cells, expected, reader);
  assert.equal(found.types, COLUMNS.map(({ type }) => ({ utf8: "string", int32: "int32", float32: "float", float64: "double", boolean: "bool" })[type]));
  assert.is(found.metadata.adapter, "none é");
  assert.is(found.metadata.schema_version, "2");
});

test("the run's folder takes new exports; elsewhere nothing is replaced unasked", async () => {
  const folder = await runFolder(ROWS);
  const go = (...args: string[]) => cli(["export", ...args], { cwd: folder });
  const twice = [await go("run"), await go(join("run", RESULTS), "--json")];
  assert.equal(twice.map(({ code }) => code), [0, 0]);
  assert.equal(JSON.parse(twice[1].stdout), { format: "parquet", rows: 3, complete: true, files: [join("run", "results.parquet")] });
  writeFileSync(join(folder, "mine.csv"), "precious");
  const refused = await go("run", "--out", "mine.csv");
  assert.equal([refused.code, refused.stdout, refused.errors], [2, "", ["wgpu-inferlink: mine.csv: exists; choose another --out, or replace it with --overwrite"]]);
  assert.is(readFileSync(join(folder, "mine.csv"), "utf8"), "precious");
  assert.is((await go("run", "--out", "mine.csv", "--overwrite")).code, 0);
  assert.match(readFileSync(join(folder, "mine.csv"), "utf8"), /^network,dataset,checkpoint/);
  assert.is((await go("run", "--out", "new/folders/x.ndjson")).stdout, "new/folders/x.ndjson\n");
  assert.is(readFileSync(join(folder, "new/folders/x.ndjson"), "utf8").trimEnd().split("\n").length, 3);
  assert.is((await go("run", "--out", "new", "--format", "csv")).stdout, `${join("new", "results.csv")}\n`);
  const piped = await go("run", "--format", "csv", "--out", "-");
  assert.is(piped.stdout, readFileSync(join(folder, "mine.csv"), "utf8"));
  const pickles = ["run", "--format", "pickle", "--out", "Saved_models"];
  assert.is((await go(...pickles)).code, 0);
  assert.match((await go(...pickles)).errors[0], /\.pkl: exists; /);
  assert.equal(readdirSync(folder, { recursive: true }).filter((name) => String(name).endsWith(".tmp")), []);
});

test("an unfinished run gives the layers that are there, and says so", async () => {
  const folder = await runFolder(ROWS, false);
  const partial = await cli(["export", "run", "--format", "jsonl", "--json"], { cwd: folder });
  assert.is(partial.code, 0, partial.stderr);
  assert.equal(JSON.parse(partial.stdout), { format: "jsonl", rows: 3, complete: false, files: [join("run", "results.jsonl")] });
  assert.match(partial.stderr, new RegExp(`${PARTIAL}: the run is not finished; these are the layers that are`));
});

test("what can't be exported is told in one line, and nothing is written", async () => {
  const folder = await runFolder(ROWS);
  const before = readdirSync(folder, { recursive: true }).length;
  for (const [args, code, message] of [
    [["run", "--format", "parquett"], 2, /^wgpu-inferlink: --format: "parquett" is none of parquet, csv, jsonl, pickle; did you mean parquet\?$/],
    [["run", "--format", "csv", "--arrays", "torch"], 2, /--arrays: belongs to --format pickle$/],
    [["run", "--format", "pickle", "--out", "-"], 2, /pickles are several files; give a folder$/],
    [["run", "--json", "--out", "-"], 2, /stdout holds one thing, leave out --json$/],
    [["run", "--out", "/dev/null", "--overwrite"], 2, /^wgpu-inferlink: \/dev\/null: is no file; choose another --out$/],
    [["nowhere"], 74, /^wgpu-inferlink: nowhere: does not exist; give the folder of a run, or its results\.arrow$/],
    [["."], 65, /^wgpu-inferlink: \.: holds no results\.arrow; give the folder of a run$/],
  ] as const) {
    const { code: exit, stdout, errors } = await cli(["export", ...args], { cwd: folder });
    assert.is(exit, code, args.join(" "));
    assert.is(stdout, "");
    assert.match(errors[0], message);
    assert.is(errors.length, 1);
  }
  assert.is(readdirSync(folder, { recursive: true }).length, before);
});

test.run();
