/** Exported programs (fixtures/exported, by PyTorch 2.6, 2.8 and 2.14) as graphs, by plain loops against what the modules answer in PyTorch. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openGraph } from "../src/inputs/graphs.js";
import { openCheckpoint, parseCheckpoint, readCheckpoint } from "../src/inputs/weights.js";
import { readTensors } from "../src/io/checkpoints/checkpoint.js";
import { encodeSafetensors, readSafetensors } from "../src/io/checkpoints/safetensors.js";
import { MemorySource } from "../src/io/source.js";
import type { Tensor } from "../src/io/types.js";
import { networkOf } from "../src/model/checkpoint.js";
import { isIdle } from "../src/ops/dropout.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { exportedFile, node, NODES, tensor } from "./support/exportedFile.js";
import { evaluate } from "./support/graphLoops.js";
import { folder, refuses } from "./support/io.js";

const FOLDER = join(PACKAGE_ROOT, "fixtures/exported");
const NAMES = readdirSync(FOLDER).flatMap((file) => /^(.*)\.pt2\.gz$/.exec(file)?.[1] ?? []).sort();
const IMAGES = 5;
const LABELS = Array.from({ length: IMAGES }, (_, i) => (i * 3) % 7);

const fileOf = (name: string): Buffer => gunzipSync(readFileSync(join(FOLDER, `${name}.pt2.gz`)));

/** What the network answers, whichever version exported it. */
function answersOf(name: string): Map<string, Tensor> {
  const source = new MemorySource("arrays", readFileSync(join(FOLDER, `${name.replace(/-torch.*$/, "")}.arrays.safetensors`)));
  return readTensors(source, readSafetensors(source));
}

const relative = (got: ArrayLike<number>, wanted: ArrayLike<number>): number => {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < wanted.length; i++) {
    difference = Math.max(difference, Math.abs(got[i] - wanted[i]));
    largest = Math.max(largest, Math.abs(wanted[i]));
  }
  assert.is(got.length, wanted.length);
  return difference / largest;
};

/** Of logits, which may be shifted by one number each image where the network ends in log-probabilities. */
function shifted(logits: ArrayLike<number>): number[] {
  const classes = logits.length / IMAGES;
  const rows = Array.from({ length: IMAGES }, (_, i) => Array.from({ length: classes }, (__, j) => logits[i * classes + j]));
  return rows.flatMap((row) => row.map((logit) => logit - row.reduce((a, b) => a + b, 0) / classes));
}

for (const name of NAMES) {
  test(`${name} answers what the module answers in PyTorch`, () => {
    const checkpoint = parseCheckpoint(new MemorySource(`${name}.pt2`, fileOf(name)));
    const network = networkOf(checkpoint.choice.chosen.architecture, checkpoint);
    const answers = answersOf(name);
    const { shape: [images, channels, height, width], data } = answers.get("x")!;
    assert.equal([network.image, images, network.name, checkpoint.format], [{ channels, height, width }, IMAGES, name, "exported"]);
    for (const [batchNorm, suffix] of [["running", ""], ["batch", "_bn_batch"]] as const) {
      const logits = answers.get(`logits${suffix}`);
      if (!logits) continue;
      const got = evaluate(network, { channels, height, width }, data, LABELS, batchNorm);
      assert.ok(relative(shifted(got.logits), shifted(logits.data)) < 2e-5, `${batchNorm}: logits`);
      assert.ok(relative(got.gradient, answers.get(`grad${suffix}`)!.data) < 2e-4, `${batchNorm}: gradient`);
    }
  });
}

test("there are files of each archive layout, and none names a folder of the machine that made it", () => {
  for (const version of ["2.6", "2.8"]) assert.ok(NAMES.includes(`preactivation-torch${version}`));
  for (const name of NAMES) assert.not.match(fileOf(name).toString("latin1"), /File \\"[^"\\]*\//, name);
});

test("layers are called as in the state_dict, in its order", async () => {
  const dir = folder({ "mine.pt2": fileOf("squeeze-excite"), "tied.pt2": fileOf("tied") });
  const { choice: { chosen: { architecture } } } = await openCheckpoint(join(dir, "mine.pt2"));
  assert.equal(architecture.layers.map(({ name, shape }) => [name, shape]), [["a", [8, 1, 3, 3]], ["b", [8, 4, 3, 3]], ["fc", [10, 8]], ["squeeze", [4, 8]], ["excite", [8, 4]], ["gate", [8, 8, 1, 1]]]);
  assert.equal([architecture.name, architecture.width, architecture.channels, architecture.classes], ["mine", 8, 1, 10]);
  const tied = await openCheckpoint(join(dir, "tied.pt2"));
  assert.equal(tied.choice.chosen.architecture.layers.map(({ name }) => name), ["a", "c", "fc"]);
});

test("reshapes and what nobody reads leave no node, dropout one that does nothing", () => {
  const { choice: { chosen: { architecture: { graph } } } } = parseCheckpoint(new MemorySource("a.pt2", fileOf("shuffle")));
  assert.equal(graph.nodes.filter(({ op }) => op === "shuffle").map((node) => "groups" in node && node.groups), [3, 2, 6, 4, 2]);
  assert.equal(graph.nodes.filter(({ op }) => op === "flatten"), []);
});

test("a dropout is read by those that read what it made, and by nobody else", () => {
  const dropout = (name: string, of: string) => node(name, { op: "aten.dropout.default", inputs: { input: tensor(of), p: { as_float: 0.5 }, train: { as_bool: false } } });
  const [conv, mean, linear] = NODES;
  const nodes = [conv, dropout("d", "conv"), dropout("e", "conv"), ...[["f", "d", "conv"], ["g", "f", "e"]].map(([name, self, other]) => node(name, { op: "aten.add.Tensor", inputs: { self: tensor(self), other: tensor(other) } })), { ...mean, inputs: [{ name: "self", arg: tensor("g"), kind: 1 }, ...(mean.inputs as unknown[]).slice(1)] }, linear];
  const { graph } = parseCheckpoint(new MemorySource("a.pt2", exportedFile({ nodes }))).choice.chosen.architecture;
  const of = (op: string) => graph.nodes.filter((each) => each.op === op);
  // Each is read once, so that nobody can have meant what is in front of it.
  assert.not(of("dropout").some(isIdle));
  const [f] = nodes.filter(({ name }) => name === "f");
  const twice = nodes.map((each) => (each === f ? node("f", { op: "aten.add.Tensor", inputs: { self: tensor("d"), other: tensor("d") } }) : each));
  const read = parseCheckpoint(new MemorySource("a.pt2", exportedFile({ nodes: twice }))).choice.chosen.architecture.graph;
  assert.equal(read.nodes.filter(({ op }) => op === "dropout").map(isIdle), [true, false]);
  const [made] = of("conv2d");
  const [d, e] = of("dropout");
  assert.equal([d.inputs, e.inputs], [[made.output], [made.output]]);
  assert.equal(of("add").map(({ inputs }) => inputs), [[d.output, made.output], [of("add")[0].output, e.output]]);
});

test("zeros in front of a convolution are its own padding, also where some of them have to stay", () => {
  const nodesOf = (name: string) => parseCheckpoint(new MemorySource("a.pt2", fileOf(name))).choice.chosen.architecture.graph.nodes;
  const [padded] = nodesOf("grouped").filter(({ op }) => op === "pad" || op === "conv2d");
  assert.equal(["pad" in padded && padded.pad, "padEnd" in padded && padded.padEnd], [[1, 0], [1, 1]]);
  // Those above and to the left alone can be no padding, but with those below and to the right they are.
  assert.equal(nodesOf("cropped").flatMap((node) => (node.op === "conv2d" && node.weight === "c.weight" ? [node.pad, node.padEnd] : [])), [[2, 2], [0, 0]]);
});

test("tied weights are one array under two names", async () => {
  const dir = folder({ "tied.pt2": fileOf("tied") });
  const { tensors } = await readCheckpoint(join(dir, "tied.pt2"));
  assert.ok(tensors.get("b.weight")!.data === tensors.get("c.weight")!.data);
});

test("the same network of all versions and memory layouts has the same weights", () => {
  const weights = (name: string) => parseCheckpoint(new MemorySource("a.pt2", fileOf(name))).tensors;
  for (const [name, others] of [["preactivation", ["preactivation-torch2.6", "preactivation-torch2.8", "dynamic", "training", "decomposed"]], ["tied", ["tied-torch2.6", "tied-torch2.8", "one-storage"]]] as const) {
    for (const other of others) assert.equal(weights(other), weights(name), other);
  }
});

test("a graph takes other files' weights, under any prefix, and is checked against them", async () => {
  const dir = folder({ "net.pt2": fileOf("constants"), "tied.pt2": fileOf("tied") });
  const { tensors } = await readCheckpoint(join(dir, "net.pt2"));
  const doubled = new Map([...tensors].filter(([name]) => name !== "std" && name !== "shift").map(([name, { shape, data }]) => [name, { shape, data: data.map((value) => 2 * value) }]));
  const prefixed = (prefix: string, of = doubled): Buffer => encodeSafetensors(new Map([...of].map(([name, tensor]) => [prefix + name, tensor])));
  const other = folder({ "e1.safetensors": prefixed("model."), "e2.safetensors": prefixed("", new Map([...doubled].slice(0, -1))) });
  const graph = openGraph(join(dir, "net.pt2"));
  const { tensors: taken, choice: { chosen: { architecture } }, normalisation } = await readCheckpoint(join(other, "e1.safetensors"), { graph });
  assert.equal([...taken.get("conv.weight")!.data], [...doubled.get("conv.weight")!.data]);
  // Numbers that are part of the graph are the other file's, too, but for those that no state_dict has.
  const scales = (of: typeof architecture) => of.graph.nodes.flatMap((node) => (node.op === "scale" ? [node] : []));
  const [own, theirs] = [scales(graph.architecture), scales(architecture)];
  assert.equal(theirs[0].shift, own[0].shift.map((value) => 2 * value));
  assert.equal(theirs[1].factor, own[1].factor);
  assert.equal(theirs[2].factor, own[2].factor.map((value) => 2 * value));
  assert.is(normalisation, null);
  await refuses(() => readCheckpoint(join(other, "e2.safetensors"), { graph }), /e2\.safetensors: tensor \S+ is missing for the graph net/);
  await refuses(() => readCheckpoint(join(other, "e1.safetensors"), { graph: openGraph(join(dir, "tied.pt2")) }), /e1\.safetensors: tensor \S+ is missing for the graph tied/);
  await refuses(() => openGraph(join(other, "e1.safetensors")), /e1\.safetensors: is no exported program/);
});

test.run();
