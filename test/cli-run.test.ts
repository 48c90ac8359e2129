/** Runs through the real program on real input: the result, going on after every way of stopping, refusals. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readRows } from "../src/results/arrow/arrow.js";
import type { Manifest } from "../src/results/manifest.js";
import { DEMO_CHECKPOINT, DEMO_DATA, temporaryFolder } from "./support/cliFiles.js";
import { cli, start } from "./support/cliProcess.js";

const folder = temporaryFolder();
const small = ["--limit", "16", "--thresholds", "3", "--layers", "conv1,layer4.1.conv2,fc", "--epsilon", "0.2,0.38"];
/** Ten layers: enough to be stopped among. */
const long = ["--limit", "16", "--thresholds", "6", "--layers", "layer3.*,layer4.*"];
const manifestOf = (out: string): Manifest => JSON.parse(readFileSync(join(folder, out, "manifest.json"), "utf8")) as Manifest;
const columnsOf = async (out: string) => readRows(join(folder, out, "results.arrow"));
const bytesOf = (out: string): Buffer => readFileSync(join(folder, out, "results.arrow"));

test("a run of the demo ends with rows, a manifest and a table, and gives the same bytes again", async () => {
  const ended = await cli(["run", ...small, "--out", "a"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /layer +weights +clean[^]*conv1[^]*layer4\.1\.conv2[^]*fc[^]*54 rows in a.results\.arrow/);
  assert.equal(readdirSync(join(folder, "a")).sort(), ["manifest.json", "report.html", "results.arrow"]);
  const rows = await columnsOf("a");
  assert.is(rows.length, 3 * 3 * 3 * 2);
  assert.equal([...new Set(rows.map((row) => row.layer))], ["conv1", "layer4.1.conv2", "fc"]);
  assert.ok(rows.every((row) => row.checkpoint.startsWith("fixtures/demo/") && row.init === 1 && row.epoch === 2 && row.images === 16));
  const manifest = manifestOf("a");
  assert.is(manifest.status, "done");
  assert.is(manifest.rows, rows.length);
  assert.is((await cli(["run", ...small, "--out", "b", "--quiet"], { cwd: folder })).stdout, "");
  assert.ok(bytesOf("a").equals(bytesOf("b")));
});

test("the filter by magnitude goes through run, score, plot and export, and isn't run unasked", async () => {
  const ended = await cli(["run", "--layers", "fc", "--limit", "16", "--thresholds", "5", "--filters", "magnitude", "--out", "m"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /magnitude half at/);
  const rows = await columnsOf("m");
  assert.equal(rows.map(({ filter, threshold_index, delta }) => [filter, threshold_index, delta]), [0, 1, 2, 3, 4].map((i) => ["magnitude", i, null]));
  assert.equal([rows[0].alpha, rows[0].removed, rows[4].density], [0, 0, 0]);
  assert.ok(rows.every((row, i) => i === 0 || row.removed > rows[i - 1].removed));
  assert.match((await cli(["score", "m", "--format", "csv"], { cwd: folder })).stdout, /magnitude/);
  assert.is((await cli(["plot", "m"], { cwd: folder })).code, 0);
  assert.is((await cli(["export", "m", "--format", "pickle"], { cwd: folder })).code, 0);
  assert.ok(existsSync(join(folder, "m/Saved_models/ResNet18/MNIST/Step_magnitude")));
  assert.equal([...new Set((await columnsOf("a")).map(({ filter }) => filter))], ["h_a", "h_b", "h_c"]);
});

test("a complete run ends with a report again, and is done where none can be written", async () => {
  const report = join(folder, "a/report.html");
  rmSync(report);
  assert.is((await cli(["run", ...small, "--out", "a", "--no-report"], { cwd: folder })).code, 0);
  assert.not.ok(existsSync(report));
  mkdirSync(report);
  const refused = await cli(["run", ...small, "--out", "a", "--json"], { cwd: folder });
  assert.is(refused.code, 0);
  assert.match(refused.errors[0], /results are written, report\.html is not: a.report\.html: is a folder.*wgpu-inferlink plot a/);
  assert.is((JSON.parse(refused.stdout) as { files: { report: string | null } }).files.report, null);
  rmSync(report, { recursive: true });
  const written = await cli(["run", ...small, "--out", "a"], { cwd: folder });
  assert.match(written.stdout, /report in a.report\.html/);
  assert.match(readFileSync(report, "utf8"), /^<!doctype html>/);
});

test("a complete run is shown again, another one in its folder is refused, --overwrite starts anew", async () => {
  const again = await cli(["run", ...small, "--out", "a"], { cwd: folder });
  assert.is(again.code, 0);
  assert.match(again.stderr, /complete before/);
  const other = await cli(["run", ...small, "--out", "a", "--clamp"], { cwd: folder });
  assert.is(other.code, 2);
  assert.match(other.errors[0], /clamp: there false, here true/);
  assert.is((await cli(["run", "--limit", "8", "--thresholds", "1", "--layers", "fc", "--out", "a", "--overwrite"], { cwd: folder })).code, 0);
  assert.is((await columnsOf("a")).length, 3);
});

test("--json puts one object on stdout", async () => {
  const ended = await cli(["run", "--limit", "8", "--thresholds", "2", "--scope", "global", "--json"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  const result = JSON.parse(ended.stdout) as { status: string; rows: number; out: string; files: { results: string }; summary: { layer: string }[] };
  assert.is(result.status, "done");
  assert.is(result.rows, 6);
  assert.is(result.summary[0].layer, "*");
  assert.match(basename(result.out), /^\d{8}T\d{6}Z-ResNet18-mnist-[0-9a-f]{6}$/);
  assert.ok(existsSync(join(folder, result.files.results)));
});

test("the notebooks' tree, names in any case", async () => {
  const tree = join(folder, "Saved_models/resnet18/mnist/Init_3");
  cpSync(DEMO_CHECKPOINT, join(tree, "ResNet18_MNIST_7epochs.ckpt"));
  const args = ["run", "--saved-models", "Saved_models", "--network", "ResNet18", "--dataset", "MNIST", "--data", DEMO_DATA, "--limit", "8", "--thresholds", "1", "--layers", "fc", "--out", "tree"];
  const ended = await cli(args, { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  assert.equal((await columnsOf("tree")).map((row) => [row.init, row.epoch]), Array.from({ length: 3 }, () => [3, 7]));
});

test("inspect and devices", async () => {
  const shown = await cli(["inspect", DEMO_CHECKPOINT, "--json"]);
  const result = JSON.parse(shown.stdout) as { layers: { layer: string; shape: number[]; min: number; max: number }[]; sweep: { networks: number } };
  assert.is(result.layers.length, 21);
  assert.is(result.sweep.networks, 21 * 75);
  assert.ok(result.layers.every((layer) => layer.min < layer.max));
  const devices = await cli(["devices", "--json"]);
  assert.ok((JSON.parse(devices.stdout) as { limits: object }[])[0].limits);
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGKILL", null]] as const) {
  test(`${signal} in the middle, then the same command: the same bytes as without`, async () => {
    if (!existsSync(join(folder, "whole"))) assert.is((await cli(["run", ...long, "--out", "whole"], { cwd: folder })).code, 0);
    const out = `stopped-${signal}`;
    const run = start(["run", ...long, "--out", out], { cwd: folder });
    const isReadable = (): Promise<boolean> => readRows(join(folder, out, "results.partial.arrows")).then(({ length }) => length > 0, () => false);
    while (!(await isReadable()) && run.process.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 10));
    run.process.kill(signal);
    const ended = await run.ended;
    assert.is(ended.code, code, ended.stderr);
    if (code !== null) assert.match(ended.stderr, new RegExp(`To go on: wgpu-inferlink run .*--out ${out}`));
    assert.ok((await readRows(join(folder, out, "results.partial.arrows"))).length > 0, "finished layers are readable");
    const resumed = await cli(["run", ...long, "--out", out], { cwd: folder });
    assert.is(resumed.code, 0, resumed.stderr);
    assert.match(resumed.stderr, /going on: [1-9]\d* of 10 units/);
    assert.ok(bytesOf(out).equals(bytesOf("whole")));
    assert.is(manifestOf(out).resumed.length, 1);
  });
}

test("a second process in the folder is refused while the first works", async () => {
  const first = start(["run", ...long, "--out", "shared"], { cwd: folder });
  await first.seen("writing shared");
  const second = await cli(["run", ...long, "--out", "shared"], { cwd: folder });
  assert.is(second.code, 75, second.stderr);
  assert.match(second.errors[0], /is working in this run folder/);
  first.process.kill("SIGINT");
  assert.is((await first.ended).code, 130);
});

test("a reader that goes away doesn't end the run", async () => {
  const run = start(["run", "--limit", "8", "--thresholds", "1", "--layers", "fc", "--out", "piped"], { cwd: folder });
  run.process.stdout!.destroy();
  assert.is((await run.ended).code, 0);
});

test.run();
