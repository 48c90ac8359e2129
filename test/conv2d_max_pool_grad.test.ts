/** Gradient of a max-pool and of the convolution in front in one kernel: the bits of the two kernels, and what plain loops get; where a plan takes it. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { architectureNamed } from "../src/model/recognise.js";
import { convGrid, type ConvPlan, packWeights, planConv } from "../src/ops/convolution/software/plan.js";
import { conv2dInputGradient, convOutput, squareConv } from "../src/ops/convolution/shape.js";
import { maxPool, maxPoolLoops } from "../src/ops/max_pool.js";
import { blockLayout, layoutConstants } from "../src/layout/blocks.js";
import { planUnit, type PlanOptions } from "../src/plan/plan.js";
import { assertClose, noise } from "./support/close.js";
import { gpu, runKernel } from "./support/kernel.js";
import { maxPoolNode } from "./support/site.js";

const BLOCKS = 4;
const IMAGES = 11;
const [LOW, HIGH] = [-0.2, 0.1].map(Math.fround);
const attack = { epsilon: [0, 0, 0, 0], low: [0, 0, 0, 0], high: [0, 0, 0, 0] };
const options = { variants: 1, blocksPerVariant: BLOCKS, images: 64, attacks: [attack], clamp: false, batchNorm: "running", lanes: 16, maxTextureWidth: 16384, accumulators: 256, shuffle: true } satisfies Partial<PlanOptions>;
const network = (width: number, channels: number) => ({ name: "", width, channels, classes: 10, graph: architectureNamed("resnet18", { width, channels, classes: 10 }).graph, layers: [] });

for (const { width, channels, size, masked = false, winnerBlocks = BLOCKS } of [
  { width: 64, channels: 1, size: 28 }, { width: 16, channels: 1, size: 28, masked: true, winnerBlocks: 2 }, { width: 8, channels: 3, size: 17 }, { width: 12, channels: 2, size: 22, masked: true }, { width: 8, channels: 1, size: 31 },
]) {
  test(`${channels}→${width} channels of ${size}x${size}${masked ? ", filtered" : ""}`, async () => {
    const device = await gpu();
    if (!device.shuffle) return;
    const image = { channels, height: size, width: size };
    const unit = planUnit(network(width, channels), { ...options, image, filtered: masked ? ["conv1"] : [], lanes: device.lanes, maxTextureWidth: device.maxTextureWidth });
    const step = unit.body.find(({ kernel }) => kernel === "conv2d_max_pool_grad")!;
    const plan = unit.weights.get(step.bindings.weights)!.conv as ConvPlan;
    const [kernel, stride, pad] = [3, 2, 1];
    const pool = maxPoolNode(kernel, stride, pad);
    const shape = squareConv({ inChannels: channels, outChannels: width, height: size, width: size, kernel: 7, stride: 2, pad: 3 });
    const map = { channels: width, ...convOutput(shape) };
    const pooled = maxPool.shape(pool, [map]);
    const [input, between, output] = [pooled, map, image].map((of) => blockLayout(of, device));

    const images = BLOCKS * device.lanes;
    const one = width * map.height * map.width;
    // Few distinct values: ties; those not above zero have no winner, as behind a ReLU.
    const x = noise(winnerBlocks * device.lanes * one, 11).map((v) => Math.max(0, Math.round(v * 6)));
    const { y, winner } = maxPoolLoops(pool, map, pooled, x);
    const place = Float32Array.from(winner, (at, o) => {
      const [oy, ox] = [Math.floor(o / pooled.width) % pooled.height, o % pooled.width];
      return y[o] > 0 ? ((Math.floor(at / map.width) % map.height) - (oy * stride - pad)) * kernel + (at % map.width) - (ox * stride - pad) : -1;
    });
    const dy = noise(images * width * pooled.height * pooled.width, 9);
    const weights = noise(width * channels * 49, 5);
    const scale = noise(width, 7);
    const norm = new Float32Array(64 * 2 * 4);
    scale.forEach((s, c) => norm.set([s], c * 4));
    const extra: Parameters<typeof runKernel>[0]["extra"] = (executor) => ({
      weights: executor.createTexture(plan.weightTexture.width, plan.weightTexture.height, packWeights(plan, weights)),
      norm: executor.createTexture(64, 2, norm),
      intervals: executor.createBuffer(4096, GPUBufferUsage.UNIFORM, Float32Array.from([LOW, HIGH])),
    });
    const winners = { layout: input, data: place };
    const outputs = { output: { layout: output, images } };
    const joined = await runKernel({ ...step, params: { ...step.params, winner_blocks: winnerBlocks }, blocks: BLOCKS, inputs: { input: { layout: input, data: dy }, winner: winners }, outputs, extra });

    const unpooled = await runKernel({
      kernel: "max_pool_grad", constants: { ...layoutConstants("IN", input), ...layoutConstants("OTHER", input), ...layoutConstants("OUT", between), KERNEL: kernel, STRIDE: stride, PAD: pad, ROWS: map.height }, params: { winner_blocks: winnerBlocks },
      grid: [BLOCKS, width, 1], blocks: BLOCKS, inputs: { input: { layout: input, data: dy }, winner: winners }, outputs: { output: { layout: between, images } },
    });
    const rows = planConv(shape, true, between, output, { channels, rows: 2, blocks: 1, banded: false }, device.maxTextureWidth);
    const apart = await runKernel({
      kernel: "conv2d", constants: { ...rows.constants, MASKED: masked, SCALED: false }, bands: rows.bands, params: { steps: rows.steps, in_blocks: BLOCKS, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: BLOCKS }, grid: convGrid(rows, output, BLOCKS), blocks: BLOCKS,
      inputs: { input: { layout: between, data: masked ? scaled(unpooled.output) : unpooled.output } }, outputs,
      extra: (executor) => ({ ...extra(executor), weights: executor.createTexture(rows.weightTexture.width, rows.weightTexture.height, packWeights(rows, weights)) }),
    });
    assertClose(joined.output, apart.output, 0, "the two kernels");

    function scaled(gradient: Float32Array): Float32Array {
      return gradient.map((g, i) => g * scale[Math.floor(i / (map.height * map.width)) % width]);
    }
    const kept = weights.map((w) => (masked && w >= LOW && w <= HIGH ? 0 : w));
    const behind = dy.slice(0, IMAGES * width * pooled.height * pooled.width).map((g, o) => (y[o] > 0 ? g : 0));
    const first = new Float32Array(IMAGES * one);
    behind.forEach((g, o) => (first[winner[o]] += g));
    const expected = conv2dInputGradient(shape, masked ? scaled(first) : first, kept);
    assertClose(joined.output.subarray(0, expected.length), expected, 1e-5, "gradient");
  });
}

test("a plan joins the gradients where the whole image fits, and leaves them apart elsewhere", () => {
  const names = (size: number, more: Partial<PlanOptions> = {}) => {
    const { body, tensors } = planUnit(network(16, 1), { ...options, image: { channels: 1, height: size, width: size }, filtered: ["conv1"], ...more });
    return { names: body.map(({ name }) => name).filter((name) => /gradient.* conv1$|max_pool gradient$/.test(name)), stored: tensors.has("grad/relu") };
  };
  assert.equal(names(28), { names: ["conv2d+max_pool gradient conv1"], stored: false });
  const apart = { names: ["max_pool gradient", "conv2d gradient conv1"], stored: true };
  assert.equal(names(64), apart);
  for (const more of [{ shuffle: false }, { batchNorm: "batch" as const }, { accumulators: 64 }]) assert.equal(names(28, more), apart, JSON.stringify(more));
});

test.run();
