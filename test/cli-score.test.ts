/** `score` from the command line: a real run's scores, in every format, and what it says when something is missing. */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tableFromIPC } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Score } from "../src/analysis/scores.js";
import { SCORE_COLUMNS } from "../src/analysis/scoreTables.js";
import { FileSource, sha256 } from "../src/io/source.js";
import { PARTIAL, readRows } from "../src/results/arrow/arrow.js";
import type { Row } from "../src/sweep/row.js";
import { DEMO_CHECKPOINT, temporaryFolder } from "./support/cliFiles.js";
import { cli, start } from "./support/cliProcess.js";
import { curveRows } from "./support/curves.js";
import { python, readersTest } from "./support/python.js";
import { writeRun } from "./support/runs.js";

interface Printed {
  robust_band: number;
  runs: { run: string; complete: boolean }[];
  files: string[];
  scores: Score[];
  means: { over: string; measure: string; mean: number; std: number; count: number; layer: string }[];
}

const falling = [1, 0.75, 0.5, 0.25, 0];
const shape = (drop: number) => ({ alpha: [-1, -0.5, 0, 0.5, 1], density: falling, removed: [0, 20, 40, 60, 80], accuracy_clean: falling.map((f) => 0.9 * f ** drop), accuracy_adv: falling.map((f) => 0.4 * f ** drop) });
const rowsOf = (drop: number, changes: Partial<Row> = {}): Row[] => curveRows(shape(drop), { weights: 80, ...changes });
const scoresJson = async (...args: string[]): Promise<Printed> => {
  const ended = await cli(["score", ...args, "--json"]);
  assert.is(ended.code, 0, ended.stderr);
  return JSON.parse(ended.stdout) as Printed;
};

/** One real run for several tests: two layers, local, five thresholds; and a global one. */
const folder = temporaryFolder();
for (const [name, options] of [["local", ["--layers", "conv1,fc", "--epsilon", "0.1,0.38"]], ["global", ["--scope", "global", "--filters", "h_a,h_c"]]] as [string, string[]][]) {
  const run = await cli(["run", "--limit", "16", "--thresholds", "5", "--out", name, "--quiet", ...options], { cwd: folder });
  assert.is(run.code, 0, run.stderr);
}

test("a real run: scores as Simpson's 1-4-2-4-1 gives them, classes, areas and shares, in scores.arrow and on the terminal", async () => {
  const ended = await cli(["score", "local"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  assert.match(ended.stdout, /layer\s+h_a clean\s+adv\s+diff\s+h_b clean/);
  assert.match(ended.stdout, /written: local\/scores\.arrow/);
  const table = tableFromIPC(readFileSync(join(folder, "local/scores.arrow")));
  assert.is(
    table.schema.fields.map((f) => `${f.name} ${f.type}${f.nullable ? "?" : ""}`).join("\n"),
    `run Utf8\nnetwork Utf8\ndataset Utf8\ncheckpoint Utf8\ninit Int32?\nepoch Int32?\nscope Utf8\nlayer Utf8\nlayer_index Int32\nfilter Utf8\nepsilon Float64\nepsilon_space Utf8
batch_norm Utf8\nimages Int32\nthresholds Int32\nweights Int32\naccuracy_clean Float64\naccuracy_adv Float64\ns_clean Float64?\ns_adv Float64?\ns_diff Float64?
class_clean Utf8?\nclass_adv Utf8?\nclass_diff Utf8?\nreason Utf8?\nauc_clean Float64?\nauc_adv Float64?\nhalved_alpha_clean Float32?\nhalved_density_clean Float64?
halved_alpha_adv Float32?\nhalved_density_adv Float64?\nshare_fragile_clean Float64?\nshare_robust_clean Float64?\nshare_antifragile_clean Float64?\nshare_fragile_adv Float64?
share_robust_adv Float64?\nshare_antifragile_adv Float64?\nshare_targeted Float64?\nshare_uncovered Float64?\nshare_source Utf8?\nattack Utf8`,
    "a change of these raises SCORES_VERSION",
  );
  assert.equal([...table.schema.metadata].filter(([key]) => key !== "package_version"), [["table", "scores"], ["schema_version", "2"], ["robust_band", "0.05"], ["normalisation", JSON.stringify({ local: JSON.stringify({ mean: [0.1307], std: [0.3081] }) })]]);
  const scores = table.toArray().map((row) => row!.toJSON() as unknown as Score);
  assert.is(scores.length, 2 * 3 * 2);
  const rows = await readRows(join(folder, "local/results.arrow"));
  for (const score of scores) {
    const curve = rows.filter((row) => row.layer === score.layer && row.filter === score.filter && row.epsilon === score.epsilon);
    const integral = (value: (row: Row) => number): number => curve.reduce((sum, row, i) => sum + ([1, 4, 2, 4, 1][i] / 12) * value(row), 0);
    const clean = integral((row) => row.accuracy_clean / curve[0].accuracy_clean - row.density);
    assert.ok(Math.abs(score.s_clean! - clean) < 1e-6, `${score.layer} ${score.filter}: ${score.s_clean} instead of ${clean}`);
    assert.ok(Math.abs(score.auc_adv! - integral((row) => row.accuracy_adv)) < 1e-6);
    assert.is(score.class_clean, clean < -0.05 ? "fragile" : clean > 0.05 ? "antifragile" : "robust");
    assert.is(score.share_source, score.filter === "h_c" ? "checkpoint" : null);
    if (score.filter === "h_c") {
      assert.is(score.share_uncovered, 0);
      assert.ok(Math.abs(score.share_fragile_clean! + score.share_robust_clean! + score.share_antifragile_clean! - 1) < 1e-12);
    }
  }
});

test("a global sweep's weights are those of all layers", async () => {
  const { scores } = await scoresJson(join(folder, "global"));
  assert.equal(scores.map(({ layer, filter, scope }) => [layer, filter, scope]), [["*", "h_a", "global"], ["*", "h_c", "global"]]);
  assert.equal([scores[1].share_source, scores[1].share_uncovered], ["checkpoint", 0]);
});

test("the band is the caller's", async () => {
  const run = await writeRun(rowsOf(0.9));
  assert.equal((await scoresJson(run)).scores.map((s) => s.class_clean), ["robust"]);
  assert.equal((await scoresJson(run, "--robust-band", "0.001")).scores.map((s) => s.class_clean), ["antifragile"]);
  assert.match((await cli(["score", run, "--robust-band=-1"])).stderr, /--robust-band: has to be 0 or more/);
});

test("several runs give one table, and means over their initialisations", async () => {
  const init = (n: number, drop: number): Promise<string> => writeRun(rowsOf(drop, { init: n, epoch: 10, checkpoint: `init${n}.ckpt` }), { name: `init${n}` });
  const runs = [await init(1, 0.5), await init(2, 2), await init(3, 1)];
  const printed = await scoresJson(...runs);
  assert.equal(printed.scores.map(({ run, init: n }) => [run, n]), [["init1", 1], ["init2", 2], ["init3", 3]]);
  const values = printed.scores.map((s) => s.s_clean!);
  const mean = (values[0] + values[1] + values[2]) / 3;
  const [found] = printed.means.filter(({ measure }) => measure === "s_clean");
  assert.equal([found.over, found.count], ["init", 3]);
  assert.ok(Math.abs(found.mean - mean) < 1e-12 && Math.abs(found.std - Math.sqrt(values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 2)) < 1e-12);
  assert.equal(printed.files, runs.map((run) => join(run, "scores.arrow")), "each run's own scores lie with it; it has one initialisation");
  const both = await writeRun([...rowsOf(0.5, { init: 1, epoch: 10, checkpoint: "a" }), ...rowsOf(2, { init: 1, epoch: 20, checkpoint: "b" })], { name: "init1" });
  const epochs = await scoresJson(both, runs[0]);
  assert.equal(epochs.files, [join(both, "scores.arrow"), join(both, "scores-means.arrow"), join(runs[0], "scores.arrow")]);
  const means = tableFromIPC(readFileSync(epochs.files[1]));
  assert.equal([...means.getChild("over")!].filter((over) => over !== "epoch"), []);
  assert.is(means.schema.fields.map((f) => `${f.name} ${f.type}${f.nullable ? "?" : ""}`).join(", "), "network Utf8, dataset Utf8, over Utf8, init Int32?, epoch Int32?, scope Utf8, layer Utf8, layer_index Int32, filter Utf8, epsilon Float64, epsilon_space Utf8, batch_norm Utf8, images Int32, thresholds Int32, measure Utf8, count Int32, mean Float64, std Float64?, attack Utf8");
  assert.equal(epochs.scores.map(({ run }) => run), [both, both, runs[0]], "folders of one name are told apart");
  const text = await cli(["score", ...runs]);
  assert.match(text.stdout, /mean ± standard deviation over initialisations/);
  const out = join(temporaryFolder(), "sub/all.csv");
  assert.is((await cli(["score", ...runs, "--out", out])).code, 0);
  assert.is(readFileSync(out, "utf8").split("\r\n").length, 1 + 3 + 1);
  assert.match(readFileSync(out.replace(".csv", "-means.csv"), "utf8"), /^network,dataset,over,init,epoch,/);
  assert.match((await cli(["score", ...runs, "--out", out])).stderr, /all\.csv: exists; .*--overwrite/);
  assert.is((await cli(["score", ...runs, "--out", out, "--overwrite"])).code, 0);
  assert.match((await cli(["score", runs[0], join(runs[0], "results.arrow")])).stderr, /comes twice/);
});

readersTest("the formats hold the same scores for pandas", async () => {
  const run = join(folder, "local");
  for (const format of ["csv", "json", "parquet"]) assert.is((await cli(["score", run, "--format", format])).code, 0, format);
  const read = python<Record<string, { columns: string[]; s: (number | null)[]; nulls: number; expected: number; classes: (string | null)[] }>>(
    `
import json, sys
import pandas
run = sys.argv[1]
known = lambda values: [None if pandas.isna(value) else value for value in values]
frames = {"arrow": pandas.read_feather(run + "/scores.arrow"), "csv": pandas.read_csv(run + "/scores.csv", float_precision="round_trip"), "json": pandas.read_json(run + "/scores.json", precise_float=True),
          "parquet": pandas.read_parquet(run + "/scores.parquet")}
print(json.dumps({name: {"columns": list(f.columns), "s": known(f.s_diff), "nulls": int(f.share_targeted.isna().sum()), "expected": int(((f["filter"] != "h_c") | f.s_diff.isna()).sum()), "classes": known(f.class_adv)} for name, f in frames.items()}))`,
    run,
  );
  const { arrow, ...others } = read;
  assert.equal(arrow.columns, SCORE_COLUMNS.map(({ name }) => name));
  // Shares stand in scored rows of h_c.
  assert.ok(arrow.nulls < arrow.s.length && arrow.nulls === arrow.expected, `${arrow.nulls} of ${arrow.s.length} shares are null, not ${arrow.expected}`);
  for (const [name, found] of Object.entries(others)) assert.equal(found, arrow, name);
  const stdout = await cli(["score", run, "--format", "md", "--out", "-"]);
  assert.is(stdout.stdout.split("\n").length, 2 + arrow.s.length + 1);
  assert.match(stdout.stdout, /^\| run +\| network +\|/);
});

test("an interrupted run: a warning names the missing layers, nothing is written into its folder", async () => {
  const run = start(["run", "--limit", "64", "--thresholds", "9", "--out", "stopped"], { cwd: folder });
  const partial = join(folder, "stopped", PARTIAL);
  while (run.process.exitCode === null && !(statSync(partial, { throwIfNoEntry: false })?.size! > 6000)) await new Promise((resolve) => setTimeout(resolve, 5));
  run.process.kill("SIGINT");
  assert.is((await run.ended).code, 130);
  const ended = await cli(["score", "stopped", "--json"], { cwd: folder });
  assert.is(ended.code, 0, ended.stderr);
  const printed = JSON.parse(ended.stdout) as Printed;
  const layers = [...new Set(printed.scores.map(({ layer }) => layer))];
  assert.equal([printed.runs[0].complete, layers[0], printed.scores.length, printed.files], [false, "conv1", 3 * layers.length, []]);
  assert.match(ended.stderr, new RegExp(`not finished.*missing: ${21 - layers.length} of 21 layers of fixtures/demo/\\S+ \\(layer\\S+, .*…\\)`));
  assert.not.ok(readdirSync(join(folder, "stopped")).some((name) => name.startsWith("scores")));
});

test("curves that lack thresholds are left out, with a warning", async () => {
  const cut = rowsOf(1, { layer: "fc", layer_index: 20 }).slice(0, 4);
  const ended = await cli(["score", await writeRun([...rowsOf(1, { layer: "conv1" }), ...cut]), "--json"]);
  assert.is(ended.code, 0, ended.stderr);
  assert.equal((JSON.parse(ended.stdout) as Printed).scores.map(({ layer }) => layer), ["conv1"]);
  assert.match(ended.stderr, /left out 1 curve that lack.*fc h_a epsilon 0\.38/);
  const nothing = await cli(["score", await writeRun(cut.slice(1))]);
  assert.is(nothing.code, 65);
  assert.match(nothing.errors[0], /holds no curve with all its thresholds/);
});

test("a checkpoint that moved is found by --checkpoint, by its content; without it the rows' counts stand in", async () => {
  const moved = temporaryFolder();
  mkdirSync(join(moved, "MNIST/Init_1"), { recursive: true });
  copyFileSync(DEMO_CHECKPOINT, join(moved, "MNIST/Init_1/net.ckpt"));
  using source = new FileSource(DEMO_CHECKPOINT, Infinity);
  const checkpoint = "gone/MNIST/Init_1/net.ckpt";
  const pulse = { alpha: [-0.4, -0.2, 0, 0.2, 0.4], density: [0.99, 0.9, 0.2, 0.9, 0.99], removed: [5, 100, 1000, 100, 5], accuracy_clean: [1, 1, 0.5, 1, 1], accuracy_adv: [0.5, 0.5, 0.5, 0.1, 0.5] };
  const run = await writeRun(curveRows(pulse, { filter: "h_c", layer: "fc", weights: 1280, delta: Math.fround(0.08), checkpoint }), { metadata: { checkpointSha256: { [checkpoint]: sha256(source) } } });
  const without = await cli(["score", run, "--json"]);
  const [score] = (JSON.parse(without.stdout) as Printed).scores;
  assert.equal([score.share_source, score.share_fragile_clean, score.share_uncovered], ["removed", 1000 / 1280, 70 / 1280]);
  assert.match(without.stderr, /gone\/MNIST\/Init_1\/net\.ckpt: not found; shares of weights are counted from the rows.*--checkpoint/);
  for (const place of [moved, join(moved, "MNIST/Init_1/net.ckpt")]) {
    const found = (await scoresJson("--checkpoint", place, run)).scores[0];
    assert.is(found.share_source, "checkpoint");
    assert.ok(found.share_fragile_clean! + found.share_robust_clean! + found.share_antifragile_clean! + found.share_uncovered! - 1 < 1e-12);
  }
  const other = join(moved, "other.ckpt");
  writeFileSync(other, "something else");
  const refused = await cli(["score", run, "--checkpoint", other]);
  assert.is(refused.code, 65);
  assert.match(refused.errors[0], /other\.ckpt: is none of the checkpoints that were swept/);
  writeFileSync(join(moved, "MNIST/Init_1/net.ckpt"), "trained on");
  assert.match((await cli(["score", run, "--checkpoint", moved])).stderr, /net\.ckpt is another file than the one that was swept/);
});

test("what isn't there or isn't asked well is refused in one line, and leaves nothing behind", async () => {
  const run = await writeRun(rowsOf(1));
  const cases: [string[], number, RegExp][] = [
    [["score"], 2, /score: wants <run\.\.>/],
    [["score", "nowhere"], 74, /nowhere: does not exist/],
    [["score", run, "--format", "xml"], 2, /--format: "xml" is none of arrow, csv, json, jsonl, parquet, md/],
    [["score", run, "--out", "scores.txt"], 2, /--out: scores\.txt doesn't say which format/],
    [["score", run, "--checkpoint", "nowhere.ckpt"], 65, /nowhere\.ckpt: does not exist/],
  ];
  for (const [args, code, message] of cases) {
    const ended = await cli(args, { cwd: temporaryFolder() });
    assert.is(ended.code, code, `${args.slice(1)}: ${ended.stderr}`);
    assert.is(ended.errors.length, 1);
    assert.match(ended.errors[0], message);
    assert.is(ended.stdout, "");
  }
  assert.not.ok(existsSync(join(run, "scores.arrow")));
});

test("results under another name have their scores under that name", async () => {
  const run = await writeRun(rowsOf(1));
  renameSync(join(run, "results.arrow"), join(run, "mine.arrow"));
  assert.equal((await scoresJson(join(run, "mine.arrow"))).files, [join(run, "mine.scores.arrow")]);
});

test.run();
