/** docs/results.md: every snippet runs as it stands, in order, and the tables they load are the run's rows, value for value. */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGE_ROOT } from "../src/package.js";
import { readRows } from "../src/results/arrow/arrow.js";
import type { Row } from "../src/sweep/row.js";
import { COLUMNS } from "../src/results/arrow/schema.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { PYTHON, readersTest } from "./support/python.js";
import { snippetsOf, type Snippet } from "./support/snippets.js";

const PAGE = "docs/results.md";
const FOLDER = temporaryFolder();
const PATHS = [join(FOLDER, "bin"), dirname(PYTHON), process.env.PATH].join(delimiter);

/** The command by the name it has once installed. */
function installCommand(): void {
  mkdirSync(join(FOLDER, "bin"));
  const command = join(FOLDER, "bin/wgpu-inferlink");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${join(PACKAGE_ROOT, "bin/wgpu-inferlink.js")}" "$@"\n`);
  chmodSync(command, 0o755);
}

/** What it prints; it has to end well. */
function run(command: string, args: string[], what: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: FOLDER, encoding: "utf8", env: { ...process.env, PATH: PATHS } });
  assert.is(status, 0, `${what}: ${stderr}`);
  return stdout;
}

/** Put behind each snippet that loads a table: its rows, as JSON, on the last line. */
const PYTHON_ROWS = `
import json as _json
def _rows(table):
    kind = type(table).__module__.split(".")[0]
    missing = lambda cell: str(cell) in ("None", "nan", "<NA>")
    if kind == "pandas": return [[None if missing(cell) else cell for cell in row] for row in table.astype(object).values.tolist()]
    if kind == "polars": return [list(row) for row in table.rows()]
    if kind == "pyarrow": return [list(row) for row in zip(*[column.to_pylist() for column in table.columns])]
    return [list(row) for row in table.fetchall()]
print()
print(_json.dumps([list(getattr(results, "column_names", None) or results.columns), *_rows(results)]))
`;

/** A column per line, exact. */
const R_ROWS = `
cat("\\n@\\n")
for (name in names(results)) {
  x <- results[[name]]
  cat(name, ifelse(is.na(x), "NA", if (is.numeric(x)) sprintf("%.17g", x) else x), sep = "\\t")
  cat("\\n")
}
`;

const cellsOf = (rows: Row[]): (string | number | null)[][] => rows.map((row) => COLUMNS.map(({ name }) => row[name]));
const NAMES = COLUMNS.map(({ name }) => name);
let rows: Row[] = [];

async function runShell({ code, line }: Snippet): Promise<void> {
  assert.match(run("sh", ["-ec", code], `${PAGE}:${line}`), /\S/);
  rows = await readRows(join(FOLDER, "runs/mine/results.arrow"));
}

function runPython({ code, line }: Snippet): void {
  const loads = /^results = /m.test(code);
  const printed = run(PYTHON, ["-c", loads ? code + PYTHON_ROWS : code], `${PAGE}:${line}`);
  if (loads) assert.equal(JSON.parse(printed.trimEnd().split("\n").at(-1)!), [NAMES, ...cellsOf(rows)], `${PAGE}:${line}`);
  else for (const layer of ["conv1", "fc"]) assert.ok(printed.includes(layer), `${PAGE}:${line}`);
}

function runR({ code, line }: Snippet): void {
  const columns = run("Rscript", ["-e", code + R_ROWS], `${PAGE}:${line}`).split("\n@\n")[1].trimEnd().split("\n").map((text) => text.split("\t"));
  assert.equal(columns.map(([name]) => name), NAMES);
  // R itself reads decimals to within a unit in the last place.
  const near = (found: number, wanted: number): boolean => Math.abs(found - wanted) <= (code.includes("read.csv") ? 1e-7 : 0) * Math.abs(wanted);
  columns.forEach(([name, ...cells], c) =>
    cells.forEach((cell, i) => {
      const wanted = rows[i][NAMES[c]];
      assert.ok(wanted === null ? cell === "NA" : typeof wanted === "string" ? cell === wanted : near(Number(cell), wanted), `${PAGE}:${line}: ${name} ${i}: ${cell}, not ${wanted}`);
    }),
  );
  assert.is(columns[0].length, rows.length + 1);
}

/** Why a snippet in R can't run here, or null. */
function rMissing(code: string): string | null {
  if (spawnSync("Rscript", ["--version"]).status !== 0) return "there is no Rscript";
  return code.includes("library(arrow)") && spawnSync("Rscript", ["-e", "library(arrow)"]).status !== 0 ? "R has no package arrow" : null;
}

installCommand();
const snippets = snippetsOf(PAGE);

test("the page has snippets for every reader", () => {
  const code = snippets.map((snippet) => snippet.code).join("\n");
  for (const reader of ["pandas", "polars", "pyarrow", "import duckdb", "duckdb -c", "library(arrow)", "import pickle"]) assert.ok(code.includes(reader), reader);
  assert.equal(snippets.filter(({ language }) => !["sh", "python", "r"].includes(language)), []);
});

for (const snippet of snippets) {
  const name = `${PAGE}:${snippet.line} (${snippet.language})`;
  if (snippet.language !== "r") readersTest(name, () => (snippet.language === "sh" ? runShell(snippet) : runPython(snippet)));
  else {
    const reason = rMissing(snippet.code);
    if (reason) console.log(`skipped "${name}": ${reason}`);
    (reason ? test.skip : readersTest)(name, () => runR(snippet));
  }
}

test.run();
