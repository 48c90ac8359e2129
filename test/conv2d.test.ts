/** The convolution kernel against plain loops: odd shapes, every way the tile can be cut. */
import { test } from "uvu";
import { plainStep } from "../src/ops/conv2d.js";
import { convGrid, packWeights, planConv } from "../src/ops/convolution/software/plan.js";
import { conv2d, conv2dInputGradient, convOutput, type ConvShape, squareConv } from "../src/ops/convolution/shape.js";
import { ACCUMULATORS, chooseTile, type ConvTile } from "../src/ops/convolution/software/tile.js";
import { type BlockLayout, blockLayout } from "../src/layout/blocks.js";
import { assertClose, noise } from "./support/close.js";
import { gpu, runKernel } from "./support/kernel.js";
import { gradientSiteOf, siteOf } from "./support/site.js";

interface Case {
  shape: [inChannels: number, outChannels: number, size: number, kernel: number, stride: number, pad: number];
  tile?: Partial<ConvTile>;
  shuffle?: boolean;
  maxTextureWidth?: number;
  /** Wider blocks than this adapter's subgroups, as on other GPUs; weights can't be shuffled then. */
  lanes?: number;
}

const CASES: Case[] = [
  { shape: [1, 8, 28, 7, 2, 3] },
  { shape: [3, 16, 32, 7, 2, 3] },
  { shape: [3, 8, 33, 7, 2, 3] },
  { shape: [8, 8, 7, 3, 1, 1] },
  { shape: [8, 8, 7, 3, 1, 1], tile: { rows: 7 } },
  { shape: [8, 8, 7, 3, 1, 1], tile: { rows: 1 } },
  { shape: [8, 16, 7, 3, 2, 1] },
  { shape: [16, 16, 4, 3, 1, 1] },
  { shape: [16, 32, 4, 3, 2, 1] },
  { shape: [16, 8, 2, 3, 1, 1] },
  { shape: [16, 32, 2, 3, 2, 1] },
  { shape: [24, 24, 1, 3, 1, 1] },
  { shape: [8, 16, 7, 1, 2, 0] },
  { shape: [16, 32, 2, 1, 2, 0] },
  { shape: [6, 12, 5, 1, 2, 0] },
  { shape: [12, 20, 20, 1, 1, 0] },
  { shape: [16, 10, 1, 1, 1, 0] },
  { shape: [8, 200, 1, 1, 1, 0] },
  { shape: [32, 7, 1, 1, 1, 0] },
  { shape: [4, 4, 7, 3, 1, 1] },
  { shape: [12, 12, 4, 3, 1, 1] },
  { shape: [5, 10, 7, 3, 2, 1] },
  { shape: [8, 8, 16, 3, 1, 1] },
  { shape: [8, 8, 5, 3, 1, 1] },
  { shape: [16, 16, 16, 3, 2, 1], maxTextureWidth: 2048 },
  { shape: [3, 8, 16, 3, 1, 1], maxTextureWidth: 500 },
  { shape: [8, 8, 12, 3, 2, 1], maxTextureWidth: 250 },
  { shape: [8, 8, 7, 3, 1, 1], shuffle: false },
  { shape: [16, 16, 1, 3, 1, 1], shuffle: false },
  { shape: [16, 24, 4, 3, 1, 1], shuffle: false, lanes: 16 },
  { shape: [8, 40, 2, 3, 2, 1], shuffle: false, lanes: 32 },
];

const BLOCKS = 8;
const IMAGES = 11;

async function check({ shape: [inChannels, outChannels, size, kernel, stride, pad], ...options }: Case, gradient: boolean, masked: boolean): Promise<void> {
  const shape = squareConv({ inChannels, outChannels, height: size, width: size, kernel, stride, pad });
  const device = await gpu();
  const maxTextureWidth = options.maxTextureWidth ?? device.maxTextureWidth;
  const lanes = options.lanes ?? device.lanes;
  const limits = { lanes, maxTextureWidth };
  const [small, large] = [blockLayout({ channels: inChannels, height: size, width: size }, limits), blockLayout({ channels: outChannels, ...convOutput(shape) }, limits)];
  const [from, to] = gradient ? [large, small] : [small, large];
  const tile = { ...chooseTile(shape, gradient, { lanes, accumulators: ACCUMULATORS.software }), ...options.tile };
  if (gradient && tile.rows < to.height) tile.rows = Math.ceil(tile.rows / stride) * stride;
  const plan = planConv(shape, gradient, from, to, tile, maxTextureWidth);
  const x = noise(IMAGES * from.channels * from.height * from.width, 3);
  const weights = noise(outChannels * inChannels * kernel ** 2, 5);
  const [low, high] = masked ? [-0.2, 0.1].map(Math.fround) : [1, -1];
  const kept = weights.map((w) => (w >= low && w <= high ? 0 : w));
  const scale = noise(from.channels, 7);
  const isScaled = gradient && masked;
  const scaled = isScaled ? x.map((value, i) => value * scale[Math.floor(i / (from.height * from.width)) % from.channels]) : x;
  const expected = gradient ? conv2dInputGradient(shape, scaled, kept) : conv2d(shape, x, kept);
  const { output } = await runKernel({
    kernel: "conv2d",
    constants: { ...plan.constants, MASKED: masked, SCALED: isScaled, SHUFFLE: options.shuffle ?? device.shuffle },
    bands: plan.bands,
    params: { steps: plan.steps, in_blocks: BLOCKS, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: BLOCKS },
    grid: convGrid(plan, to, BLOCKS),
    blocks: BLOCKS,
    inputs: { input: { layout: from, data: x } },
    outputs: { output: { layout: to, images: IMAGES } },
    extra: (executor) => {
      const norm = new Float32Array(256 * 2 * 4);
      for (let c = 0; c < 256; c++) {
        norm[c * 4] = isScaled ? (scale[c] ?? 0) : 1;
        norm[1024 + c] = norm[c * 4];
      }
      return {
        weights: executor.createTexture(plan.weightTexture.width, plan.weightTexture.height, packWeights(plan, weights)),
        norm: executor.createTexture(256, 2, norm),
        intervals: executor.createBuffer(4096, GPUBufferUsage.UNIFORM, Float32Array.from([low, high])),
      };
    },
  });
  assertClose(output, expected, 1e-5, `${gradient ? "gradient of " : ""}convolution ${inChannels}→${outChannels}, ${size} pixels, kernel ${kernel}/${stride}`);
}

/** Layers of the real networks, too large for plain loops on the host. */
const LARGE: Case["shape"][] = [[3, 64, 64, 7, 2, 3], [64, 64, 16, 3, 1, 1], [64, 64, 8, 3, 1, 1], [64, 128, 8, 3, 2, 1], [128, 256, 4, 1, 2, 0], [512, 200, 1, 1, 1, 0]];

/** By the kernel that does any geometry, one product after the other. */
async function runPlain(shape: ConvShape, gradient: boolean, [from, to]: BlockLayout[], blocks: number, data: Float32Array, weights: Float32Array): Promise<Float32Array> {
  const device = await gpu();
  const [input, output] = gradient ? [to, from] : [from, to];
  const site = (gradient ? gradientSiteOf : siteOf)(device, [input], output, blocks);
  const ends = { input: { ...site.output, layout: from }, output: { ...site.output, layout: to }, residual: null, relu: null, gate: null };
  const step = plainStep({ weight: "conv.weight", bias: null, shape }, gradient, site, { channels: shape.outChannels, bias: null, norm: null, literal: null, statistics: true }, ends);
  const { width, height } = site.weightPlans[0];
  const texels = new Float32Array(width * height * 4);
  texels.set(weights);
  const results = await runKernel({
    ...step, blocks, inputs: { input: { layout: from, data } }, outputs: { output: { layout: to, images: IMAGES } },
    extra: (executor) => ({ weights: executor.createTexture(width, height, texels), norm: executor.createTexture(512, 2, Float32Array.from({ length: 4096 }, (_, i) => Number(i % 4 === 0))) }),
  });
  return results.output;
}

async function checkPlain([inChannels, outChannels, size, kernel, stride, pad]: Case["shape"], gradient: boolean): Promise<void> {
  const shape = squareConv({ inChannels, outChannels, height: size, width: size, kernel, stride, pad });
  const device = await gpu();
  const maps = [{ channels: inChannels, height: size, width: size }, { channels: outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, device));
  const [from, to] = gradient ? maps.toReversed() : maps;
  const plan = planConv(shape, gradient, from, to, chooseTile(shape, gradient, { lanes: device.lanes, accumulators: ACCUMULATORS.software }), device.maxTextureWidth);
  const weights = noise(outChannels * inChannels * kernel ** 2, 5);
  const data = noise(IMAGES * from.channels * from.height * from.width, 3);
  const fast = await runKernel({
    blocks: BLOCKS, inputs: { input: { layout: from, data } }, outputs: { output: { layout: to, images: IMAGES } },
    kernel: "conv2d", constants: { ...plan.constants, SHUFFLE: device.shuffle }, bands: plan.bands, params: { steps: plan.steps, in_blocks: BLOCKS, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: BLOCKS }, grid: convGrid(plan, to, BLOCKS),
    extra: (executor) => ({ weights: executor.createTexture(plan.weightTexture.width, plan.weightTexture.height, packWeights(plan, weights)), norm: executor.createTexture(512, 2, Float32Array.from({ length: 4096 }, (_, i) => Number(i % 4 === 0))) }),
  });
  const plain = await runPlain(shape, gradient, [from, to], BLOCKS, data, weights);
  assertClose(fast.output, plain, 1e-5, `${gradient ? "gradient of " : ""}convolution ${inChannels}→${outChannels}, ${size} pixels, kernel ${kernel}/${stride}`);
}

for (const shape of LARGE) {
  test(`forward as the plain kernel ${JSON.stringify(shape)}`, () => checkPlain(shape, false));
  test(`input gradient as the plain kernel ${JSON.stringify(shape)}`, () => checkPlain(shape, true));
}

test("the plain kernel against plain loops", async () => {
  for (const [inChannels, outChannels, size, stride] of [[5, 6, 5, 2], [8, 12, 1, 1], [9, 8, 2, 1]]) {
    const shape = squareConv({ inChannels, outChannels, height: size, width: size, kernel: 3, stride, pad: 1 });
    const device = await gpu();
    const [small, large] = [{ channels: inChannels, height: size, width: size }, { channels: outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, device));
    const weights = noise(outChannels * inChannels * 9, 5);
    for (const gradient of [false, true]) {
      const [from, to] = gradient ? [large, small] : [small, large];
      const data = noise(IMAGES * from.channels * from.height * from.width, 3);
      const output = await runPlain(shape, gradient, [from, to], 2, data, weights);
      assertClose(output, gradient ? conv2dInputGradient(shape, data, weights) : conv2d(shape, data, weights), 1e-5, `${gradient ? "gradient of " : ""}convolution of ${size} pixels`);
    }
  }
});

for (const entry of CASES) {
  const name = JSON.stringify(entry);
  test(`forward ${name}`, () => check(entry, false, false));
  test(`forward, filtered ${name}`, () => check(entry, false, true));
  test(`input gradient ${name}`, () => check(entry, true, false));
  test(`input gradient, filtered ${name}`, () => check(entry, true, true));
}

test.run();
