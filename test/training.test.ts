/** Trainings on the real device: against ten steps of PyTorch, plain loops, and themselves. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readTensors, openCheckpointFile } from "../src/io/checkpoints/checkpoint.js";
import { readSafetensors } from "../src/io/checkpoints/safetensors.js";
import { readCheckpoint } from "../src/inputs/weights.js";
import type { Network } from "../src/model/architecture.js";
import { describeCheckpoint } from "../src/model/checkpoint.js";
import { GraphBuilder } from "../src/model/builder.js";
import { evaluateGraph } from "../src/model/twin.js";
import type { DropoutNode } from "../src/ops/common/nodes.js";
import { isKept } from "../src/ops/dropout.js";
import type { Graph } from "../src/model/graph.js";
import type { MapShape } from "../src/layout/shape.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { openDevice } from "../src/run/open.js";
import { OPTIMIZER_DEFAULTS, type OptimizerConfig } from "../src/train/optimizer.js";
import type { TrainerOptions } from "../src/train/batchPlans.js";
import { isTrainable } from "../src/train/parts.js";
import { type StepResult, Trainer } from "../src/train/trainer.js";
import { assertClose, noise } from "./support/close.js";
import { CLASSES, classify, randomTensors } from "./support/graph.js";

const GPUS = { software: await openDevice({ kernels: "software" }), hardware: await openDevice({ kernels: "hardware" }) };
test.after(() => Object.values(GPUS).forEach((gpu) => gpu.close()));
const gpu = GPUS.software;

const adam: OptimizerConfig = { ...OPTIMIZER_DEFAULTS, kind: "adam" };

interface Run {
  network: string;
  optimizer: OptimizerConfig["kind"];
  lr: number;
  momentum?: number;
  nesterov?: boolean;
  weight_decay?: number;
  label_smoothing: number;
  losses: number[];
  gradients: Record<string, [number, number]>;
  moments: Record<string, Record<string, [number, number]>>;
  running: Record<string, [number, number]>;
}

const GOLDEN = `${PACKAGE_ROOT}/fixtures/golden/`;
const json = (file: string): unknown => JSON.parse(readFileSync(GOLDEN + file, "utf8"));
const { runs } = json("training.json") as { runs: Record<string, Run> };
const NOISE = noise(200_000);

/** Largest absolute value, and the product with a fixed row of numbers. */
function digest(values: Float32Array): [number, number] {
  return [values.reduce((most, value) => Math.max(most, Math.abs(value)), 0), values.reduce((sum, value, i) => sum + value * NOISE[i], 0)];
}

/** @param tolerance of the largest value, for each number */
function assertDigests(found: Map<string, Float32Array>, expected: Record<string, [number, number]>, tolerance: number, what: string): void {
  assert.equal([...found.keys()].sort(), Object.keys(expected).sort(), what);
  const largest = Math.max(...Object.values(expected).map(([most]) => most));
  for (const [tensor, [most, product]] of Object.entries(expected)) {
    const values = found.get(tensor)!;
    const [ownMost, ownProduct] = digest(values);
    // What is 0 but for rounding, such as the bias in front of a batch norm's mean, is compared with the whole.
    const scale = Math.max(most, 1e-3 * largest);
    assert.ok(Math.abs(ownMost - most) <= tolerance * scale, `${what} of ${tensor}: largest value ${ownMost} instead of ${most}`);
    assert.ok(Math.abs(ownProduct - product) <= tolerance * scale * Math.sqrt(values.length), `${what} of ${tensor}: product ${ownProduct} instead of ${product}`);
  }
}

/** A network of fixtures/golden/networks without dropout, and its images. */
async function golden(name: string): Promise<{ network: Network; image: MapShape; pixels: Float32Array; labels: Uint32Array }> {
  const network = describeCheckpoint(await readCheckpoint(`${GOLDEN}networks/${name}.safetensors`));
  for (const node of network.graph.nodes) if ("probability" in node) node.probability = 0;
  using source = openCheckpointFile(`${GOLDEN}networks/${name}.arrays.safetensors`);
  const x = readTensors(source, readSafetensors(source)).get("x")!;
  const [, channels, height, width] = x.shape;
  const { cases } = json("networks/networks.json") as { cases: Record<string, { labels: number[] }> };
  return { network, image: { channels, height, width }, pixels: x.data, labels: Uint32Array.from(cases[name].labels) };
}

async function losses(trainer: Trainer, pixels: Float32Array, labels: Uint32Array, rates: number[]): Promise<StepResult[]> {
  const results: StepResult[] = [];
  trainer.onStep = (result) => results.push(result);
  for (const rate of rates) await trainer.step(pixels, labels, rate);
  await trainer.drain();
  return results;
}

/** Of those by the kernels for hardware: every kind of convolution is in them. */
const BY_BOTH = ["resnet18-cifar adamw", "mobilenet_v2 of one step"];
const CASES = Object.entries(runs).flatMap(([key, run]) => [{ key, run, gpu }, ...(BY_BOTH.includes(key) ? [{ key, run, gpu: GPUS.hardware }] : [])]);

for (const { key, run, gpu } of CASES) {
  test(`${key} by the kernels for ${gpu.kernels}: losses, gradients and moments are PyTorch's`, async () => {
    const { network, image, pixels, labels } = await golden(run.network);
    const optimizer = { ...adam, kind: run.optimizer, momentum: run.momentum ?? 0, nesterov: run.nesterov ?? false, weightDecay: run.weight_decay ?? 0 };
    const trainer = await Trainer.open(gpu, network, { optimizer, batch: labels.length, labelSmoothing: run.label_smoothing }, image);
    try {
      const first = await losses(trainer, pixels, labels, [run.lr]);
      assertDigests(await trainer.gradients(), run.gradients, 1e-3, "gradient");
      const rest = await losses(trainer, pixels, labels, run.losses.slice(1).map(() => run.lr));
      [...first, ...rest].forEach(({ loss, step }, i) => {
        assert.is(step, i + 1);
        assert.ok(Math.abs(loss - run.losses[i]) <= 1e-4 * Math.max(1, run.losses[i]), `loss of step ${step}: ${loss} instead of ${run.losses[i]}`);
      });
      const { moments, tensors } = await trainer.state();
      Object.values(run.moments).forEach((expected, i) => assertDigests(moments[i], expected, 5e-3, `moment ${i + 1}`));
      const counted = Object.keys(run.running);
      assertDigests(new Map(counted.map((name) => [name, tensors.get(name)!.data])), run.running, 1e-3, "statistics");
    } finally {
      trainer.close();
    }
  });
}

interface Made {
  network: Network;
  image: MapShape;
  pixels: Float32Array;
  labels: Uint32Array;
}

function made(image: MapShape, build: (b: GraphBuilder) => Graph, images = 7): Made {
  const graph = build(new GraphBuilder());
  const tensors = new Map([...randomTensors(graph, 3)].map(([name, data]) => [name, { shape: [data.length], data }]));
  const network: Network = { name: "made", width: 1, channels: image.channels, classes: CLASSES, graph, layers: [], tensors };
  return { network, image, pixels: noise(images * image.channels * image.height * image.width, 5).map((value) => 2 * value), labels: Uint32Array.from({ length: images }, (_, i) => (i * 3) % CLASSES) };
}

const open = ({ network, image, labels }: Made, options: Partial<TrainerOptions> = {}, on = gpu): Promise<Trainer> => Trainer.open(on, network, { optimizer: adam, batch: labels.length, ...options }, image);

async function gradientsOf(of: Made, options: Partial<TrainerOptions> = {}, on = gpu): Promise<Map<string, Float32Array>> {
  const trainer = await open(of, options, on);
  try {
    await losses(trainer, of.pixels, of.labels, [0.01]);
    return await trainer.gradients();
  } finally {
    trainer.close();
  }
}

const SEED = 7;

/** By plain loops, of the batch's mean loss; the first step of a training with dropout. */
function expected({ network, image, pixels, labels }: Made): Map<string, Float64Array> {
  const tensors = new Map([...network.tensors].map(([name, { data }]) => [name, data]));
  const { parameterGradients } = evaluateGraph(network.graph, tensors, {
    image, pixels, labels, batchNorm: "batch", dropout: (node) => (index) => isKept(node as DropoutNode, SEED, 1, index),
  });
  return new Map([...parameterGradients].map(([name, values]) => [name, values.map((value) => value / labels.length)]));
}

const CONVOLUTIONS: { name: string; image: MapShape; build(b: GraphBuilder): string; images?: number }[] = [
  { name: "3x3, 1x1 and a bias on 9x7 maps", image: { channels: 3, height: 9, width: 7 }, build: (b) => b.conv(b.conv("image", "a", 3, 5, 3, { pad: 1, bias: true }), "b", 5, 18, 1) },
  { name: "strides, dilation and a rectangle", image: { channels: 2, height: 13, width: 10 }, build: (b) => b.conv(b.conv("image", "a", 2, 9, [5, 3], { pad: [2, 1], stride: [2, 1] }), "b", 9, 4, 3, { dilation: [1, 2], stride: [1, 2], pad: 1 }) },
  { name: "more images than lanes, few channels", image: { channels: 1, height: 6, width: 5 }, images: 37, build: (b) => b.conv("image", "a", 1, 3, 3) },
  { name: "depthwise, grouped and pointwise", image: { channels: 4, height: 8, width: 8 }, build: (b) => b.conv(b.conv(b.conv("image", "a", 4, 8, 3, { pad: 1, groups: 4 }), "b", 8, 12, 3, { pad: 1, groups: 2, bias: true }), "c", 12, 20, 1) },
  { name: "maps of two columns and of one pixel", image: { channels: 20, height: 4, width: 4 }, build: (b) => b.conv(b.conv(b.conv("image", "a", 20, 24, 3, { stride: 2, pad: 1 }), "b", 24, 36, 3, { stride: 2, pad: 1 }), "c", 36, 9, 1) },
  { name: "grouped on one pixel, by three and by four", image: { channels: 12, height: 1, width: 1 }, build: (b) => b.conv(b.conv("image", "a", 12, 24, 1, { groups: 4 }), "b", 24, 12, 1, { groups: 3 }) },
  { name: "so many channels that images are not shared out", image: { channels: 7, height: 5, width: 6 }, build: (b) => b.conv(b.conv("image", "a", 7, 21, 5, { pad: 2 }), "b", 21, 37, 3) },
  { name: "a kernel as large as a wide map", image: { channels: 2, height: 30, width: 31 }, build: (b) => b.conv("image", "a", 2, 3, [30, 31]) },
];

for (const { name, image, build, images, on } of CONVOLUTIONS.flatMap((each) => Object.values(GPUS).map((on) => ({ ...each, on })))) {
  test(`gradients of weights by the kernels for ${on.kernels}: ${name}`, async () => {
    const of = made(image, (b) => {
      const x = build(b);
      return classify(b, x, image);
    }, images);
    const found = await gradientsOf(of, {}, on);
    const wanted = expected(of);
    assert.equal([...found.keys()].sort(), [...wanted.keys()].sort());
    for (const [tensor, values] of wanted) assertClose(found.get(tensor)!, values, 1e-5, tensor);
  });
}

/** Dropout on maps and on vectors, a batch norm, a sum, moved channels. */
const MIXED = made({ channels: 3, height: 9, width: 10 }, (b) => {
  const x = b.relu(b.norm(b.conv("image", "a", 3, 8, 3, { pad: 1 }), "norm", 8));
  const y = b.dropout(b.concat([b.slice(x, 0, 4), b.shuffle(b.conv(x, "b", 8, 8, 3, { pad: 1, groups: 8 }), 2)]), 0.3);
  const z = b.maxPool(b.add(b.conv(y, "c", 12, 8, 1, { bias: true }), x), 2);
  return b.graph(b.linear(b.dropout(b.relu(b.linear(b.flatten(z), "d", 8 * 20, 17))), "fc", 17, CLASSES));
}, 10);

/** Whole channels, and with mean and variance as they were. */
const DROPPING = made({ channels: 2, height: 6, width: 7 }, (b) => {
  const x = b.relu(b.dropout(b.conv("image", "a", 2, 8, 3, { bias: true }), 0.4, { channels: true }));
  const z = b.add(b.concat([b.dropout(b.slice(x, 0, 4), 0.3), b.slice(x, 4, 4)]), b.dropout(x, 0.2));
  const y = b.dropout(b.conv(b.add(z, x), "b", 8, 6, 2, { bias: true }), 0.3, { alpha: true });
  return b.graph(b.linear(b.dropout(b.linear(b.flatten(b.dropout(y, 0.25, { channels: true, alpha: true }, "c")), "d", 6 * 12, 9), 0.5, { channels: true }, "e"), "fc", 9, CLASSES));
}, 11);

for (const [name, of] of Object.entries({ "of numbers": MIXED, "of channels, and alpha dropout": DROPPING })) {
  test(`dropout ${name} drops the same as plain loops`, async () => {
    for (const on of Object.values(GPUS)) {
      const found = await gradientsOf(of, { seed: SEED }, on);
      for (const [tensor, values] of expected(of)) assertClose(found.get(tensor)!, values, 1e-5, `${tensor} by the kernels for ${on.kernels}`);
    }
  });
}

test("running statistics follow those of the batch by the norm's momentum", async () => {
  const moved = async (momentum?: number): Promise<Float32Array[]> => {
    const { graph, tensors } = MIXED.network;
    const network = { ...MIXED.network, graph: { ...graph, nodes: graph.nodes.map((node) => (node.op === "batch_norm" ? { ...node, momentum } : node)) } };
    const trainer = await open({ ...MIXED, network });
    await losses(trainer, MIXED.pixels, MIXED.labels, [0.01]);
    const state = await trainer.state();
    trainer.close();
    return ["norm.running_mean", "norm.running_var"].map((name) => state.tensors.get(name)!.data.map((value, i) => value - tensors.get(name)!.data[i]));
  };
  const [usual, fast] = [await moved(), await moved(0.5)];
  fast.forEach((by, i) => assertClose(by, Float64Array.from(usual[i], (value) => 5 * value), 1e-4, ["mean", "variance"][i]));
  await moved(0).then(() => assert.unreachable(), (error: Error) => assert.match(error.message, /norm has momentum 0/));
});

test("running statistics move in the order of the forward pass, and where nothing in front of them is learned", async () => {
  const image = { channels: 3, height: 5, width: 7 };
  const of = made(image, (b) => {
    const graph = classify(b, b.norm(b.norm("image", "first", 3), "second", 3), image);
    return { ...graph, nodes: graph.nodes.map((node) => (node.op === "batch_norm" ? { ...node, weight: null, bias: null, mean: "norm.mean", variance: "norm.variance" } : node)) };
  });
  const [before, values] = [["norm.mean", "norm.variance"].map((name) => of.network.tensors.get(name)!.data), of.labels.length * 35];
  const wanted = [0, 1, 2].map((channel) => {
    const x = of.pixels.filter((_, i) => Math.floor(i / 35) % 3 === channel);
    const mean = x.reduce((sum, value) => sum + value, 0) / values;
    const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values;
    const unbiased = values / (values - 1);
    // The second time the norm sees what it normalised: a mean of 0.
    return [[mean, 0], [variance * unbiased, (variance / (variance + 1e-5)) * unbiased]].map((batches, i) => batches.reduce((running, batch) => 0.9 * running + 0.1 * batch, before[i][channel]));
  });
  for (const on of Object.values(GPUS)) {
    const trainer = await open(of, {}, on);
    await losses(trainer, of.pixels, of.labels, [0.01]);
    const { tensors } = await trainer.state();
    trainer.close();
    ["norm.mean", "norm.variance"].forEach((name, i) => assertClose(tensors.get(name)!.data, Float64Array.from(wanted, (each) => each[i]), 1e-5, `${name} by the kernels for ${on.kernels}`));
  }
});

test("a norm whose statistics could not move hinders no training that leaves them", () => {
  const { graph } = MIXED.network;
  const network = { ...MIXED.network, graph: { ...graph, nodes: graph.nodes.map((node) => (node.op === "batch_norm" ? { ...node, momentum: 0 } : node)) } };
  const images = { batch: 8, microBatch: 4 };
  assert.equal([isTrainable(network, MIXED.image, images), isTrainable(network, MIXED.image, { ...images, keepsStatistics: true })], [false, true]);
});

test("a batch in parts gives the gradients of the whole, dropout included", async () => {
  const plain = made(MIXED.image, (b) => b.graph(b.linear(b.flatten(b.dropout(b.relu(b.conv("image", "a", 3, 6, 3, { stride: 2 })))), "fc", 6 * 16, CLASSES)), 10);
  const whole = await gradientsOf(plain, { seed: SEED });
  for (const [tensor, values] of await gradientsOf(plain, { seed: SEED, microBatch: 4 })) assertClose(values, whole.get(tensor)!, 1e-5, tensor);
});

test("what is not chosen keeps its bytes, and its moments stay zero", async () => {
  const choice = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => Number(i % 3 === 0));
  for (const kind of ["adam", "adamw", "sgd"] as const) {
    const update = new Map(["c.weight", "fc.weight", "norm.bias"].map((name) => [name, choice(MIXED.network.tensors.get(name)!.data.length)]));
    const trainer = await open(MIXED, { optimizer: { ...adam, kind, momentum: 0.9, weightDecay: 0.1 }, update, keepsStatistics: true });
    await losses(trainer, MIXED.pixels, MIXED.labels, [0.01, 0.01]);
    const { tensors, moments } = await trainer.state();
    trainer.close();
    for (const [name, { data }] of MIXED.network.tensors) {
      const after = tensors.get(name)!.data;
      const chosen = update.get(name);
      if (/running/.test(name)) assert.equal(after, data, name);
      else after.forEach((value, i) => assert.is(value === data[i], chosen?.[i] === 0, `${kind}: ${name}[${i}] was ${data[i]}, is ${value}`));
      if (chosen) for (const moment of moments) moment.get(name)!.forEach((value, i) => chosen[i] === 0 && assert.is(value, 0));
    }
  }
});

test("a training that goes on from its state ends with the same bytes", async () => {
  const rates = [0.01, 0.02, 0.03];
  const trainer = await open(MIXED, { seed: SEED });
  await losses(trainer, MIXED.pixels, MIXED.labels, rates.slice(0, 1));
  const middle = await trainer.state();
  await losses(trainer, MIXED.pixels, MIXED.labels, rates.slice(1));
  const whole = await trainer.state();
  trainer.restore(middle);
  await losses(trainer, MIXED.pixels, MIXED.labels, rates.slice(1));
  const resumed = await trainer.state();
  trainer.close();
  assert.is(resumed.step, 3);
  assert.equal(resumed.tensors, whole.tensors);
  assert.equal(resumed.moments, whole.moments);
});

test("the largest gradient names its tensor, NaN before any number", async () => {
  const trainer = await open(MIXED);
  await losses(trainer, MIXED.pixels, MIXED.labels, [0.01]);
  const { tensor, value } = await trainer.largestGradient();
  assert.ok(MIXED.network.tensors.has(tensor) && value > 0);
  await losses(trainer, MIXED.pixels.map(() => NaN), MIXED.labels, [0.01]);
  assert.ok(Number.isNaN((await trainer.largestGradient()).value));
  trainer.close();
});

test.run();
