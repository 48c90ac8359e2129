/** Attacks of several steps: kernels, whole graphs against plain loops, and networks against PyTorch's answers. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { openCheckpointFile, readTensors } from "../src/io/checkpoints/checkpoint.js";
import { readSafetensors } from "../src/io/checkpoints/safetensors.js";
import { blockLayout, type MapShape } from "../src/layout/blocks.js";
import { GraphBuilder } from "../src/model/builder.js";
import { describeCheckpoint } from "../src/model/checkpoint.js";
import type { Graph } from "../src/model/graph.js";
import { pgdStep, randomStartStep, startNoise } from "../src/ops/pgd.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { planBytes } from "../src/plan/memory.js";
import { stepsOf, unrolledBody } from "../src/plan/plan.js";
import type { SweepConfig } from "../src/sweep/config.js";
import { attackByLoops, attackOnDevice, planPgd, type PgdCase } from "./support/attack.js";
import { assertClose, noise } from "./support/close.js";
import { sweep } from "./support/demoSweep.js";
import { CLASSES, classify, layersOf, quantiles, randomTensors } from "./support/graph.js";
import { gpu, runKernel } from "./support/kernel.js";

const GOLDEN = join(PACKAGE_ROOT, "fixtures/golden");

interface GoldenSweep extends Pick<SweepConfig, "epsilons" | "stepSize" | "steps" | "randomStart"> {
  layers: string[];
  images: number;
  thresholds: number;
  rows: { layer: string; index: number; epsilon: number; correct_adv: number; loss_adv: number }[];
}

const golden = JSON.parse(readFileSync(join(GOLDEN, "attacks/attacks.json"), "utf8")) as {
  steps: number; step: number; epsilon: number; noise: { seed: number; first: number[][] }; sweeps: GoldenSweep[];
  cases: Record<string, { labels: number[]; correct: number }>;
};

function arraysOf(file: string): Map<string, { data: Float32Array; shape: number[] }> {
  using source = openCheckpointFile(join(GOLDEN, file));
  return readTensors(source, readSafetensors(source));
}

test("random numbers of a start are those of the script that made the golden values", () =>
  golden.noise.first.forEach((row, image) => row.forEach((value, pixel) => assert.is(startNoise(golden.noise.seed, image, pixel), value))));

test("random numbers of a start are even, and others for another seed, image and pixel", () => {
  const values = Array.from({ length: 30_000 }, (_, i) => startNoise(3, i % 100, Math.floor(i / 100)));
  const mean = (of: number[]): number => of.reduce((a, b) => a + b, 0) / of.length;
  assert.ok(values.every((value) => value >= -1 && value < 1));
  assert.ok(Math.abs(mean(values)) < 0.015 && Math.abs(mean(values.map((v) => v * v)) - 1 / 3) < 0.01);
  for (const shift of [1, 100]) assert.ok(Math.abs(mean(values.slice(shift).map((v, i) => v * values[i]))) < 0.01, `correlated at a distance of ${shift}`);
  assert.is.not(startNoise(3, 1, 1), startNoise(4, 1, 1));
});

const IMAGES = 5;
const attack = { epsilon: [0.1, 0.2, 0.3, 0], step: [0.05, 0.3, 0.1, 0], low: [-0.4, -0.3, -0.5, 0], high: [0.4, 0.5, 0.3, 0] };
const clampTo = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

for (const shape of [{ channels: 3, height: 5, width: 5 }, { channels: 2, height: 3, width: 2 }, { channels: 3, height: 1, width: 7 }]) {
  for (const clamp of [false, true]) {
    const size = shape.channels * shape.height * shape.width;
    const channelOf = (i: number): number => Math.floor((i % size) / (shape.height * shape.width));
    const bounded = (value: number, c: number): number => (clamp ? clampTo(value, attack.low[c], attack.high[c]) : value);
    const where = `${shape.channels}x${shape.height}x${shape.width}${clamp ? ", clamped" : ""}`;

    test(`a step of projected gradient descent on ${where}: sign(0) is 0`, async () => {
      const layout = blockLayout(shape, await gpu());
      const place = (resource: string) => ({ resource, layout, blocks: 1 });
      const x = noise(IMAGES * size);
      const moving = noise(IMAGES * size, 9).map((v, i) => x[i] + v * 0.4);
      const g = noise(IMAGES * size, 4).map((v) => (Math.abs(v) < 0.1 ? 0 : v));
      const { output } = await runKernel({
        ...pgdStep({ image: place("input"), moving: place("moving"), gradient: place("gradient"), output: place("output"), attack, clamp }), blocks: 1,
        inputs: { input: { layout, data: x }, moving: { layout, data: moving }, gradient: { layout, data: g } }, outputs: { output: { layout, images: IMAGES } },
      });
      const expected = x.map((v, i) => {
        const c = channelOf(i);
        return bounded(v + clampTo(moving[i] + attack.step[c] * Math.sign(g[i]) - v, -attack.epsilon[c], attack.epsilon[c]), c);
      });
      assertClose(output, expected, 1e-6, "moved image");
    });

    test(`a random start on ${where}: two filtered networks begin at one place, which images tell by their place in the data`, async () => {
      const { lanes, ...limits } = await gpu();
      const layout = blockLayout(shape, { lanes, ...limits });
      const place = (resource: string, blocks: number) => ({ resource, layout, blocks });
      const x = noise(lanes * size);
      const places = Uint32Array.from({ length: lanes }, (_, i) => 1000 + 3 * i);
      const { output } = await runKernel({
        ...randomStartStep(place("input", 1), place("output", 2), attack, clamp, { seed: 11, blocksPerVariant: 1 }), blocks: 2,
        inputs: { input: { layout, data: x } }, outputs: { output: { layout, images: 2 * lanes } },
        extra: (executor) => ({ places: executor.createBuffer(places.byteLength, GPUBufferUsage.STORAGE, places) }),
      });
      const expected = x.map((v, i) => bounded(v + attack.epsilon[channelOf(i)] * startNoise(11, places[Math.floor(i / size)], i % size), channelOf(i)));
      assertClose(output.subarray(0, lanes * size), expected, 1e-6, "start");
      assert.equal(output.subarray(lanes * size), output.subarray(0, lanes * size));
    });
  }
}

const IMAGE: MapShape = { channels: 2, height: 9, width: 7 };

/** Branches, a max-pool, a batch norm, a concatenation and a channel shuffle. */
function graphOf(b: GraphBuilder): Graph {
  const x = b.relu(b.norm(b.conv("image", "stem", 2, 8, 3, { pad: 1 }), "bn", 8));
  const pooled = b.maxPool(x, 3, { stride: 2, pad: 1 });
  const right = b.relu(b.norm(b.conv(b.slice(pooled, 4, 4), "right", 4, 4, 3, { pad: 1 }), "bn2", 4));
  const joined = b.shuffle(b.concat([b.slice(pooled, 0, 4), right]), 2);
  return classify(b, b.add(joined, b.conv(pooled, "side", 8, 8, 1)), IMAGE);
}

function pgdCase(more: Partial<PgdCase> = {}): PgdCase {
  const graph = graphOf(new GraphBuilder());
  const tensors = randomTensors(graph);
  const filtered = [layersOf(graph)[1]];
  return {
    graph, tensors, image: IMAGE, pixels: noise(IMAGES * 126, 5).map((v) => v * 3), labels: Array.from({ length: IMAGES }, (_, i) => (i * 3) % CLASSES),
    batchNorm: "running", filtered, masks: [quantiles(tensors, filtered, 0.15, 0.5), quantiles(tensors, filtered, 0.6, 0.8)],
    epsilons: [0.1, 0.25], step: 0.06, steps: 4, randomStart: null, place: 40, range: null, ...more,
  };
}

/** Pixels that moved as they should: rounding may turn a sign of a gradient near zero, and a turned one moves a pixel by two steps. */
function shareOfSame(actual: ArrayLike<number>, expected: ArrayLike<number>, step: number): number {
  let same = 0;
  for (let i = 0; i < expected.length; i++) same += Number(Math.abs(actual[i] - expected[i]) < step / 10);
  return same / expected.length;
}

const CASES: [string, Partial<PgdCase>][] = [
  ["from the images on", {}],
  ["clamped", { range: [-0.9, 1.1] }],
  ["from random places on", { randomStart: 5 }],
  ["from random places on, clamped", { randomStart: 6, range: [-0.9, 1.1], steps: 1 }],
  ["with the batch's own statistics", { batchNorm: "batch" }],
  ["one step", { steps: 1 }],
];

for (const [what, more] of CASES) {
  test(`two filtered networks under attacks of two strengths against plain loops: ${what}`, async () => {
    const given = pgdCase(more);
    const [actual, expected] = [await attackOnDevice(given), attackByLoops(given)];
    expected.forEach((strength, e) => strength.forEach((images, variant) => {
      const share = shareOfSame(actual[e][variant].images, images, given.step);
      assert.ok(share >= 0.999, `${(100 * share).toFixed(2)} % of the pixels of network ${variant} are the same at strength ${given.epsilons[e]}`);
    }));
  });
}

test("a plan holds one round of steps, however many there are, and strengths share their textures", async () => {
  const [few, many, stronger] = await Promise.all([pgdCase({ steps: 3, epsilons: [0.1] }), pgdCase({ steps: 30, epsilons: [0.1] }), pgdCase({ steps: 3, epsilons: [0.1, 0.2, 0.3, 0.4] })].map(planPgd));
  assert.is(stepsOf(many).length, stepsOf(few).length);
  assert.is(planBytes(many), planBytes(few));
  assert.ok(planBytes(stronger) < 1.1 * planBytes(few), `${planBytes(stronger)} bytes for four strengths, ${planBytes(few)} for one`);
  assert.is(unrolledBody(many).length - unrolledBody(few).length, 27 * many.loops![0].steps.length);
});

for (const [name, { labels, correct }] of Object.entries(golden.cases)) {
  test(`${name} under ${golden.steps} steps: PyTorch's images, logits and counts`, async () => {
    const file = name.replace("_bn_batch", "");
    const network = describeCheckpoint(await readCheckpoint(join(GOLDEN, `networks/${file}.safetensors`)));
    const { data: pixels, shape: [, channels, height, width] } = arraysOf(`networks/${file}.arrays.safetensors`).get("x")!;
    const tensors = new Map([...network.tensors].map(([key, { data }]) => [key, data]));
    const filtered = [network.layers[2].name];
    const nothing = [{ low: 1, high: -1 }];
    const { epsilon, step, steps } = golden;
    const [[outcome]] = await attackOnDevice({ graph: network.graph, tensors, image: { channels, height, width }, pixels, labels, batchNorm: file === name ? "running" : "batch", filtered, masks: [nothing, nothing], epsilons: [epsilon], step, steps, randomStart: null, place: 0, range: null });
    const arrays = arraysOf("attacks/networks.safetensors");
    const moves = arrays.get(`${name}.moves`)!.data;
    const expected = pixels.map((x, i) => x + step * moves[i]);
    const share = shareOfSame(outcome.images, expected, step);
    assert.ok(share >= 0.999, `${(100 * share).toFixed(2)} % of the pixels are where PyTorch moved them`);
    assertClose(outcome.logits, arrays.get(`${name}.logits`)!.data, 1e-3, "logits");
    assert.is(outcome.correct, correct);
  });
}

for (const { rows, images, ...config } of golden.sweeps) {
  test(`the demo's sweep under ${config.steps} steps in pixels, clamped, ${config.randomStart === null ? "from the images on" : "from random places on"}: PyTorch's rows`, async () => {
    const found = await sweep({ ...config, filters: ["h_c"], attack: "pgd", epsilonSpace: "pixel", clamp: true }, images);
    assert.is(found.length, rows.length);
    for (const expected of rows) {
      const row = found.find(({ layer, threshold_index, epsilon }) => layer === expected.layer && threshold_index === expected.index && epsilon === expected.epsilon)!;
      const where = `${row.layer}, threshold ${row.threshold_index}, epsilon ${row.epsilon}`;
      assert.is(row.attack, "pgd");
      assert.ok(Math.abs(row.correct_adv - expected.correct_adv) <= Math.ceil(0.003 * images), `${where}: ${row.correct_adv} correct, expected ${expected.correct_adv}`);
      assert.ok(Math.abs(row.loss_adv - expected.loss_adv) <= 1e-3 * expected.loss_adv, `${where}: loss ${row.loss_adv}, expected ${expected.loss_adv}`);
    }
  });
}

test("rows are the same however images and variants are cut, from random places too", async () => {
  const config: Partial<SweepConfig> = { layers: ["layer4.1.conv2"], filters: ["h_c"], thresholds: 3, epsilons: [0.1, 0.38], attack: "pgd", steps: 2, randomStart: 2 };
  const whole = await sweep(config, 100);
  assert.equal(await sweep(config, 100, { tileImages: 64, variants: 2 }), whole);
  const other = await sweep({ ...config, randomStart: 3 }, 100);
  assert.ok(other.some(({ loss_adv }, i) => loss_adv !== whole[i].loss_adv));
});

test("one step of the length of epsilon is FGSM", async () => {
  const config: Partial<SweepConfig> = { layers: ["fc"], filters: ["h_a"], thresholds: 3, epsilons: [0.38] };
  const [fgsm, pgd] = [await sweep(config, 64), await sweep({ ...config, attack: "pgd", steps: 1, stepSize: 0.38 }, 64)];
  assert.equal(pgd.map((row) => [row.attack, row.correct_clean, row.correct_adv]), fgsm.map((row) => ["pgd", row.correct_clean, row.correct_adv]));
  fgsm.forEach(({ loss_adv }, i) => assert.ok(Math.abs(pgd[i].loss_adv - loss_adv) < 1e-5));
});

test.run();
