/** Many checkpoints in one run: evaluated one after the other, added to a folder that holds some of them, never mixed up. */
import { cpSync, existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { readRows } from "../src/results/arrow/arrow.js";
import type { Manifest } from "../src/results/manifest.js";
import { DEMO_CHECKPOINT, DEMO_DATA, temporaryFolder, withTensor, writeSafetensors } from "./support/cliFiles.js";
import { cli, start } from "./support/cliProcess.js";

const folder = temporaryFolder();
const SWEEP = ["run", "--saved-models", "Saved_models", "--data", DEMO_DATA, "--limit", "24", "--thresholds", "2", "--layers", "layer4.1.conv2,fc", "--no-report"];
const shell = (args: string[]) => cli(args, { cwd: folder });
const bytesOf = (out: string): Buffer => readFileSync(join(folder, out, "results.arrow"));
const manifestOf = (out: string): Manifest => JSON.parse(readFileSync(join(folder, out, "manifest.json"), "utf8")) as Manifest;
const path = (init: number, epoch: number): string => join(folder, `Saved_models/ResNet18/MNIST/Init_${init}/ResNet18_MNIST_${epoch}epochs.safetensors`);

/** The demo's network with the last layer scaled: other thresholds, other losses. */
async function save(init: number, epoch: number, scale: number): Promise<void> {
  const demo = await readCheckpoint(DEMO_CHECKPOINT);
  writeSafetensors(path(init, epoch), withTensor(demo, "fc.weight", ({ shape, data }) => ({ shape, data: data.map((w) => w * scale) })));
}

test.before(async () => {
  for (const init of [1, 2]) mkdirSync(join(folder, `Saved_models/ResNet18/MNIST/Init_${init}`), { recursive: true });
  for (const [init, epoch] of [[1, 10], [1, 20], [2, 10], [2, 20]]) await save(init, epoch, init + epoch / 100);
  const ended = await shell([...SWEEP, "--out", "fresh"]);
  assert.is(ended.code, 0, ended.stderr);
  assert.match(ended.stderr, /4 checkpoints/);
});

test("one result with all of them, by init and epoch", async () => {
  const rows = await readRows(join(folder, "fresh/results.arrow"));
  assert.is(rows.length, 4 * 2 * 6);
  assert.equal([...new Set(rows.map(({ init, epoch }) => `${init}/${epoch}`))], ["1/10", "1/20", "2/10", "2/20"]);
  const losses = new Set(rows.filter(({ layer, filter, threshold_index }) => layer === "fc" && filter === "h_a" && threshold_index === 0).map(({ loss_clean }) => loss_clean));
  assert.is(losses.size, 4, "each has its own weights");
  assert.ok(manifestOf("fresh").checkpoints.every(({ sha256 }) => /^[0-9a-f]{64}$/.test(sha256!)));
});

test("a folder that holds some of them is given the others: only those are evaluated, the bytes are those of a fresh run", async () => {
  assert.is((await shell([...SWEEP, "--out", "grown", "--init", "2", "--epoch", "10"])).code, 0);
  const second = await shell([...SWEEP, "--out", "grown", "--epoch", "10"]);
  assert.match(second.stderr, /going on: 2 of 4 units were done before/);
  const third = await shell([...SWEEP, "--out", "grown"]);
  assert.is(third.code, 0, third.stderr);
  assert.match(third.stderr, /going on: 4 of 8 units were done before/);
  assert.ok(bytesOf("grown").equals(bytesOf("fresh")));
  assert.match((await shell([...SWEEP, "--out", "grown"])).stderr, /complete before; nothing was evaluated/);
});

test("stopped while it grows: what was there stays readable, and it grows on to the same bytes", async () => {
  cpSync(join(folder, "grown"), join(folder, "stopped"), { recursive: true });
  await save(2, 30, 3);
  const run = start([...SWEEP, "--out", "stopped"], { cwd: folder });
  await run.seen("going on: 8 of 10 units");
  run.process.kill("SIGKILL");
  await run.ended;
  assert.is((await readRows(join(folder, "stopped/results.arrow"))).length, 48);
  const status = JSON.parse((await shell(["status", "stopped", "--json"])).stdout) as { state: string; units: { done: number }; checkpoints: object };
  assert.is(status.state, "killed");
  assert.ok(status.units.done >= 8 && status.units.done < 10);
  assert.equal(status.checkpoints, { done: 4, total: 5 });
  assert.is((await shell([...SWEEP, "--out", "stopped"])).code, 0);
  assert.is((await shell([...SWEEP, "--out", "five"])).code, 0);
  assert.ok(bytesOf("stopped").equals(bytesOf("five")));
});

test("fewer checkpoints, or another file under a known name, are refused with what differs", async () => {
  const fewer = await shell([...SWEEP, "--out", "five", "--init", "1"]);
  assert.is(fewer.code, 2);
  assert.match(fewer.errors[0], /checkpoint Saved_models.*Init_2.*10epochs\.safetensors: there, not here/);
  const { mtime } = await import("node:fs").then(({ statSync }) => statSync(path(1, 10)));
  const later = new Date(mtime.getTime() + 60_000);
  utimesSync(path(1, 10), later, later);
  assert.match((await shell([...SWEEP, "--out", "five"])).stderr, /complete before/, "a touched file is hashed, and is the same");
  await save(1, 10, 7);
  const other = await shell([...SWEEP, "--out", "five"]);
  assert.is(other.code, 2);
  assert.match(other.errors[0], /checkpoint .*Init_1.*10epochs\.safetensors: there SHA-256 [0-9a-f]{12}, here [0-9a-f]{12}/);
});

test("a checkpoint that turns out damaged ends the run, named; what was finished stays", async () => {
  await save(1, 10, 1.1);
  const bytes = readFileSync(path(2, 10));
  bytes.writeFloatLE(NaN, bytes.length - 4);
  writeFileSync(path(2, 10), bytes);
  const ended = await shell([...SWEEP, "--out", "damaged"]);
  assert.is(ended.code, 65);
  assert.match(ended.errors[0], /Init_2.*10epochs\.safetensors: holds NaN/);
  assert.not.ok(existsSync(join(folder, "damaged/results.arrow")));
  const status = await shell(["status", "damaged"]);
  assert.match(status.stdout, /4 of 10 units, 2 of 5 checkpoints[^]*errors: 1 error; the last .*holds NaN/);
  await save(2, 10, 2.1);
  await save(1, 20, 1.2);
  assert.match((await shell([...SWEEP, "--out", "damaged"])).stderr, /going on: 4 of 10 units/);
});

test.run();
