/** Register tiles: every one that may be chosen or tried fits the kernel, and none changes a bit of the result. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { convGrid, packWeights, planConv } from "../src/ops/convolution/software/plan.js";
import { sameTile } from "../src/ops/convolution/room.js";
import { conv2d, convOutput, type ConvShape, squareConv, tileKey } from "../src/ops/convolution/shape.js";
import { ACCUMULATORS, chooseTile, type ConvTile, tileCandidates } from "../src/ops/convolution/software/tile.js";
import { blockLayout } from "../src/layout/blocks.js";
import { kernelLimits } from "../src/run/limits.js";
import { tuneTiles } from "../src/run/tune.js";
import { assertClose, noise } from "./support/close.js";
import { gpu, runKernel } from "./support/kernel.js";

const SHAPES: [inChannels: number, outChannels: number, size: number, kernel: number, stride: number, pad: number][] = [
  [1, 64, 28, 7, 2, 3], [3, 64, 32, 7, 2, 3], [3, 64, 64, 7, 2, 3], [64, 64, 7, 3, 1, 1], [64, 64, 8, 3, 1, 1], [64, 64, 16, 3, 1, 1], [64, 128, 16, 3, 2, 1],
  [64, 128, 7, 3, 2, 1], [128, 256, 4, 3, 2, 1], [128, 256, 4, 1, 2, 0], [256, 256, 2, 3, 1, 1], [256, 512, 2, 3, 2, 1], [512, 512, 1, 3, 1, 1], [512, 10, 1, 1, 1, 0],
  [512, 200, 1, 1, 1, 0], [8, 24, 5, 3, 2, 1], [24, 24, 3, 3, 1, 1], [5, 7, 9, 3, 2, 1], [12, 40, 2, 3, 1, 1],
];
const shapeOf = ([inChannels, outChannels, size, kernel, stride, pad]: (typeof SHAPES)[0]): ConvShape => squareConv({ inChannels, outChannels, height: size, width: size, kernel, stride, pad });

for (const kind of ["software", "hardware"] as const) {
  test(`tiles for ${kind} fit the kernel`, () => {
    for (const lanes of [8, 16, 32]) {
      for (const shape of SHAPES.map(shapeOf)) {
        const limits = { lanes, maxTextureWidth: 32768 };
        for (const gradient of [false, true]) {
          const maps = [{ channels: shape.inChannels, height: shape.height, width: shape.width }, { channels: shape.outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, limits));
          const [input, output] = gradient ? maps.toReversed() : maps;
          const candidates = tileCandidates(shape, gradient, { lanes, accumulators: ACCUMULATORS[kind] });
          assert.ok(sameTile(candidates[0], chooseTile(shape, gradient, { lanes, accumulators: ACCUMULATORS[kind] })));
          for (const tile of candidates) {
            const what = `${tileKey(shape, gradient)} ${JSON.stringify(tile)}`;
            const { constants, bands } = planConv(shape, gradient, input, output, tile, limits.maxTextureWidth);
            for (const [name, value] of [constants, ...bands.map((band) => band.constants)].flatMap((set) => Object.entries(set))) assert.ok(typeof value === "boolean" || Number.isInteger(value), `${what}: ${name} is ${value}`);
            assert.is(64 % (tile.blocks * lanes), 0, what);
            const padded = (output.groups * output.pack) as number;
            assert.ok(Math.ceil(output.channels / tile.channels) * tile.channels <= padded, `${what}: writes beyond ${padded} channels`);
          }
        }
      }
    }
  });
}

const BLOCKS = 8;
const IMAGES = 19;

async function forward(shape: ConvShape, tile: ConvTile, x: Float32Array, weights: Float32Array): Promise<Float32Array> {
  const device = await gpu();
  const [from, to] = [blockLayout({ channels: shape.inChannels, height: shape.height, width: shape.width }, device), blockLayout({ channels: shape.outChannels, ...convOutput(shape) }, device)];
  const plan = planConv(shape, false, from, to, tile, device.maxTextureWidth);
  const { output } = await runKernel({
    kernel: "conv2d",
    constants: { ...plan.constants, SHUFFLE: device.shuffle },
    bands: plan.bands,
    params: { steps: plan.steps, in_blocks: BLOCKS, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: BLOCKS },
    grid: convGrid(plan, to, BLOCKS),
    blocks: BLOCKS,
    inputs: { input: { layout: from, data: x } },
    outputs: { output: { layout: to, images: IMAGES } },
    extra: (executor) => ({
      weights: executor.createTexture(plan.weightTexture.width, plan.weightTexture.height, packWeights(plan, weights)),
      norm: executor.createTexture(64, 2, Float32Array.from({ length: 512 }, (_, i) => Number(i % 4 === 0))),
    }),
  });
  return output;
}

for (const [shape, accumulators] of [[[8, 24, 7, 3, 1, 1], 64], [[8, 16, 8, 3, 1, 1], 256], [[8, 16, 2, 3, 1, 1], 64]].map(([entry, sums]) => [shapeOf(entry as (typeof SHAPES)[0]), sums as number] as const)) {
  test(`every tile of ${tileKey(shape, false)} gives the same bits, the right ones`, async () => {
    const x = noise(IMAGES * shape.inChannels * shape.height * shape.width, 3);
    const weights = noise(shape.inChannels * shape.outChannels * 9, 5);
    const results: Float32Array[] = [];
    for (const tile of tileCandidates(shape, false, { lanes: (await gpu()).lanes, accumulators })) results.push(await forward(shape, tile, x, weights));
    assert.ok(results.length >= 3);
    assertClose(results[0], conv2d(shape, x, weights), 1e-5, "convolution");
    for (const result of results) assert.equal(result, results[0]);
  });
}

test("tuning picks one of the tiles", async () => {
  const device = await gpu();
  const shape = shapeOf([16, 16, 4, 3, 1, 1]);
  const limits = { ...kernelLimits(device, { channels: 16, height: 4, width: 4 }), accumulators: 64 };
  const table = await tuneTiles(device, [{ shape, gradient: true }, { shape, gradient: true }], limits);
  assert.equal(Object.keys(table), [tileKey(shape, true)]);
  assert.ok(tileCandidates(shape, true, limits).some((tile) => sameTile(tile, table[tileKey(shape, true)])));
});

test.run();
