/** The benchmark: its cases, its statistics, taking turns with other processes, what it prints, and a real one. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Case } from "../src/bench/case.js";
import { shapeText } from "../src/layout/shape.js";
import { CaseFiles } from "../src/bench/files.js";
import { measureGrowth } from "../src/bench/growth.js";
import { growthFigure, growthReport } from "../src/bench/growthReport.js";
import { isMeasured, measure, type Absence, type Measurement } from "../src/bench/measure.js";
import { randomImages, randomNetwork } from "../src/bench/networks.js";
import { PeerError, PeerProcess } from "../src/bench/peerProcess.js";
import { profileReport } from "../src/bench/profile.js";
import { report } from "../src/bench/report.js";
import { median, summarise } from "../src/bench/statistics.js";
import { benchOptions, type BenchOptions } from "../src/cli/commands/benchOptions.js";
import { parse } from "../src/cli/parser.js";
import { UsageError } from "../src/errors.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { fakePeer, type Fake } from "./support/fakePeer.js";

async function options(...words: string[]): Promise<BenchOptions> {
  return benchOptions((await parse(["bench", ...words], "0.0.0"))!.args);
}

const ADAPTER = { name: "llvmpipe", vendor: "mesa", architecture: "software", description: "Mesa 25", backend: "vulkan", type: "software", software: true, index: 0, limits: {}, features: [] };
const ENVIRONMENT = {
  adapter: { name: "llvmpipe", type: "software", backend: "vulkan", driver: "Mesa 25" }, kernels: "software", cpu: "a CPU", cores: 2, memory: 2 ** 33, system: "linux 6 x64",
  versions: { package: "0.1.0", node: "20.19.0", webgpu: "0.6.2" }, commit: "abc+", date: "2026-01-02T03:04:05.678Z", load: 0.1,
} as const;
const UNIT: Case = { network: "resnet18", width: 8, input: { channels: 1, height: 28, width: 28 }, classes: 10, batch: 50, work: "unit", sweep: null };
const SWEEP: Case = { ...UNIT, work: "sweep", sweep: { filters: ["h_a"], thresholds: 3, epsilons: [0.4], layers: ["conv1", "fc"], networks: 1 } };
const QUIET = { repetitions: 2, warmup: true, sampleSeconds: 0.1, say: () => undefined };

const engine = (fake: Fake = {}) => fakePeer("engine", { ...fake, hello: { adapter: ADAPTER, ...fake.hello } }, null);

// --- cases ------------------------------------------------------------------------------------------------------------------

test("without arguments: full-width ResNet-18, three works, five samples", async () => {
  const { cases, repetitions, warmup, output, peers, growth } = await options();
  assert.equal(cases.map(({ width, input, classes, batch, work }) => [width, input.height, classes, batch, work]), [[64, 28, 10, 256, "forward"], [64, 28, 10, 256, "gradient"], [64, 28, 10, 256, "unit"]]);
  assert.equal([repetitions, warmup, output, peers, growth], [5, true, "md", [], null]);
});

test("lists by commas make a cross product; sweeps alone are multiplied by what they sweep over", async () => {
  const { cases } = await options("--width", "8,16", "--input", "1x28x28,3x64x64", "--batch", "1,2,3", "--work", "unit,sweep", "--filters", "h_a,h_b+minmax", "--thresholds", "5,7", "--layers", "conv1+fc", "--epsilon", "0.1+0.2");
  assert.is(cases.length, 2 * 2 * 3 * (1 + 2 * 2));
  assert.is(new Set(cases.map((of) => JSON.stringify(of))).size, cases.length);
  assert.equal(cases[1].sweep, { filters: ["h_a"], thresholds: 5, epsilons: [0.1, 0.2], layers: ["conv1", "fc"], networks: 1 });
  assert.equal(cases[4].sweep!.filters, ["h_b", "h_a"]);
  assert.equal(cases.filter(({ input }) => input.height === 64).map(({ classes }) => classes), Array(30).fill(200));
});

test("how often, cold, and in which form", async () => {
  const { repetitions, warmup, output, peers } = await options("-r", "3", "-o", "jsonl", "--no-warmup", "--compare", "torch-cuda,tfjs-webgpu", "--python", "a-python");
  assert.equal([repetitions, warmup, output], [3, false, "jsonl"]);
  assert.equal(peers.map(({ id }) => id), ["torch-cuda-notebook", "torch-cuda-tuned", "torch-cuda-tf32", "tfjs-webgpu"]);
  assert.is(peers[0].command[0], "a-python");
  assert.is((await options("--compare")).peers.length, 9);
});

test("an exported program comes with its own sizes", async () => {
  const file = join(temporaryFolder(), "net.pt2");
  writeFileSync(file, gunzipSync(readFileSync(join(PACKAGE_ROOT, "fixtures/exported/grouped.pt2.gz"))));
  const { cases } = await options("--network", `resnet18,${file}`, "--work", "unit");
  assert.equal(cases.map(({ network, width, input, classes }) => [network, width, shapeText(input), classes]), [["resnet18", 64, "1x28x28", 10], [file, 8, "3x12x11", 7]]);
  const { graph, tensors, layers } = randomNetwork(cases[1], 0);
  assert.equal(layers.map(({ name }) => name), ["a", "b", "c", "d", "fc"]);
  assert.equal(tensors.get("b.weight")!.shape, [12, 2, 3, 1]);
  assert.is(graph.nodes.filter(({ op }) => op === "conv2d").length, 4);
});

const WRONG: [string[], RegExp][] = [
  [["--input", "28x28"], /no shape; give channels, height and width/],
  [["--input", "5x28x28"], /images have 1 to 4/],
  [["--batch", "0"], /--batch/],
  [["--work", "sweeps"], /did you mean sweep\?/],
  [["--network", "resnet81"], /did you mean resnet18\?/],
  [["--network", "net.pt2", "--width", "8"], /--width and --network: don't go together/],
  [["--filters", "h_a"], /belongs to sweeps/],
  [["--work", "sweep", "--filters", "h_a+h_a"], /h_a comes twice/],
  [["-o", "xml"], /none of md, csv, json, jsonl/],
  [["--compare", "torch,caffe"], /no peer "caffe"; there are torch-notebook/],
  [["--figure", "a.svg"], /belongs to --growth/],
  [["--growth", "--width", "8,16"], /grows from one case/],
  [["--growth", "--compare"], /don't go together/],
  [["--peak", "10"], /belongs to --profile/],
  [["--profile", "--peak", "0"], /has to be above 0/],
  [["--kernels", "both"], /"both" is none of software, hardware/],
  [["--profile", "--batch", "8,16"], /takes one case/],
];

for (const [words, message] of WRONG) {
  test(`bench ${words.join(" ")} is refused`, async () => {
    try {
      await options(...words);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UsageError);
      assert.match((error as Error).message, message);
    }
  });
}

// --- numbers ----------------------------------------------------------------------------------------------------------------

test("statistics of known samples", () => {
  const { mean, stddev, ...rest } = summarise([2, 4, 4, 4, 5, 5, 7, 9]);
  assert.equal({ mean, ...rest }, { mean: 5, median: 4.5, min: 2, max: 9 });
  assert.ok(Math.abs(stddev - Math.sqrt(32 / 7)) < 1e-12); // over n - 1
  assert.is(summarise([3]).stddev, 0);
  assert.is(median([9, 1, 5]), 5);
});

test("networks and images are the same whenever they are made, and differ by seed", () => {
  const weights = (seed: number): Float32Array => randomNetwork(UNIT, seed).tensors.get("layer1.0.conv1.weight")!.data;
  assert.equal(weights(0), weights(0));
  assert.not.equal(weights(0), weights(1));
  // He's initialisation over the fan-out: 8 channels x 9.
  const deviation = Math.sqrt(weights(0).reduce((sum, w) => sum + w * w, 0) / weights(0).length);
  assert.ok(Math.abs(deviation / Math.sqrt(2 / 72) - 1) < 0.1, `standard deviation ${deviation}`);
  assert.equal(randomImages(UNIT.input, 10, 5).read(1, 2), randomImages(UNIT.input, 10, 9).read(1, 2));
  assert.equal(randomImages(UNIT.input, 10, 5).labels, randomImages(UNIT.input, 10, 9).labels.slice(0, 5));
  assert.ok(randomImages(UNIT.input, 10, 5).read(0, 5).every((value) => value >= -1 && value <= 1));
});

// --- processes --------------------------------------------------------------------------------------------------------------

test("contenders are measured in turn, and compared by medians", async () => {
  using files = new CaseFiles();
  const log = join(temporaryFolder(), "log");
  const { adapter, outcomes } = await measure([UNIT], [engine({ rate: 3000, log }), fakePeer("a", { rate: 1000, log }), fakePeer("b", { rate: 6000, log, hello: { batch: 7 } })], files, QUIET);
  assert.is(adapter.name, "llvmpipe");
  const [ours, a, b] = outcomes as Measurement[];
  assert.equal([ours, a, b].map(({ ratio }) => ratio), [null, 3, 0.5]);
  assert.equal([ours.rate.median, a.rate.mean, b.rate.stddev], [3000, 1000, 0]);
  assert.equal([ours.batch, b.batch], [50, 7]);
  assert.equal(ours.samples, [{ images: 300, seconds: 0.1 }, { images: 300, seconds: 0.1 }]);
  assert.is(ours.peakMemory, 1 << 20);
  const turns = readFileSync(log, "utf8").trim().split("\n");
  assert.equal(turns.slice(turns.lastIndexOf("b warm") + 2), [...["engine run", "a run", "b run"], ...["engine run", "a run", "b run"], ...["engine end", "a end", "b end"]]);
});

test("a training's batch is nobody's to choose", async () => {
  using files = new CaseFiles();
  const trains = { hello: { works: ["train"] } };
  const { outcomes } = await measure([{ ...UNIT, work: "train" }], [engine({ hello: trains.hello }), fakePeer("a", trains), fakePeer("b", { hello: { ...trains.hello, batch: 7 } }), fakePeer("c", {})], files, QUIET);
  assert.equal(outcomes.map((outcome) => (isMeasured(outcome) ? outcome.batch : outcome.kind)), [50, 50, 7, "unable"]);
});

test("during a sweep the others are measured after every layer; without a sweep of their own, by units", async () => {
  using files = new CaseFiles();
  const log = join(temporaryFolder(), "log");
  const { outcomes } = await measure([SWEEP], [engine({ slices: 3, log }), fakePeer("a", { log, hello: { works: ["forward", "unit"] } }), fakePeer("f", { hello: { works: ["forward"] } })], files, { ...QUIET, repetitions: 1 });
  const turns = readFileSync(log, "utf8").trim().split("\n").filter((turn) => turn.endsWith("run")).slice(-6);
  assert.equal(turns, ["engine run", "a run", "engine run", "a run", "engine run", "a run"]);
  assert.is((outcomes[1] as Measurement).work, "unit");
  assert.equal((outcomes[2] as Absence).reason, "does forward only");
});

test("what is missing, unable, wrong or dies is named with its reason, and ends nobody else's part", async () => {
  using files = new CaseFiles();
  const gone = { ...fakePeer("gone", {}), command: ["/nowhere/python"] };
  const peers = [
    engine(), gone, fakePeer("absent", { refusal: { missing: "no torch" } }), fakePeer("useless", { refusal: { unable: "no CUDA" } }),
    fakePeer("wrong", { logits: [1, -2.1] }), fakePeer("dying", { dieAt: "run" }), fakePeer("silent", { dieAt: "prepare" }), fakePeer("well", {}),
  ];
  const { outcomes } = await measure([UNIT, { ...UNIT, work: "forward" }], peers, files, QUIET);
  assert.is(outcomes.length, 16);
  assert.equal(outcomes.slice(0, 8).map((outcome) => (isMeasured(outcome) ? "measured" : `${outcome.kind}: ${outcome.reason}`)), [
    "measured", "missing: there is no /nowhere/python", "missing: no torch", "unable: no CUDA", "failed: computes something else: logits differ by 0.050 of the largest",
    "failed: ended with exit code 3: last words", "failed: ended with exit code 3: last words", "measured",
  ]);
});

test("this engine's own failure is the command's, with its exit code", async () => {
  using files = new CaseFiles();
  const failing = { ...engine(), command: [process.execPath, "-e", `process.stdin.once("data", () => console.log('{"id":1,"error":"no adapter","exitCode":69}')).on("end", () => process.exit()).on("data", () => process.exit())`] };
  try {
    await measure([UNIT], [failing], files, QUIET);
    assert.unreachable();
  } catch (error) {
    assert.equal([(error as Error).message, (error as { exitCode?: number }).exitCode], ["no adapter", 69]);
  }
});

test("a refusal leaves the process usable", async () => {
  const child = new PeerProcess([process.execPath, "-e", `require("readline").createInterface({ input: process.stdin }).on("line", (line) => { const { id, op } = JSON.parse(line); console.log(JSON.stringify(op === "warm" ? { id, error: "too large\\nmore" } : { id, peakMemory: 5 })); })`]);
  try {
    await child.warm(3);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, PeerError);
    assert.is((error as Error).message, "too large");
  }
  assert.equal(await child.end(), { id: 2, peakMemory: 5 });
});

// --- what is printed --------------------------------------------------------------------------------------------------------

async function outcomesOf() {
  using files = new CaseFiles();
  const missing = fakePeer("absent", { refusal: { missing: "no torch" } }, "pip install torch");
  return (await measure([UNIT], [engine({ rate: 1234.567 }), fakePeer("slow", { rate: 10 }), missing], files, { ...QUIET, warmup: false })).outcomes;
}

test("Markdown: a table, then what is missing, on what and with what it was measured", async () => {
  const lines = report(await outcomesOf(), ENVIRONMENT, "md").split("\n");
  assert.match(lines[2], /^\| resnet18 \| +8 \| 1x28x28 \| unit \| engine +\| thin air \| +50 \| +1235 \| units\/s \| 1235 ± 0 +\| +\|$/);
  assert.match(lines[3], /\| slow +\| thin air \| +50 \| +10 \| units\/s \| 10 ± 0 +\| +123 \|$/);
  assert.match(lines[4], /\| absent +\|.*\| missing +\|/);
  assert.equal(lines.slice(6), [
    "peers: slow 1", "absent: missing: no torch; to install: pip install torch", "adapter: llvmpipe (a software adapter: no GPU, the CPU's cores compute), vulkan, Mesa 25, kernels for software", "machine: a CPU, 2 threads, 8 GiB, linux 6 x64",
    "build: wgpu-inferlink 0.1.0 (abc+), node 20.19.0, webgpu 0.6.2", "date: 2026-01-02 03:04 UTC", "",
  ]);
  assert.match(report(await outcomesOf(), { ...ENVIRONMENT, load: 1.5 }, "md"), /not idle: 1\.5 of 2 threads/);
});

test("JSON has every sample, JSON Lines and CSV the same outcomes", async () => {
  const outcomes = await outcomesOf();
  const json = JSON.parse(report(outcomes, ENVIRONMENT, "json")) as Record<string, unknown>[];
  assert.equal(json[1].samples, [{ images: 50, seconds: 5, rate: 10 }, { images: 50, seconds: 5, rate: 10 }]);
  assert.equal([json[0].adapter_type, json[0].driver, json[0].commit, json[1].engine, json[1].version], ["software", "Mesa 25", "abc+", "slow", "1"]);
  assert.equal([json[2].status, json[2].reason, json[2].install], ["missing", "no torch", "pip install torch"]);
  assert.equal(report(outcomes, ENVIRONMENT, "jsonl").trim().split("\n").map((line) => JSON.parse(line)), json);
  const csv = report(outcomes, ENVIRONMENT, "csv").trim().split("\r\n").map((line) => line.split(","));
  assert.is(csv.length, 4);
  assert.is(csv[2][csv[0].indexOf("median")], "10");
  assert.is(csv[3][csv[0].indexOf("status")], "missing");
});

// --- growth -----------------------------------------------------------------------------------------------------------------

test("growth is a ratio of medians with its limit, in a table and a figure", async () => {
  using files = new CaseFiles();
  // The fake takes as long as it has images, whatever else grows.
  const { growths } = await measureGrowth({ ...SWEEP, batch: 4 }, "conv1", engine({ slices: 2 }), files, { repetitions: 3, say: () => undefined });
  assert.equal(growths.map(({ grows, from, to, time }) => [grows, from, to, Math.round(time * 1000) / 1000]), [
    ["images", "4", "8", 2], ["images", "4", "16", 4], ["networks", "2", "4", 1], ["thresholds", "3", "12", 1], ["epsilons", "1", "2", 1], ["filters", "h_a", "h_a+h_b+h_c", 1], ["images", "4", "10000", 2500],
  ]);
  assert.is(growths[0].small.samples.length, 3);
  assert.is(growths[0].large.samples[0].images, 16); // two slices
  assert.equal(growths[4].large.case.sweep!.epsilons, [0.4, 0.2]);
  const table = growthReport(growths, ENVIRONMENT, "md");
  assert.match(table, /\| thresholds \| 3 +\| 12 +\| .* \| +1 \| +4 \| yes +\| +1 \| +1 \|/);
  growths[0].time = 2.3;
  assert.match(growthReport(growths, ENVIRONMENT, "md"), /\| images +\| 4 +\| 8 +\| .*2\.3 \| +2\.2 \| no /);
  const figure = growthFigure(growths, ENVIRONMENT);
  assert.match(figure, /^<svg [^>]*>.*networks 2 times: 1\.00 times as long.*<\/svg>$/s);
  assert.not.match(figure, /NaN/);
});

test("a profile tells each kernel's rate and its share of the peak", () => {
  const entries = [{ name: "conv2d conv1", calls: 2, ms: 4, leastMs: 1, multiplyAdds: 1e9 }, { name: "fgsm", calls: 1, ms: 1, leastMs: 1, multiplyAdds: 0 }];
  const table = (peak: number | null): string => profileReport(UNIT, { entries, spanMs: 10, busyMs: 5 }, peak, ENVIRONMENT, "md");
  // 2e9 operations in 4 ms are 500 GFLOP/s.
  assert.match(table(2), /\| conv2d conv1 \| +2 \| +4 \| +0\.8 \| +500 \| +0\.25 \|\n\| fgsm +\| +1 \| +1 \| +0\.2 \| +\| +\|/);
  assert.not.match(table(null), /of_peak/);
  assert.equal((JSON.parse(profileReport(UNIT, { entries, spanMs: 10, busyMs: 5 }, 2, ENVIRONMENT, "json")) as { kernels: object[] }).kernels[0], { kernel: "conv2d conv1", calls: 2, gpu_ms: 4, share: 0.8, gflops: 500, of_peak: 0.25 });
});

// --- real ones --------------------------------------------------------------------------------------------------------------

test("a tiny benchmark on the real engine, all five works", async () => {
  const done = await cli(["bench", "-r", "2", "--width", "8", "--batch", "8", "--work", "forward,gradient,unit,sweep,train", "--layers", "conv1+fc", "--thresholds", "2", "-o", "json", "--quiet"]);
  assert.is(done.code, 0, done.stderr);
  assert.equal(done.errors, []);
  const results = JSON.parse(done.stdout) as { work: string; unit: string; median: number; samples: { images: number; seconds: number }[]; adapter: string; driver: string; cpu: string }[];
  assert.equal(results.map(({ work, unit }) => [work, unit]), [["forward", "images/s"], ["gradient", "images/s"], ["unit", "units/s"], ["sweep", "units/s"], ["train", "images/s"]]);
  for (const { samples, median: middle, adapter, driver, cpu } of results) {
    assert.is(samples.length, 2);
    assert.ok(samples.every(({ images, seconds }) => images > 0 && images % 8 === 0 && seconds > 0));
    assert.ok(Math.abs(middle - median(samples.map(({ images, seconds }) => images / seconds))) < 1e-6);
    assert.ok(adapter && driver && cpu);
  }
  assert.is(results[3].samples[0].images, 2 * 3 * 2 * 8); // layers, filters, thresholds, images
});

const isInstalled = existsSync(join(PACKAGE_ROOT, "bench/peers/node_modules/onnxruntime-node"));
if (!isInstalled) console.log("skipped onnxruntime as a peer: it is not installed (npm ci --ignore-scripts --prefix bench/peers)");

(isInstalled ? test : test.skip)("onnxruntime computes the same logits from the ONNX file that is written for it", async () => {
  const done = await cli(["bench", "-r", "1", "--width", "8", "--input", "3x32x32", "--batch", "8", "--work", "forward", "--no-warmup", "--compare", "onnxruntime-cpu", "-o", "json", "--quiet"]);
  const [, peer] = JSON.parse(done.stdout) as { engine: string; status: string; ours_over_this: number }[];
  assert.equal([peer.engine, peer.status], ["onnxruntime-cpu", "measured"], done.stdout);
  assert.ok(peer.ours_over_this > 0);
});

test("--compare without what it compares with says so, and measures the rest", async () => {
  const done = await cli(["bench", "-r", "1", "--width", "8", "--batch", "8", "--work", "forward", "--no-warmup", "--compare", "torch-tuned", "--python", "no-such-python"]);
  assert.is(done.code, 0, done.stderr);
  assert.match(done.stdout, /\| wgpu-inferlink \|.*images\/s/);
  assert.match(done.stdout, /PyTorch, tuned: missing: there is no no-such-python; to install: /);
});

test.run();
