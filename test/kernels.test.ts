/** Every kernel but the convolution against plain loops, on odd sizes. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { adaptiveAvgPool } from "../src/ops/avg_pool.js";
import { batchNorm } from "../src/ops/batch_norm.js";
import { maxPool, maxPoolLoops } from "../src/ops/max_pool.js";
import type { AdaptiveAvgPoolNode, BatchNormNode } from "../src/ops/common/nodes.js";
import { lossStep, softmaxLoss } from "../src/ops/softmax_loss.js";
import { blockLayout, fromBlocks, layoutConstants, type MapShape, toBlocks } from "../src/layout/blocks.js";
import { GpuExecutor } from "../src/run/gpu.js";
import { assertClose, noise } from "./support/close.js";
import { gpu, runKernel } from "./support/kernel.js";
import { gradientSiteOf, maxPoolNode, siteOf } from "./support/site.js";

const IMAGES = 11;
const BLOCKS = 2;
const layout = async (shape: MapShape) => blockLayout(shape, await gpu());
const size = ({ channels, height, width }: MapShape) => IMAGES * channels * height * width;

for (const [height, width, kernel, stride, pad] of [[14, 14, 3, 2, 1], [16, 16, 3, 2, 1], [15, 15, 3, 2, 1], [9, 9, 2, 2, 0], [12, 12, 3, 1, 1], [11, 30, 3, 3, 1], [20, 23, 3, 2, 1], [33, 33, 3, 2, 1], [26, 40, 5, 1, 2]]) {
  test(`max-pool of ${height}x${width} pixels, window ${kernel}/${stride}, and its gradient`, async () => {
    const shape = { channels: 5, height, width };
    const node = maxPoolNode(kernel, stride, pad);
    const pooled = maxPool.shape(node, [shape]);
    assert.equal([pooled.height, pooled.width], [height, width].map((extent) => Math.floor((extent + 2 * pad - kernel) / stride) + 1));
    const [from, to] = [await layout(shape), await layout(pooled)];
    // Few distinct values: ties everywhere, as in MNIST's background.
    const x = noise(size(shape)).map((v) => Math.max(0, Math.round(v * 6)));
    const expected = maxPoolLoops(node, shape, pooled, x);
    const dy = noise(expected.y.length, 9);
    for (const gate of [false, true]) {
      const [forward] = maxPool.forward(node, siteOf(await gpu(), [from], to, BLOCKS, { keeps: true, reluOf: () => (gate ? { cap: null } : null) }));
      assert.is(forward.kernel, "max_pool");
      const { output, winner } = await runKernel({ ...forward, blocks: BLOCKS, inputs: { input: { layout: from, data: x } }, outputs: { output: { layout: to, images: IMAGES }, winner: { layout: to, images: IMAGES } } });
      assert.equal(output, Float32Array.from(expected.y));
      const [backward] = maxPool.inputGradient(node, gradientSiteOf(await gpu(), [from], to, BLOCKS));
      const back = await runKernel({ ...backward, blocks: BLOCKS, inputs: { input: { layout: to, data: dy }, winner: { layout: to, data: winner } }, outputs: { output: { layout: from, images: IMAGES } } });
      const passed = gate ? dy.map((g, i) => (expected.y[i] > 0 ? g : 0)) : dy;
      const dx = new Float32Array(x.length);
      expected.winner.forEach((at, o) => (dx[at] += passed[o]));
      assertClose(back.output, dx, 1e-6, `gradient${gate ? " behind a ReLU" : ""}`);
    }
  });
}

test("global average pool and its gradient", async () => {
  const shape = { channels: 16, height: 3, width: 3 };
  const [from, to] = [await layout(shape), await layout({ channels: 16, height: 1, width: 1 })];
  const x = noise(size(shape));
  const means = Float32Array.from({ length: IMAGES * 16 }, (_, m) => x.subarray(m * 9, m * 9 + 9).reduce((a, b) => a + b, 0) / 9);
  const node: AdaptiveAvgPoolNode = { op: "adaptive_avg_pool", inputs: ["map"], output: "pooled", height: 1, width: 1 };
  const [step] = adaptiveAvgPool.forward(node, siteOf(await gpu(), [from], to, BLOCKS));
  assert.is(step.kernel, "avg_pool");
  const forward = await runKernel({ ...step, blocks: BLOCKS, inputs: { input: { layout: from, data: x } }, outputs: { output: { layout: to, images: IMAGES } } });
  assertClose(forward.output, means, 1e-6, "means");
  const [backward] = adaptiveAvgPool.inputGradient(node, gradientSiteOf(await gpu(), [from], to, BLOCKS, { cap: null }));
  const back = await runKernel({ ...backward, blocks: BLOCKS, inputs: { input: { layout: to, data: means }, gate: { layout: from, data: x } }, outputs: { output: { layout: from, images: IMAGES } } });
  assertClose(back.output, x.map((v, i) => (v > 0 ? means[Math.floor(i / 9)] / 9 : 0)), 1e-6, "gradient");
});

for (const classes of [10, 7, 200]) {
  test(`softmax cross-entropy over ${classes} classes, ties to the lowest index`, async () => {
    const shape = { channels: classes, height: 1, width: 1 };
    const where = await layout(shape);
    const logits = noise(IMAGES * classes).map((v) => Math.round(v * 20));
    const labels = Uint32Array.from({ length: BLOCKS * (await gpu()).lanes }, (_, n) => (n * 3) % classes);
    const expected = softmaxLoss(logits, labels, classes);
    let results: GPUBuffer | null = null;
    const place = { resource: "", layout: where, blocks: BLOCKS };
    const { gradient } = await runKernel({
      ...lossStep(place, place, BLOCKS, 0), blocks: BLOCKS,
      inputs: { input: { layout: where, data: logits } },
      outputs: { gradient: { layout: where, images: IMAGES } },
      extra: (executor: GpuExecutor) => ({
        labels: executor.createBuffer(labels.byteLength, GPUBufferUsage.STORAGE, labels),
        results: (results = executor.createBuffer(BLOCKS * 8 * 32, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC)),
      }),
    });
    assertClose(gradient, expected.gradient, 1e-5, "gradient");
    const values = await readBuffer(results!);
    assertClose(values.filter((_, i) => i % 2 === 1).subarray(0, IMAGES), expected.loss, 1e-6, "loss");
    assert.equal([...values.filter((_, i) => i % 2 === 0).subarray(0, IMAGES)], [...expected.correct]);
  });
}

async function readBuffer(buffer: GPUBuffer): Promise<Float32Array> {
  const { device } = await gpu();
  const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
  device.queue.submit([encoder.finish()]);
  await staging.mapAsync(GPUMapMode.READ);
  return new Float32Array(staging.getMappedRange().slice(0));
}

for (const clamp of [false, true]) {
  test(`FGSM step${clamp ? ", clamped" : ""}: sign(0) is 0`, async () => {
    const shape = { channels: 3, height: 5, width: 5 };
    const where = await layout(shape);
    const x = noise(size(shape));
    const g = noise(size(shape), 4).map((v) => (Math.abs(v) < 0.1 ? 0 : v));
    const [epsilon, low, high] = [[0.1, 0.2, 0.3, 0], [-0.4, -0.3, -0.5, 0], [0.4, 0.5, 0.3, 0]];
    const { output } = await runKernel({
      kernel: "fgsm", constants: { ...layoutConstants("IN", where), ...layoutConstants("OTHER", where), ...layoutConstants("OUT", where), CLAMP: clamp }, params: { in_blocks: BLOCKS, epsilon, low, high }, grid: [BLOCKS, 3, where.quads], blocks: BLOCKS,
      inputs: { input: { layout: where, data: x }, gradient: { layout: where, data: g } }, outputs: { output: { layout: where, images: IMAGES } },
    });
    const expected = x.map((v, i) => {
      const c = Math.floor(i / 25) % 3;
      const attacked = v + epsilon[c] * Math.sign(g[i]);
      return clamp ? Math.min(high[c], Math.max(low[c], attacked)) : attacked;
    });
    assertClose(output, expected, 1e-6, "attacked image");
  });
}

for (const height of [1, 2, 5]) {
  test(`batch norm by a batch's own statistics on ${height}x${height} maps, and its gradient`, async () => {
    const shape = { channels: 8, height, width: height };
    const where = await layout(shape);
    const [x, dy] = [noise(size(shape)), noise(size(shape), 8)];
    const [weight, bias] = [noise(8, 5), noise(8, 6)];
    const executor = new GpuExecutor(await gpu());
    const constants = { ...layoutConstants("IN", where), ...layoutConstants("OTHER", where) };
    const statistics = (): GPUTexture => executor.createTexture(where.groups * where.pack, 1);
    const column = (texels: number) => Float32Array.from({ length: texels * 8 }, (_, i) => (i % 4 === 0 ? weight[i >> 2] : i % 4 === 1 ? bias[i >> 2] : 0) ?? 0);
    const params = { blocks_per_variant: BLOCKS, images: IMAGES, stats_rows: 1, raw_blocks: BLOCKS, in_blocks: BLOCKS, residual_blocks: 1, gate_blocks: 1, epsilon: 1e-5, first_mean: 0, first_variance: 0, first_weight: 0, first_bias: 0, values: 0, momentum: 0 };
    const texture = (data?: Float32Array) => executor.createTexture(where.texels, BLOCKS * where.fold, data && toBlocks(where, data, BLOCKS));
    const resources: Record<string, GPUTexture> = { x: texture(x), dy: texture(dy), y: texture(), dx: texture(), norm: executor.createTexture(8, 2, column(8)), stats: statistics(), gstats: statistics() };
    const step = (kernel: string, gradient: boolean, bindings: Record<string, string>, grid: [number, number, number]) => ({ kernel, name: kernel, constants: { ...constants, ...(kernel === "batch_norm" && layoutConstants("OUT", where)), GRADIENT: gradient }, params, bindings, writes: [], grid, cost: 1 });
    const body = [
      step("batch_norm_stats", false, { input: "x", output: "stats", norm: "norm" }, [1, where.groups, 1]),
      step("batch_norm", false, { input: "x", output: "y", stats: "stats" }, [BLOCKS, where.groups, where.quads]),
      step("batch_norm_stats", true, { input: "dy", output: "gstats", raw: "x", stats: "stats" }, [1, where.groups, 1]),
      step("batch_norm", true, { input: "x", output: "dx", dy: "dy", stats: "gstats" }, [BLOCKS, where.groups, where.quads]),
    ];
    const prepared = await executor.prepare({ prefix: [], body, tensors: new Map() } as never, (name) => resources[name]);
    executor.submit(prepared.body);
    const read = async (name: string) => fromBlocks(where, await executor.readTexture(resources[name]), IMAGES);
    const node: BatchNormNode = { op: "batch_norm", inputs: ["x"], output: "y", channels: 8, weight: "weight", bias: "bias", mean: "mean", variance: "variance", epsilon: 1e-5 };
    const given = { images: IMAGES, inputs: [{ shape, data: Float64Array.from(x) }], output: shape, tensor: (name: string) => (name === "weight" ? weight : name === "bias" ? bias : []), batchNorm: "batch" as const };
    assertClose(await read("y"), batchNorm.twin.forward(node, given), 1e-5, "forward");
    assertClose(await read("dx"), batchNorm.twin.gradient(node, given, Float64Array.from(dy))[0], 1e-4, "gradient");
    executor.close();
  });
}

test.run();
