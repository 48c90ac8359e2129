/** The kernels for hardware, on whatever device there is: their layout, their tiles, and what is recorded of them. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { blockLayout, blocksFor, fromBlocks, type MapShape, toBlocks, viewOf } from "../src/layout/blocks.js";
import { roomOf } from "../src/ops/convolution/kernels.js";
import { gridOf, type HardwarePlan } from "../src/ops/convolution/hardware/plan.js";
import type { HardwareTile } from "../src/ops/convolution/hardware/room.js";
import { gemmCandidates, invocationsOf } from "../src/ops/convolution/hardware/tile.js";
import { sameTile } from "../src/ops/convolution/room.js";
import { conv2d, conv2dInputGradient, convOutput, type ConvShape, squareConv, tileKey } from "../src/ops/convolution/shape.js";
import { planTraining } from "../src/plan/training.js";
import { planAlone } from "../src/run/alone.js";
import { GpuExecutor } from "../src/run/gpu.js";
import { kernelLimits } from "../src/run/limits.js";
import { isAlike, tuneTiles } from "../src/run/tune.js";
import { differences, identityHash, type RunIdentity } from "../src/results/identity.js";
import { GraphBuilder } from "../src/model/builder.js";
import { assertClose, noise } from "./support/close.js";
import { checkGraph, classify, HARDWARE } from "./support/graph.js";
import { gpu } from "./support/kernel.js";

const LIMITS = { kernels: "hardware", lanes: 4, maxTextureWidth: 8192, shuffle: false, accumulators: 64 } as const;
const IMAGES = 19;

for (const [map, lanes] of [[{ channels: 3, height: 5, width: 7 }, 4], [{ channels: 10, height: 1, width: 1 }, 32], [{ channels: 9, height: 30, width: 31 }, 16]] as [MapShape, number][]) {
  test(`images of ${map.channels}x${map.height}x${map.width} come back from blocks of ${lanes} vec4`, () => {
    const limits = { ...LIMITS, lanes };
    const layout = blockLayout(map, limits);
    const blocks = blocksFor(IMAGES, limits);
    const images = noise(IMAGES * map.channels * map.height * map.width, 3);
    const texels = toBlocks(layout, images, blocks);
    assert.is(texels.length, blocks * layout.fold * layout.texels * 4);
    assert.ok(layout.texels <= 8192);
    assert.equal(fromBlocks(layout, texels, IMAGES), images);
    // Four images of one pixel stand side by side.
    assert.equal([...texels.subarray(0, 4)], [0, 1, 2, 3].map((n) => images[n * map.channels * map.height * map.width]));
  });
}

test("any run of channels is a view, also of vectors", () => {
  const view = viewOf(blockLayout({ channels: 10, height: 1, width: 1 }, LIMITS), { from: 3, count: 5, radix: 1, step: 0 })!;
  assert.equal([view.first, view.groups, view.channels], [3, 5, 5]);
});

const SHAPES: ConvShape[] = [
  squareConv({ inChannels: 1, outChannels: 64, height: 28, width: 28, kernel: 7, stride: 2, pad: 3 }), squareConv({ inChannels: 64, outChannels: 64, height: 7, width: 7, kernel: 3, pad: 1 }),
  squareConv({ inChannels: 128, outChannels: 256, height: 4, width: 4, kernel: 3, stride: 2, pad: 1 }), squareConv({ inChannels: 512, outChannels: 10, height: 1, width: 1, kernel: 1 }),
  squareConv({ inChannels: 2048, outChannels: 512, height: 1, width: 1, kernel: 1 }), squareConv({ inChannels: 58, outChannels: 116, height: 4, width: 4, kernel: 1 }), squareConv({ inChannels: 24, outChannels: 24, height: 5, width: 5, kernel: 3, pad: 1, groups: 3 }), squareConv({ inChannels: 24, outChannels: 24, height: 7, width: 5, kernel: 3, stride: 2, pad: 1, groups: 24 }),
];

test("tiles stay within what every adapter has", () => {
  for (const lanes of [4, 16, 32]) {
    for (const shape of SHAPES) {
      for (const gradient of [false, true]) {
        const maps = [{ channels: shape.inChannels, height: shape.height, width: shape.width }, { channels: shape.outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, { ...LIMITS, lanes }));
        const [input, output] = gradient ? maps.toReversed() : maps;
        for (const tile of roomOf(LIMITS).candidates(shape, gradient, { ...LIMITS, lanes }) as HardwareTile[]) {
          const what = `${tileKey(shape, gradient)} ${JSON.stringify(tile)}`;
          const plan = roomOf(LIMITS).plan(shape, gradient, input, output, tile, LIMITS) as HardwarePlan;
          for (const [name, value] of Object.entries(plan.constants)) assert.ok(typeof value === "boolean" || Number.isInteger(value), `${what}: ${name} is ${value}`);
          assert.ok(gridOf(plan, output, 2).every(Number.isInteger), what);
          if (tile.kernel === "conv2d_gemm") {
            assert.ok(invocationsOf(tile) <= 256 && Number.isInteger(invocationsOf(tile)), what);
            assert.ok(tile.depth * (tile.channels + tile.images) * 4 <= 16384, what);
          }
          assert.ok(plan.weightTexture.width <= 8192 && plan.weightTexture.height <= 8192, what);
        }
      }
    }
  }
});

const gemm = (channels: number, images: number, own: number, depth: number): HardwareTile => ({ kernel: "conv2d_gemm", channels, images, own, depth });
const patch = (rows: number, columns: number): HardwareTile => ({ kernel: "conv2d_patch", rows, columns });

/** By the kernel alone; what of the weights lies from -0.1 to 0.2 is removed. */
async function convolve(shape: ConvShape, gradient: boolean, tile: HardwareTile, x: Float32Array, weights: Float32Array): Promise<Float32Array> {
  const executor = new GpuExecutor(await gpu());
  const maps = [{ channels: shape.inChannels, height: shape.height, width: shape.width }, { channels: shape.outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, LIMITS));
  const [input, output] = gradient ? maps.toReversed() : maps;
  const room = roomOf(LIMITS);
  const plan = room.plan(shape, gradient, input, output, tile, LIMITS);
  const blocks = blocksFor(IMAGES, LIMITS);
  const make: Record<string, () => GPUTexture | GPUBuffer> = {
    weights: () => executor.createWeights(plan, room.pack(plan, weights)),
    norm: () => executor.createTexture(64, 2, Float32Array.from({ length: 512 }, (_, i) => Number(i % 4 === 0))),
    intervals: () => executor.createBuffer(4096, GPUBufferUsage.UNIFORM, Float32Array.from([...REMOVED])),
  };
  const prepared = await executor.prepare(planAlone(plan, input, output, blocks, LIMITS, { MASKED: true }), (name) => make[name]?.());
  executor.writeTexture(prepared.texture("input"), toBlocks(input, x, blocks));
  executor.submit(prepared.body);
  const found = fromBlocks(output, await executor.readTexture(prepared.texture("output")), IMAGES);
  executor.close();
  return found;
}

const REMOVED = [-0.1, 0.2];
const conv = (inChannels: number, outChannels: number, height: number, width: number, more: Partial<ConvShape> = {}): ConvShape =>
  ({ ...squareConv({ inChannels, outChannels, height, width, kernel: 3, pad: 1 }), ...more });
const UNIFORM: HardwareTile = { kernel: "conv2d_uniform", channels: 16 };
const GEMM = [gemm(8, 16, 4, 1), gemm(16, 8, 4, 2), gemm(8, 16, 8, 1), UNIFORM];

const CASES: [ConvShape, "forward" | "gradient", HardwareTile[]][] = [
  [conv(9, 13, 5, 4, { stride: [2, 2] }), "forward", GEMM],
  [conv(9, 13, 5, 4, { stride: [2, 2] }), "gradient", GEMM],
  [conv(24, 40, 3, 4, { groups: 2, dilation: [1, 2] }), "forward", [gemm(8, 16, 4, 1), UNIFORM]],
  [conv(24, 40, 3, 4, { groups: 2, dilation: [1, 2] }), "gradient", [gemm(8, 16, 4, 1), UNIFORM]],
  // Few channels, whose sum is one row with the taps: by steps that lie within a row of taps, and by others.
  [conv(3, 10, 7, 6, { kernel: [7, 7], stride: [2, 2], pad: [3, 3] }), "forward", [gemm(8, 16, 4, 7), gemm(16, 8, 4, 8), gemm(8, 16, 4, 3)]],
  [conv(12, 20, 5, 4, { groups: 4, dilation: [2, 1] }), "forward", [gemm(4, 16, 4, 9), gemm(8, 16, 4, 2)]],
  [conv(20, 12, 5, 4, { groups: 2, stride: [2, 1] }), "gradient", [gemm(8, 16, 4, 9), gemm(8, 16, 4, 4)]],
  // Depthwise; patches that stand out of the map, and ones as wide as it.
  [conv(5, 5, 5, 7, { groups: 5 }), "forward", [patch(2, 4), patch(1, 7), patch(4, 1)]],
  [conv(5, 5, 5, 7, { groups: 5 }), "gradient", [patch(2, 4), patch(1, 7), patch(4, 1)]],
  [conv(3, 3, 6, 5, { groups: 3, stride: [2, 2] }), "forward", [patch(2, 2), patch(3, 3)]],
  [conv(3, 3, 6, 5, { groups: 3, stride: [2, 2] }), "gradient", [patch(2, 2), patch(4, 6)]],
  [conv(4, 12, 7, 6, { groups: 4, kernel: [2, 3], stride: [1, 3], pad: [0, 2], padEnd: [1, 0], dilation: [2, 1] }), "forward", [patch(2, 2), patch(1, 3)]],
  [conv(4, 12, 7, 6, { groups: 4, kernel: [2, 3], stride: [1, 3], pad: [0, 2], padEnd: [1, 0], dilation: [2, 1] }), "gradient", [patch(2, 3), patch(1, 6)]],
  // From a stem back to an image, by more channels than are in workgroup memory at once.
  [conv(3, 11, 9, 8, { kernel: [7, 7], stride: [2, 2], pad: [3, 3] }), "gradient", [patch(2, 2), patch(2, 4)]],
  [conv(6, 2, 3, 5), "forward", [patch(1, 1), patch(2, 3)]],
];

for (const [shape, kind, tiles] of CASES) {
  test(`every tile of ${tileKey(shape, kind === "gradient")} by ${tiles[0].kernel} gives the same bits, the right ones`, async () => {
    const gradient = kind === "gradient";
    const out = convOutput(shape);
    const x = noise(IMAGES * (gradient ? shape.outChannels * out.height * out.width : shape.inChannels * shape.height * shape.width), 3);
    const weights = noise(shape.outChannels * (shape.inChannels / shape.groups) * shape.kernel[0] * shape.kernel[1], 5);
    const kept = weights.map((w) => (w >= REMOVED[0] && w <= REMOVED[1] ? 0 : w));
    assert.ok(roomOf(LIMITS).can(shape, gradient));
    assert.is((roomOf(LIMITS).candidates(shape, gradient, LIMITS)[0] as HardwareTile).kernel, tiles[0].kernel);
    const results: Float32Array[] = [];
    for (const tile of tiles) results.push(await convolve(shape, gradient, tile, x, weights));
    assertClose(results[0], gradient ? conv2dInputGradient(shape, x, kept) : conv2d(shape, x, kept), 1e-5, tileKey(shape, gradient));
    for (const result of results) assert.equal(result, results[0]);
  });
}

for (const batchNorm of ["running", "batch"] as const) {
  test(`every op on odd sizes, batch norm ${batchNorm}`, async () => {
    const image = { channels: 2, height: 11, width: 9 };
    const b = new GraphBuilder();
    const stem = b.relu(b.norm(b.conv("image", "stem", 2, 6, 3, { pad: 1 }), "norm", 6));
    const pooled = b.maxPool(stem, 3, { stride: 2, pad: 1, ceil: true });
    const smooth = b.avgPool(pooled, 3, { stride: 1, pad: 1, countPadding: false });
    const gated = b.multiply(b.activation(b.conv(b.adaptiveAvgPool(smooth), "gate", 6, 6, 1, { bias: true }), "sigmoid"), smooth);
    const lifted = b.add(gated, b.adaptiveAvgPool(pooled));
    const joined = b.concat([lifted, b.slice(b.conv(pooled, "side", 6, 7, 3, { pad: 1 }), 2, 5)]);
    const deep = b.relu(b.add(b.norm(b.conv(joined, "depthwise", 11, 11, 3, { pad: 1, groups: 11 }), "deepNorm", 11), joined));
    const moved = b.scale(b.concat([b.shuffle(deep, 11), lifted]), [1.5], [0.1]);
    await checkGraph(classify(b, b.activation(b.adaptiveAvgPool(b.pad(moved, [1, 0, -1, 2]), 3, 2), "gelu"), image), image, { batchNorm, seed: 5, plan: HARDWARE });
  });
}

test("weights read uniformly are left to another kernel where a filter is", async () => {
  const image = { channels: 16, height: 4, width: 5 };
  const b = new GraphBuilder();
  const first = b.relu(b.conv("image", "first", 16, 16, 3, { pad: 1 }));
  const shape = conv(16, 16, 4, 5);
  const tiles = { [tileKey(shape, false)]: UNIFORM, [tileKey(shape, true)]: UNIFORM };
  const layout = blockLayout(image, LIMITS);
  const kernelOf = (masked: boolean): string => (roomOf(LIMITS).plan(shape, false, layout, layout, UNIFORM, { ...LIMITS, masked }) as HardwarePlan).kernel;
  assert.equal([false, true].map(kernelOf), ["conv2d_uniform", "conv2d_gemm"]);
  await checkGraph(classify(b, b.relu(b.add(b.conv(first, "second", 16, 16, 3, { pad: 1 }), first)), image), image, { which: "first", seed: 5, plan: { ...HARDWARE, tiles } });
});

test("tuning takes a faster tile only where it computes the same", async () => {
  const shape = SHAPES[1];
  const limits = { ...LIMITS, lanes: 32 };
  const [first, quick, right] = gemmCandidates(shape, false, limits);
  const attempt = (wrong: number) => async (_: unknown, __: unknown, ___: unknown, tile: object): Promise<{ ms: number; numbers: Float32Array }> =>
    ({ ms: sameTile(tile, quick) ? 1 : sameTile(tile, right) ? 2 : 3, numbers: Float32Array.of(1, sameTile(tile, quick) ? 2 + wrong : 2) });
  const chosen = async (wrong: number) => Object.values(await tuneTiles(await gpu(), [{ shape, gradient: false }], limits, undefined, { attempt: attempt(wrong) }));
  assert.equal(await chosen(0), [quick]);
  assert.equal(await chosen(1e-6), [quick]);
  assert.equal(await chosen(0.01), [right]);
  assert.equal(await chosen(NaN), [right]);
  assert.ok(!sameTile(first, quick));
});

test("numbers that are all zero are like nothing", () => {
  assert.not.ok(isAlike(Float32Array.of(0, 0), Float32Array.of(0, 0)));
  assert.ok(isAlike(Float32Array.of(0, 1), Float32Array.of(0, 1)));
});

test("a training's steps keep to the workgroups of a dispatch, however large a layer is", () => {
  const b = new GraphBuilder();
  const graph = b.graph(b.linear(b.linear(b.flatten("image"), "wide", 25088, 4096), "fc", 4096, 10));
  const network = { name: "made", width: 1, channels: 512, classes: 10, graph, layers: [] };
  const learning = { learned: () => ({ arena: "0", first: 0 }), counted: () => null, ofImages: false };
  const { body } = planTraining(network, { ...LIMITS, image: { channels: 512, height: 7, width: 7 }, images: 100, batch: 100, blocksPerVariant: 7, labelSmoothing: 0, learning });
  assert.ok(body.some(({ kernel }) => kernel === "unpack_gemm_weight_grad"));
  for (const { name, grid } of body) assert.ok(Math.max(...grid) <= 65535, `${name} takes ${grid.join(" x ")} workgroups`);
});

test("images of more pixels than a dispatch has workgroups are refused", async () => {
  const device = { ...(await gpu()), kernels: "hardware" as const };
  assert.throws(() => kernelLimits(device, { channels: 3, height: 256, width: 256 }), /256x256 pixels are too large .* --kernels software/);
  assert.is(kernelLimits(device, { channels: 3, height: 256, width: 256 }, "software").kernels, "software");
});

test("a run by other kernels is another run, an old one was by those for software", () => {
  const identity = { packageVersion: "1", adapter: "a", driver: "d", config: {}, dataset: {}, shard: null } as unknown as RunIdentity;
  assert.equal(differences(identity, { ...identity, kernels: "hardware" }), ['kernels: there "software", here "hardware"']);
  assert.equal(differences(identity, { ...identity }), []);
  assert.not.equal(identityHash(identity), identityHash({ ...identity, kernels: "hardware" }));
});

test.run();
