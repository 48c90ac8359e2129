/** results.arrow in the tools it is meant for: pandas, polars, pyarrow, DuckDB. They come by pip, into a cache. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGE_ROOT } from "../src/cli/package.js";
import { COLUMNS } from "../src/results/schema.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";

const VENV = join(PACKAGE_ROOT, "node_modules/.cache/wgpu-inferlink-readers");
const PYTHON = join(VENV, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

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

/** Why the readers can't be had here, or null when they are there. */
function prepare(): string | null {
  const imports = ["-c", "import duckdb, pandas, polars, pyarrow"];
  if (existsSync(PYTHON) && spawnSync(PYTHON, imports).status === 0) return null;
  if (spawnSync("python3", ["--version"]).status !== 0) return "there is no python3";
  if (spawnSync("python3", ["-m", "venv", "--clear", VENV]).status !== 0) return "python3 has no venv";
  const pip = spawnSync(PYTHON, ["-m", "pip", "install", "--quiet", "pandas", "polars", "pyarrow", "duckdb"], { encoding: "utf8" });
  return pip.status === 0 && spawnSync(PYTHON, imports).status === 0 ? null : "pip could not install the readers";
}

const reason = prepare();
if (reason) console.log(`skipped: ${reason}`);

(reason ? test.skip : test)("pandas, polars, pyarrow and DuckDB read the same rows", async () => {
  const folder = temporaryFolder();
  const run = await cli(["run", "--limit", "16", "--thresholds", "3", "--layers", "conv1,fc", "--out", "run"], { cwd: folder });
  assert.is(run.code, 0, run.stderr);
  const read = spawnSync(PYTHON, ["-c", SCRIPT, join(folder, "run/results.arrow")], { encoding: "utf8" });
  assert.is(read.status, 0, read.stderr);
  const { pyarrow, pandas, polars, duckdb } = JSON.parse(read.stdout) as Record<string, { rows: number; columns?: string[]; correct: number; nulls: number; batches?: number }>;
  assert.equal(pyarrow, { rows: 18, columns: COLUMNS.map((column) => column.name), correct: pyarrow.correct, nulls: 12, batches: 2 });
  assert.ok(pyarrow.correct > 0);
  const { batches: _, ...expected } = pyarrow;
  assert.equal(pandas, expected);
  assert.equal(polars, expected);
  assert.equal(duckdb, { rows: expected.rows, correct: expected.correct, nulls: expected.nulls });
});

test.run();
