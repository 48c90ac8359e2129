/** Python with the readers our files are meant for: pandas, polars, pyarrow, DuckDB (library and command line), NumPy. They come by pip, into a cache. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGE_ROOT } from "../../src/package.js";

const VENV = join(PACKAGE_ROOT, "node_modules/.cache/wgpu-inferlink-readers");
export const PYTHON = join(VENV, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
const READERS = ["duckdb", "duckdb-cli", "numpy", "pandas", "polars", "pyarrow"];

/** Why the readers can't be had here, or null when they are there. */
function prepare(): string | null {
  const imports = ["-c", `import ${READERS.join(", ").replaceAll("-", "_")}`];
  if (existsSync(PYTHON) && spawnSync(PYTHON, imports).status === 0) return null;
  if (spawnSync("python3", ["--version"]).status !== 0) return "there is no python3";
  if (spawnSync("python3", ["-m", "venv", "--clear", VENV]).status !== 0) return "python3 has no venv";
  const pip = spawnSync(PYTHON, ["-m", "pip", "install", "--quiet", ...READERS], { encoding: "utf8" });
  return pip.status === 0 && spawnSync(PYTHON, imports).status === 0 ? null : "pip could not install the readers";
}

let prepared: { reason: string | null } | undefined;

/** A test that needs the readers; where they can't be had it is skipped, and says so. */
export function readersTest(name: string, body: () => void | Promise<void>): void {
  prepared ??= { reason: prepare() };
  if (prepared.reason) console.log(`skipped "${name}": ${prepared.reason}`);
  (prepared.reason ? test.skip : test)(name, body);
}

/** Runs a script; what it prints as JSON. */
export function python<T>(script: string, ...args: string[]): T {
  const ended = spawnSync(PYTHON, ["-c", script, ...args], { encoding: "utf8", maxBuffer: 2 ** 28 });
  assert.is(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout) as T;
}
