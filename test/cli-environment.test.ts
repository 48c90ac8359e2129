/** What surrounds a command: users without a home, patterns that no shell expanded, absurd sizes, and who writes to stderr. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { OptionError } from "../src/errors.js";
import { expanded } from "../src/inputs/patterns.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { benchOptions } from "../src/cli/commands/benchOptions.js";
import { parse } from "../src/cli/parser.js";
import { completeConfig } from "../src/sweep/config.js";
import { DEMO_CHECKPOINT, temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { refuses } from "./support/io.js";

const folder = temporaryFolder();
const SMALL = ["--layers", "fc", "--limit", "8", "--thresholds", "2", "--filters", "h_a"];
const BIN = join(PACKAGE_ROOT, "bin/wgpu-inferlink.js");

test("patterns are expanded in order, each file once; a file of such a name is that file", async () => {
  for (const name of ["b.ckpt", "a.ckpt", "c.pt", "[x].ckpt", ".hidden.ckpt", "deep/er/d.ckpt"]) {
    mkdirSync(join(folder, "nets", name, ".."), { recursive: true });
    writeFileSync(join(folder, "nets", name), "");
  }
  const names = (...patterns: string[]): string[] => expanded(patterns.map((pattern) => join(folder, "nets", pattern))).map((path) => path.slice(join(folder, "nets/").length).replaceAll("\\", "/"));
  assert.equal(names("*.ckpt"), ["[x].ckpt", "a.ckpt", "b.ckpt"]);
  assert.equal(names("b.ckpt", "?.ckpt"), ["b.ckpt", "a.ckpt"]);
  assert.equal(names("**/*.{ckpt,pt}"), ["[x].ckpt", "a.ckpt", "b.ckpt", "c.pt", "deep/er/d.ckpt"]);
  assert.equal(names("[x].ckpt"), ["[x].ckpt"]);
  assert.equal(names("gone.ckpt"), ["gone.ckpt"]);
  await refuses(() => names("*.safetensors"), /is a pattern that matches no file/);
  await refuses(() => names("none/*.ckpt"), /is a pattern that matches no file/);
});

test("a run takes a pattern", async () => {
  mkdirSync(join(folder, "two"));
  for (const name of ["1.ckpt", "2.ckpt"]) copyFileSync(DEMO_CHECKPOINT, join(folder, "two", name));
  const ended = await cli(["run", "--checkpoint", "two/*.ckpt", "--data", join(PACKAGE_ROOT, "fixtures/demo/MNIST"), ...SMALL, "--json", "--out", "pattern"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  const { summary } = JSON.parse(ended.stdout) as { summary: { checkpoint: string }[] };
  assert.equal(summary.map(({ checkpoint }) => checkpoint), ["two/1.ckpt", "two/2.ckpt"]);
});

test("sizes that nobody can want are refused at once, with what they would take", async () => {
  for (const asked of [{ thresholds: 100_000_000 }, { thresholds: 400_000 }, { alphas: Array.from({ length: 600 }, (_, i) => i), delta: 1, epsilons: Array.from({ length: 600 }, (_, i) => i) }]) {
    assert.throws(() => completeConfig(asked), (error: Error) => error instanceof OptionError && /asks for [\d,]+ filtered networks a layer, with [\d,]+ rows; 1,048,576 rows a layer are the most/.test(error.message));
  }
  assert.is(completeConfig({ thresholds: 100_000 }).thresholds, 100_000);
  const ended = await cli(["run", "--thresholds", "100000"], { cwd: folder });
  assert.is(ended.code, 2);
  assert.match(ended.errors[0], /this sweep has 6,300,000 rows, and results hold 2,000,000 at most/);
});

test("a quiet run writes nothing to stderr, and what goes there otherwise is ours", () => {
  if (process.platform !== "linux") return;
  for (const [flags, lines] of [[["--quiet"], /^$/], [[], /^2 filtered networks[^]*done in [^\n]*\n$/]] as const) {
    const log = join(folder, "stderr.log");
    writeFileSync(log, "");
    const ended = spawnSync("sh", ["-c", 'log=$1; shift; exec "$@" 2>> "$log"', "sh", log, process.execPath, BIN, "run", ...SMALL, ...flags, "--out", `quiet${flags.length}`], { cwd: folder, encoding: "utf8" });
    assert.is(ended.status, 0, ended.stderr);
    assert.match(readFileSync(log, "utf8"), lines);
    assert.not.match(readFileSync(log, "utf8"), /maxDynamic/);
  }
  // With stdout in the same file neither is written over the other, nor over what a script writes before and after.
  const both = join(folder, "both.log");
  const script = 'log=$1; shift; (echo before; "$@"; echo after) > "$log" 2>&1';
  spawnSync("sh", ["-c", script, "sh", both, process.execPath, BIN, "run", ...SMALL, "--out", "both"], { cwd: folder });
  assert.match(readFileSync(both, "utf8"), /^before\n2 filtered networks[^]*layer [^]*^2 rows in [^]*^done in [^\n]*\nafter\n$/m);
  // Errors get there, behind what was written before.
  const failed = spawnSync("sh", ["-c", 'exec "$@" 2>&1 | cat', "sh", process.execPath, BIN, "run", ...SMALL, "--quiet", "--adapter", "none of that name"], { cwd: folder, encoding: "utf8" });
  assert.match(failed.stdout, /^wgpu-inferlink: no adapter matches/);
});

test("a user whom the machine has neither a name nor a home for gets a cache in the temporary folder", () => {
  const root = process.getuid?.() === 0;
  if (!root || spawnSync("setpriv", ["--version"]).status !== 0) return void console.log("skipped: needs root and setpriv");
  const script = `import(${JSON.stringify(new URL("../../bin/vulkan.js", import.meta.url).href)}).then(({ cacheFolder }) => console.log(cacheFolder()))`;
  const { HOME, XDG_CACHE_HOME, ...env } = process.env;
  const readable = spawnSync("setpriv", ["--reuid=54321", "--regid=54321", "--clear-groups", "test", "-r", join(PACKAGE_ROOT, "bin/vulkan.js")]).status === 0;
  if (!readable) return void console.log("skipped: other users may not read this folder");
  const ended = spawnSync("setpriv", ["--reuid=54321", "--regid=54321", "--clear-groups", process.execPath, "-e", script], { env, encoding: "utf8", cwd: "/" });
  assert.is(ended.status, 0, ended.stderr);
  assert.match(ended.stdout, /wgpu-inferlink-54321\n$/);
});

test("bench takes its flags from a file, one of which may serve run as well", async () => {
  const path = join(folder, "bench.yaml");
  writeFileSync(path, "batch: [64, 128]\nwork: sweep\nthresholds: 5\nclamp: true\n");
  const parsed = await parse(["bench", "--config", path, "--thresholds", "7"], "0.0.0");
  const { cases } = benchOptions(parsed!.args);
  assert.equal(cases.map(({ batch, sweep }) => [batch, sweep!.thresholds]), [[64, 7], [128, 7]]);
  writeFileSync(path, "bach: 64\n");
  await refuses(() => parse(["bench", "--config", path], "0.0.0"), /unknown option bach; did you mean batch\?/);
});

test("setup is one of the commands", async () => {
  assert.match((await cli(["--help"])).stdout, /wgpu-inferlink setup /);
  const { code, stdout } = await cli(["setup", "--help"]);
  assert.is(code, 0);
  assert.match(stdout, /SwiftShader/);
});

test.run();
