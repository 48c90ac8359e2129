/** Exported programs from the command line to results, against PyTorch's rows; a graph for other files' weights; what is told of them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openGraph } from "../src/inputs/graphs.js";
import { readCheckpoint } from "../src/inputs/weights.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { readRows } from "../src/results/arrow/arrow.js";
import type { Manifest } from "../src/results/manifest.js";
import type { Row } from "../src/sweep/row.js";
import { sweep } from "../src/index.js";
import { DEMO_DATA, temporaryFolder, writeSafetensors } from "./support/cliFiles.js";
import { cli, type Ended } from "./support/cliProcess.js";
import { writeMnistSplits } from "./support/trainingFiles.js";

const FIXTURES = join(PACKAGE_ROOT, "fixtures/exported");
const folder = temporaryFolder();
const SWEEP = ["--data", DEMO_DATA, "--limit", "64", "--filters", "h_a", "--thresholds", "5", "--layers", "conv1,fc", "--no-report"];
const shell = (...args: string[]): Promise<Ended> => cli(args, { cwd: folder });
const rowsOf = (out: string): Promise<Row[]> => readRows(join(folder, out, "results.arrow"));
const manifestOf = (out: string): Manifest => JSON.parse(readFileSync(join(folder, out, "manifest.json"), "utf8")) as Manifest;

test.before(async () => {
  writeFileSync(join(folder, "net.pt2"), gunzipSync(readFileSync(join(FIXTURES, "preactivation.pt2.gz"))));
  writeFileSync(join(folder, "small.pt2"), gunzipSync(readFileSync(join(FIXTURES, "dynamic.pt2.gz"))));
  const { tensors } = await readCheckpoint(join(folder, "net.pt2"));
  writeSafetensors(join(folder, "weights.safetensors"), new Map([...tensors].map(([name, tensor]) => [`model.${name}`, tensor])));
  const ended = await shell("run", "--checkpoint", "net.pt2", ...SWEEP, "--out", "own");
  assert.is(ended.code, 0, ended.stderr);
});

test("a program's sweep has PyTorch's rows", async () => {
  const rows = await rowsOf("own");
  const expected = readFileSync(join(FIXTURES, "preactivation.rows.jsonl"), "utf8").trim().split("\n").map((line) => JSON.parse(line) as Row);
  assert.is(rows.length, expected.length);
  for (const [i, wanted] of expected.entries()) {
    const { network, layer, filter, threshold_index, alpha, removed, correct_clean, correct_adv, loss_clean, loss_adv } = rows[i];
    assert.equal({ network, layer, filter, threshold_index, removed, correct_clean }, { network: "net", layer: wanted.layer, filter: "h_a", threshold_index: wanted.threshold_index, removed: wanted.removed, correct_clean: wanted.correct_clean });
    assert.ok(Math.abs(alpha - wanted.alpha) < 1e-7 && Math.abs(correct_adv - wanted.correct_adv) <= 1, `${layer} ${i}`);
    assert.ok(Math.abs(loss_clean - wanted.loss_clean) < 1e-4 && Math.abs(loss_adv - wanted.loss_adv) < 1e-3, `${layer} ${i}: ${loss_clean}, ${loss_adv}, expected ${wanted.loss_clean}, ${wanted.loss_adv}`);
  }
});

test("the graph of one file takes the weights of another: the same numbers, and a run that says whose graph it was", async () => {
  const ended = await shell("run", "--graph", "net.pt2", "--checkpoint", "weights.safetensors", ...SWEEP, "--out", "theirs");
  assert.is(ended.code, 0, ended.stderr);
  const numbers = (rows: Row[]) => rows.map(({ checkpoint, ...row }) => row);
  assert.equal(numbers(await rowsOf("theirs")), numbers(await rowsOf("own")));
  const { identity, graph } = manifestOf("theirs");
  assert.is(graph, "net.pt2");
  assert.is(identity.graph, manifestOf("own").checkpoints[0].sha256);
  assert.is(manifestOf("own").identity.graph, undefined);
  writeFileSync(join(folder, "other.pt2"), gunzipSync(readFileSync(join(FIXTURES, "preactivation-torch2.8.pt2.gz"))));
  const other = await shell("run", "--graph", "other.pt2", "--checkpoint", "weights.safetensors", ...SWEEP, "--out", "theirs");
  assert.is(other.code, 2);
  assert.match(other.stderr, /holds another run \(graph: there "[0-9a-f]{19}…[0-9a-f]{7}", here/);
});

test("weights that were swept by another file's graph are retrained by it", async () => {
  writeMnistSplits(join(folder, "mnist"), 20, 10);
  const ended = await shell("retrain", "theirs", "--update", "all", "--data", "mnist", "--epochs", "1", "--batch-size", "20", "--epsilon", "0.1", "--no-report", "--out", "again");
  assert.is(ended.code, 0, ended.stderr);
  const { tensors } = await readCheckpoint(join(folder, "again/Saved_models/net/MNIST/Init_1/net_MNIST_1epochs.ckpt"), { graph: openGraph(join(folder, "net.pt2")) });
  assert.equal([...tensors.keys()].sort(), [...(await readCheckpoint(join(folder, "net.pt2"))).tensors.keys()].sort());
  const moved = await shell("retrain", "theirs", "--update", "all", "--checkpoint", "weights.safetensors", "--checkpoint", "other.pt2", "--data", "mnist", "--epochs", "1", "--batch-size", "20", "--out", "other");
  assert.is(moved.code, 65);
  assert.match(moved.stderr, /other\.pt2: is none of the checkpoints that were swept/);
});

test("a graph comes from a --config file as well, and from a script", async () => {
  writeFileSync(join(folder, "run.yaml"), `graph: net.pt2\ncheckpoint: [weights.safetensors]\ndata: ${JSON.stringify(DEMO_DATA)}\nlimit: 64\nfilters: h_a\nthresholds: 5\nlayers: [conv1, fc]\nno-report: true\n`);
  assert.match((await shell("run", "--config", "run.yaml", "--out", "theirs")).stderr, /complete before; nothing was evaluated/);
  const rows: Row[] = [];
  for await (const row of sweep({ graph: join(folder, "net.pt2"), checkpoints: join(folder, "weights.safetensors"), data: DEMO_DATA, limit: 64, filters: ["h_a"], thresholds: 5, layers: ["fc"] })) rows.push(row);
  const numbers = (all: Row[]) => all.filter(({ layer }) => layer === "fc").map(({ loss_clean, loss_adv }) => [loss_clean, loss_adv]);
  assert.equal(numbers(rows), numbers(await rowsOf("theirs")));
});

test("inspect tells a program's layers, and those of weights for a graph", async () => {
  const [own, theirs] = [await shell("inspect", "net.pt2", "--json"), await shell("inspect", "weights.safetensors", "--graph", "net.pt2", "--json")].map(({ stdout }) => JSON.parse(stdout) as { network: string; format: string; layers: { layer: string }[] });
  assert.equal([own.network, own.format, theirs.network, theirs.format], ["net", "exported", "net", "safetensors"]);
  assert.equal(own.layers.map(({ layer }) => layer), ["stem", "conv1", "conv2", "fc"]);
  assert.equal(theirs.layers, own.layers);
});

test("what does not go together is refused before an adapter is opened", async () => {
  const refused = async (code: number, message: RegExp, ...args: string[]): Promise<void> => {
    const ended = await shell("run", ...args);
    assert.is(ended.code, code, ended.stderr);
    assert.match(ended.errors.join("\n"), message);
  };
  await refused(2, /--graph: needs weights with it/, "--graph", "net.pt2");
  await refused(65, /small\.pt2: was exported for images of 1x13x13, and these are of 1x28x28; export the network again with an example of their size/, "--checkpoint", "small.pt2", ...SWEEP);
  await refused(65, /weights\.safetensors: is no exported program/, "--graph", "weights.safetensors", "--checkpoint", "net.pt2", ...SWEEP);
  await refused(65, /weights\.safetensors: .*export the network as a program \(docs\/networks\.md\)|weights\.safetensors: tensor/, "--checkpoint", "weights.safetensors", ...SWEEP);
});

test.run();
