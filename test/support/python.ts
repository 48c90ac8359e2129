/** Python with the readers our files are meant for: pandas, polars, pyarrow, DuckDB (library and command line), NumPy. They come by pip, into a cache. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { PACKAGE_ROOT } from "../../src/package.js";

const CACHE = join(PACKAGE_ROOT, "node_modules/.cache");
const pythonOf = (name: string): string => join(CACHE, name, process.platform === "win32" ? "Scripts/python.exe" : "bin/python");
const READERS = ["duckdb", "duckdb-cli", "numpy", "pandas", "polars", "pyarrow"];
export const PYTHON = pythonOf("wgpu-inferlink-readers");

/** A Python of this machine that has a package, null where there is none: `$PYTHON`, or python3. */
export const pythonWith = (name: string): string | null => [process.env.PYTHON || "python3", "python3"].find((python) => spawnSync(python, ["-c", `import ${name}`]).status === 0) ?? null;

/** Makes a Python with packages of pip's. @returns why they can't be had here, or null when they are there */
export function preparePython(name: string, packages: string[]): { python: string; reason: string | null } {
  const python = pythonOf(name);
  const imports = ["-c", `import ${packages.join(", ").replaceAll("-", "_")}`];
  const prepare = (): string | null => {
    if (existsSync(python) && spawnSync(python, imports).status === 0) return null;
    if (spawnSync("python3", ["--version"]).status !== 0) return "there is no python3";
    if (spawnSync("python3", ["-m", "venv", "--clear", join(CACHE, name)]).status !== 0) return "python3 has no venv";
    const pip = spawnSync(python, ["-m", "pip", "install", "--quiet", ...packages], { encoding: "utf8" });
    return pip.status === 0 && spawnSync(python, imports).status === 0 ? null : `pip could not install ${packages.join(", ")}`;
  };
  return { python, reason: prepare() };
}

let prepared: { reason: string | null } | undefined;

/** A test that needs the readers; where they can't be had it is skipped, and says so. */
export function readersTest(name: string, body: () => void | Promise<void>): void {
  prepared ??= preparePython("wgpu-inferlink-readers", READERS);
  if (prepared.reason) console.log(`skipped "${name}": ${prepared.reason}`);
  (prepared.reason ? test.skip : test)(name, body);
}

/** Runs a script; what it prints as JSON. */
export function python<T>(script: string, ...args: string[]): T {
  const ended = spawnSync(PYTHON, ["-c", script, ...args], { encoding: "utf8", maxBuffer: 2 ** 28 });
  assert.is(ended.status, 0, ended.stderr);
  return JSON.parse(ended.stdout) as T;
}
