/** Convolution, ReLU and max-pool in one kernel: the bits of the kernels it stands for, and what plain loops get; where a plan takes it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { architectureNamed } from "../src/model/recognise.js";
import { planConvMaxPool } from "../src/ops/conv2d_max_pool.js";
import { convGrid, packWeights, planConv } from "../src/ops/convolution/software/plan.js";
import { conv2d, convOutput, squareConv } from "../src/ops/convolution/shape.js";
import { maxPool, maxPoolLoops } from "../src/ops/max_pool.js";
import { blockLayout, layoutConstants } from "../src/layout/blocks.js";
import { planUnit, type PlanOptions } from "../src/plan/plan.js";
import { assertClose, noise } from "./support/close.js";
import { gpu, type KernelRun, runKernel } from "./support/kernel.js";
import { maxPoolNode, siteOf } from "./support/site.js";

type Pool = [kernel: number, stride: number, pad: number];

interface Case {
  shape: [inChannels: number, outChannels: number, height: number, width: number, kernel: number, stride: number, pad: number];
  pool?: Pool;
  /** Blocks of the input, which every variant reads. */
  inBlocks?: number;
  masked?: boolean;
  /** So narrow that a block's channels take several rows. */
  maxTextureWidth?: number;
}

const CASES: Case[] = [
  { shape: [1, 64, 28, 28, 7, 2, 3] },
  { shape: [1, 16, 28, 28, 7, 2, 3], inBlocks: 2, masked: true },
  { shape: [3, 8, 32, 32, 7, 2, 3] },
  { shape: [3, 24, 9, 13, 7, 2, 3], masked: true },
  { shape: [3, 24, 13, 9, 7, 2, 3] },
  { shape: [3, 8, 33, 64, 7, 2, 3], inBlocks: 1 },
  { shape: [2, 20, 11, 12, 5, 1, 2], pool: [2, 2, 0], masked: true },
  { shape: [1, 8, 29, 31, 7, 2, 3], pool: [3, 3, 1] },
  { shape: [1, 8, 20, 23, 5, 1, 0], pool: [4, 3, 0] },
  { shape: [3, 40, 28, 30, 7, 2, 3], maxTextureWidth: 4096 },
];

const BLOCKS = 4;
const IMAGES = 11;
const [LOW, HIGH] = [-0.2, 0.1].map(Math.fround);

/** Maps full of ties and of zeros: images of one value, of zeros, and of three values; a channel without weights; sums are exact. */
function tied(x: Float32Array, weights: Float32Array, one: number, oneWeights: number): void {
  x.forEach((v, i) => (x[i] = [1, 0, Math.round(v * 3)][Math.floor(i / one) % 3]));
  weights.forEach((w, i) => (weights[i] = i < oneWeights ? 0 : Math.round(w * 4) / 4));
}

/** Position in its window of the pixel that won, -1 where nothing above zero did. */
function places({ y, winner }: ReturnType<typeof maxPoolLoops>, map: { height: number; width: number }, pooled: { height: number; width: number }, [kernel, stride, pad]: number[]): number[] {
  return Array.from(winner, (at, o) => {
    const [oy, ox] = [Math.floor(o / pooled.width) % pooled.height, o % pooled.width];
    const [iy, ix] = [Math.floor(at / map.width) % map.height, at % map.width];
    return y[o] > 0 ? (iy - (oy * stride - pad)) * kernel + ix - (ox * stride - pad) : -1;
  });
}

for (const { shape: [inChannels, outChannels, height, width, kernel, stride, pad], pool = [3, 2, 1] as Pool, inBlocks = BLOCKS, masked = false, ...options } of CASES) for (const ties of [false, true]) {
  test(`${inChannels}→${outChannels} channels of ${height}x${width}, kernel ${kernel}/${stride}, window ${pool[0]}/${pool[1]}${masked ? ", filtered" : ""}${ties ? ", ties" : ""}`, async () => {
    const device = await gpu();
    if (!device.shuffle) return;
    const limits = { lanes: device.lanes, maxTextureWidth: options.maxTextureWidth ?? device.maxTextureWidth, accumulators: 256 };
    const shape = squareConv({ inChannels, outChannels, height, width, kernel, stride, pad });
    const window = maxPoolNode(...pool);
    const map = convOutput(shape);
    const pooled = maxPool.shape(window, [{ channels: outChannels, ...map }]);
    const layouts = {
      input: blockLayout({ channels: inChannels, height, width }, limits), map: blockLayout({ channels: outChannels, ...map }, limits), output: blockLayout(pooled, limits),
    };
    const one = inChannels * height * width;
    const x = noise(inBlocks * device.lanes * one, 3);
    const weights = noise(outChannels * inChannels * kernel ** 2, 5);
    if (ties) tied(x, weights, one, inChannels * kernel ** 2);
    const scale = noise(outChannels * 2, 7); // some below zero
    const norm = new Float32Array(256 * 4);
    for (let c = 0; c < outChannels; c++) norm.set(scale.subarray(c * 2, c * 2 + 2), c * 4);
    const extra = (conv: Parameters<typeof packWeights>[0]): Parameters<typeof runKernel>[0]["extra"] => (executor) => ({
      weights: executor.createTexture(conv.weightTexture.width, conv.weightTexture.height, packWeights(conv, weights)),
      norm: executor.createTexture(256, 1, norm),
      intervals: executor.createBuffer(4096, GPUBufferUsage.UNIFORM, Float32Array.from([LOW, HIGH])),
    });
    const images = BLOCKS * device.lanes;
    const inputs = { input: { layout: layouts.input, data: x } };

    const plan = planConvMaxPool(shape, window, layouts, limits)!;
    const outputs = { output: { layout: layouts.output, images } };
    const both = { ...outputs, winner: outputs.output };
    const joined = {
      kernel: "conv2d_max_pool", constants: { ...plan.constants, ...layoutConstants("OTHER", layouts.output), MASKED: masked }, params: { channels: plan.channels, in_blocks: inBlocks, blocks_per_variant: BLOCKS },
      grid: [BLOCKS, plan.tiles, 1], blocks: BLOCKS, inputs, outputs, extra: extra(plan.conv),
    } satisfies KernelRun;
    const { output } = await runKernel(joined);
    const clean = await runKernel({ ...joined, constants: { ...joined.constants, WINNER: true }, outputs: both });

    const conv = planConv(shape, false, layouts.input, layouts.map, { channels: 8, rows: 1, blocks: 1, banded: false }, limits.maxTextureWidth);
    const first = await runKernel({
      kernel: "conv2d", constants: { ...conv.constants, MASKED: masked, RELU: true }, bands: conv.bands, params: { steps: conv.steps, in_blocks: inBlocks, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: BLOCKS },
      grid: convGrid(conv, layouts.map, BLOCKS), blocks: BLOCKS, inputs, outputs: { output: { layout: layouts.map, images } }, extra: extra(conv),
    });
    const [apart] = maxPool.forward(window, siteOf({ ...limits, shuffle: device.shuffle }, [layouts.map], layouts.output, BLOCKS, { keeps: true, reluOf: () => ({ cap: null }) }));
    const second = await runKernel({ ...apart, blocks: BLOCKS, inputs: { input: { layout: layouts.map, data: first.output } }, outputs: both });
    // To the bit.
    assertClose(output, second.output, 0, "the two kernels");
    assertClose(clean.output, second.output, 0, "the two kernels, with winners");
    assertClose(clean.winner, second.winner, 0, "winners of the two kernels");
    assertClose(clean.winner, places(maxPoolLoops(window, layouts.map, pooled, first.output), map, pooled, pool), 0, "winners");

    const kept = weights.map((w) => (masked && w >= LOW && w <= HIGH ? 0 : w));
    const behind = conv2d(shape, x.subarray(0, IMAGES * one), kept).map((sum, i) => {
      const c = Math.floor(i / (map.height * map.width)) % outChannels;
      return Math.max(0, sum * scale[c * 2] + scale[c * 2 + 1]);
    });
    const expected = maxPoolLoops(window, layouts.map, pooled, behind).y;
    assertClose(output.subarray(0, expected.length), expected, 1e-5, "maxima");
    // Blocks behind those of the input read it again.
    const block = (output.length / BLOCKS) * inBlocks;
    for (let from = block; from < output.length; from += block) assertClose(output.subarray(from, from + block), output.subarray(0, block), 0, `images from ${from}`);
  });
}

test("windows that share two rows, small kernels and rows that do not fit are left to the other kernels", () => {
  const limits = { lanes: 16, maxTextureWidth: 16384, accumulators: 256 };
  const plan = (kernel: number, [size, stride, pad]: Pool, accumulators = 256) => {
    const shape = squareConv({ inChannels: 1, outChannels: 16, height: 28, width: 28, kernel, stride: 2, pad: kernel >> 1 });
    const window = maxPoolNode(size, stride, pad);
    const map = { channels: 16, ...convOutput(shape) };
    const layouts = { input: blockLayout({ channels: 1, height: 28, width: 28 }, limits), map: blockLayout(map, limits), output: blockLayout(maxPool.shape(window, [map]), limits) };
    return planConvMaxPool(shape, window, layouts, { ...limits, accumulators });
  };
  const usual: Pool = [3, 2, 1];
  assert.is(plan(7, usual)?.constants.OC, 16);
  assert.is(plan(7, usual, 128)?.constants.OC, 8);
  assert.is(plan(7, usual, 64), null);
  assert.is(plan(3, usual), null);
  assert.is(plan(7, [3, 1, 1]), null);
  assert.is(plan(7, [2, 3, 0]), null);
});

test("a plan joins the stem in each pass, and tells of winners where a gradient follows", () => {
  const network = { name: "", width: 16, channels: 1, classes: 10, graph: architectureNamed("resnet18", { width: 16, channels: 1, classes: 10 }).graph, layers: [] };
  const attack = { epsilon: [0, 0, 0, 0], low: [0, 0, 0, 0], high: [0, 0, 0, 0] };
  const options: PlanOptions = {
    image: { channels: 1, height: 28, width: 28 }, filtered: ["conv1"], variants: 2, blocksPerVariant: 4, images: 64, attacks: [attack], clamp: false, batchNorm: "running",
    lanes: 16, maxTextureWidth: 16384, accumulators: 256, shuffle: true,
  };
  const kernels = (more: Partial<PlanOptions>) => {
    const { prefix, body, tensors } = planUnit(network, { ...options, ...more });
    const steps = [...prefix, ...body].filter(({ name }) => /conv1$|max_pool/.test(name) && !/layer|gradient/.test(name));
    return { names: steps.map(({ name }) => name), winners: steps.map(({ bindings }) => bindings.winner), tensors };
  };
  const attacked = kernels({});
  assert.equal(attacked.names, ["conv2d+max_pool conv1", "conv2d+max_pool conv1"]);
  assert.equal(attacked.winners, ["clean/maxpool#winner", undefined]);
  assert.ok(attacked.tensors.has("clean/maxpool#winner") && !attacked.tensors.has("clean/relu") && !attacked.tensors.has("adv/relu"));
  const forward = kernels({ filtered: [], attacks: [], gradient: false });
  assert.equal([forward.names, forward.winners], [["conv2d+max_pool conv1"], [undefined]]);
  for (const more of [{ shuffle: false }, { batchNorm: "batch" as const }, { accumulators: 64 }]) {
    assert.equal(kernels(more).names, ["conv2d conv1", "max_pool", "conv2d conv1", "max_pool"], JSON.stringify(more));
  }
});

test.run();
