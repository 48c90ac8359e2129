/** Shards through the real program: computed apart, put together, the bytes of one piece; and stopping in time. */
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Manifest } from "../src/results/manifest.js";
import { DEMO_CHECKPOINT, DEMO_DATA, idx, temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";

const folder = temporaryFolder();
const IMAGES = 300;
/** Two chunks of images, so that a layer lies in two shards. */
const SWEEP = ["run", "--data", "images", "--checkpoint", DEMO_CHECKPOINT, "--thresholds", "2", "--layers", "layer4.1.conv2,fc", "--no-report"];
const shell = (args: string[], env: NodeJS.ProcessEnv = {}) => cli(args, { cwd: folder, env });
const bytesOf = (out: string): Buffer => readFileSync(join(folder, out, "results.arrow"));
const manifestOf = (out: string): Manifest => JSON.parse(readFileSync(join(folder, out, "manifest.json"), "utf8")) as Manifest;

test.before(async () => {
  mkdirSync(join(folder, "images"));
  const body = (name: string, head: number): Buffer => readFileSync(join(DEMO_DATA, name)).subarray(head);
  const repeated = (bytes: Buffer, length: number): Buffer => Buffer.concat([bytes, bytes]).subarray(0, length);
  writeFileSync(join(folder, "images/t10k-images-idx3-ubyte"), idx([IMAGES, 28, 28], repeated(body("t10k-images-idx3-ubyte", 16), IMAGES * 784)));
  writeFileSync(join(folder, "images/t10k-labels-idx1-ubyte"), idx([IMAGES], repeated(body("t10k-labels-idx1-ubyte", 8), IMAGES)));
  const whole = await shell([...SWEEP, "--out", "whole"]);
  assert.is(whole.code, 0, whole.stderr);
});

const slurm = { SLURM_ARRAY_TASK_ID: "5", SLURM_ARRAY_TASK_MIN: "4", SLURM_ARRAY_TASK_MAX: "6", SLURM_ARRAY_TASK_COUNT: "3" };
const kubernetes = { JOB_COMPLETION_INDEX: "2", INFERLINK_SHARDS: "3" };

test("three shards, chosen by flag, by Slurm and by Kubernetes, merge to the bytes of one piece", async () => {
  const ways: [string[], NodeJS.ProcessEnv, RegExp][] = [
    [["--shard", "1/3"], slurm, /^shard 1\/3$/m],
    [["--shard", "auto"], slurm, /^shard 2\/3 \(task 5 of the Slurm array 4-6\)$/m],
    [[], kubernetes, /^shard 3\/3 \(pod 2 of 3 of the Kubernetes job\)$/m],
  ];
  for (const [i, [flags, env, announced]] of ways.entries()) {
    const ended = await shell([...SWEEP, "--out", "sweep", ...flags], env);
    assert.is(ended.code, 0, ended.stderr);
    assert.match(ended.stderr, announced);
    assert.match(ended.stderr, /when all are: wgpu-inferlink merge sweep$/m);
    assert.is(ended.stdout, "");
    assert.equal(manifestOf(`sweep/shard-${i + 1}-of-3`).identity.shard, { index: i + 1, count: 3 });
  }
  const units = [1, 2, 3].map((index) => manifestOf(`sweep/shard-${index}-of-3`).units);
  assert.equal([units.reduce((a, b) => a + b), manifestOf("whole").units], [4, 4]);
  const merged = await shell(["merge", "sweep"]);
  assert.is(merged.code, 0, merged.stderr);
  assert.match(merged.stdout, /layer4\.1\.conv2[^]*12 rows in sweep.results\.arrow/);
  assert.ok(bytesOf("sweep").equals(bytesOf("whole")));
});

test("a shard that is done stays done; its folder takes no other part, and its parent no unsharded run", async () => {
  const again = await shell([...SWEEP, "--out", "sweep", "--shard", "2/3"]);
  assert.match(again.stderr, /this shard was complete before/);
  const other = await shell([...SWEEP, "--out", "sweep/shard-2-of-3"]);
  assert.is(other.code, 2);
  assert.match(other.errors[0], /shard/);
  for (const name of ["results.arrow", "manifest.json", "report.html"]) rmSync(join(folder, "sweep", name), { force: true });
  const parent = await shell([...SWEEP, "--out", "sweep"]);
  assert.is(parent.code, 2);
  assert.match(parent.errors[0], /holds shards of a run.*wgpu-inferlink merge/);
  const plotted = await shell(["plot", "sweep"]);
  assert.match(plotted.errors[0], /wgpu-inferlink merge/);
});

test("a damaged shard is named with exit code 3; its command mends it", async () => {
  const journal = join(folder, "sweep/shard-1-of-3/journal.bin");
  truncateSync(journal, readFileSync(journal).length - 1);
  const refused = await shell(["merge", "sweep", "--json"]);
  assert.is(refused.code, 3);
  assert.match(refused.stderr, /damaged: sweep.shard-1-of-3.journal\.bin/);
  const { status, missing } = JSON.parse(refused.stdout) as { status: string; missing: number };
  assert.equal([status, missing], ["incomplete", 1]);
  assert.not.ok(existsSync(join(folder, "sweep/results.arrow")));
  assert.is((await shell([...SWEEP, "--out", "sweep", "--shard", "1/3"])).code, 0);
  assert.is((await shell(["merge", "sweep", "--quiet"])).code, 0);
  assert.ok(bytesOf("sweep").equals(bytesOf("whole")));
});

test("more shards than units: some have nothing to do", async () => {
  const ended = await shell([...SWEEP, "--out", "many", "--shard", "1/6"]);
  assert.is(ended.code, 0, ended.stderr);
  assert.match(ended.stderr, /0 of 4 units are this shard's/);
  assert.is(manifestOf("many/shard-1-of-6").status, "done");
});

test("an array of something else computes the whole sweep, and says so", async () => {
  const ended = await shell([...SWEEP, "--out", "array"], slurm);
  assert.is(ended.code, 0);
  assert.match(ended.stderr, /this Slurm array has 3 tasks, and this one evaluates the whole sweep/);
  assert.ok(bytesOf("array").equals(bytesOf("whole")));
});

test("a deadline ends the run with exit code 75, and the same command goes on to the same bytes", async () => {
  const ended = await shell([...SWEEP, "--out", "late", "--deadline", "1s"]);
  // An adapter may be done in a second.
  if (ended.code !== 0) {
    assert.is(ended.code, 75, ended.stderr);
    assert.match(ended.stderr, /deadline: finishing what is in flight[^]*To go on: wgpu-inferlink run .*--out late/);
    assert.is(manifestOf("late").status, "interrupted");
  }
  assert.is((await shell([...SWEEP, "--out", "late"])).code, 0);
  assert.ok(bytesOf("late").equals(bytesOf("whole")));
});

test("--shard without --out is refused: the parts have to lie together", async () => {
  const ended = await shell([...SWEEP, "--shard", "1/2"]);
  assert.is(ended.code, 2);
  assert.match(ended.errors[0], /--shard: needs --out/);
});

test.run();
