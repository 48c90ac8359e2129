/** results.arrow in the tools it is meant for: pandas, polars, pyarrow, DuckDB. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { COLUMNS } from "../src/results/arrow/schema.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { python, readersTest } from "./support/python.js";

const SCRIPT = `
import json, sys
import duckdb, pandas, polars, pyarrow.ipc
path = sys.argv[1]
results = table = pyarrow.ipc.open_file(path).read_all()
table.validate(full=True)
frame, lazy = pandas.read_feather(path), polars.read_ipc(path)
total = duckdb.sql("select count(*), sum(correct_clean), sum(delta is null) from results").fetchall()[0]
print(json.dumps({
  "pyarrow": {"rows": table.num_rows, "columns": table.column_names, "correct": sum(table["correct_clean"].to_pylist()), "nulls": table["delta"].null_count, "batches": pyarrow.ipc.open_file(path).num_record_batches},
  "pandas": {"rows": len(frame), "columns": list(frame.columns), "correct": int(frame.correct_clean.sum()), "nulls": int(frame.delta.isna().sum())},
  "polars": {"rows": lazy.height, "columns": lazy.columns, "correct": lazy["correct_clean"].sum(), "nulls": lazy["delta"].null_count()},
  "duckdb": {"rows": total[0], "correct": int(total[1]), "nulls": int(total[2])},
}))
`;

readersTest("pandas, polars, pyarrow and DuckDB read the same rows", async () => {
  const folder = temporaryFolder();
  const run = await cli(["run", "--limit", "16", "--thresholds", "3", "--layers", "conv1,fc", "--out", "run"], { cwd: folder });
  assert.is(run.code, 0, run.stderr);
  const { pyarrow, pandas, polars, duckdb } = python<Record<string, { rows: number; columns?: string[]; correct: number; nulls: number; batches?: number }>>(SCRIPT, join(folder, "run/results.arrow"));
  assert.equal(pyarrow, { rows: 18, columns: COLUMNS.map((column) => column.name), correct: pyarrow.correct, nulls: 12, batches: 2 });
  assert.ok(pyarrow.correct > 0);
  const { batches: _, ...expected } = pyarrow;
  assert.equal(pandas, expected);
  assert.equal(polars, expected);
  assert.equal(duckdb, { rows: expected.rows, correct: expected.correct, nulls: expected.nulls });
});

test.run();
