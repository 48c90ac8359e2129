/**
 * The first thing computed on a device: a convolution of whole numbers, which every order of summation gets exactly
 * right. A driver that miscompiles, or that does nothing at all, is found out before it produces a single row.
 */
import { AdapterError } from "../errors.js";
import type { Gpu } from "../gpu/device.js";
import { roomOf } from "../ops/convolution/kernels.js";
import { conv2d, squareConv } from "../ops/convolution/shape.js";
import { blockLayout, blocksFor, fromBlocks, toBlocks } from "../layout/blocks.js";
import { planAlone } from "./alone.js";
import { GpuExecutor } from "./gpu.js";
import { kernelLimits } from "./limits.js";

/** Small and of few sums, so that its kernel compiles at once. */
const SHAPE = squareConv({ inChannels: 2, outChannels: 6, height: 3, width: 4, kernel: 3, pad: 1 });
const SHAPE_READ = { channels: SHAPE.inChannels, height: SHAPE.height, width: SHAPE.width };
const SUMS = 32;
const IMAGES = 8;
/** Weights that the filter sets to 0. */
const REMOVED = { low: -2, high: 1 };

/** Whole numbers from -range to range, in no order. */
const scattered = (length: number, range: number): Float32Array => Float32Array.from({ length }, (_, i) => ((i * 37 + ((i * i) % 11)) % (2 * range + 1)) - range);

/** @throws AdapterError when the device computes anything but the right answer */
export async function checkComputes(gpu: Gpu): Promise<void> {
  const executor = new GpuExecutor(gpu);
  try {
    const [found, expected] = await canary(gpu, executor);
    const wrong = expected.reduce((count, value, i) => count + Number(value !== found[i]), 0);
    if (wrong === 0) return;
    const at = expected.findIndex((value, i) => value !== found[i]);
    throw new AdapterError(`${gpu.adapter.name}: computes nonsense: ${wrong} of ${expected.length} values of a small convolution are wrong (${found[at]} instead of ${expected[at]}); update its driver, or choose another adapter by --adapter`);
  } finally {
    executor.close();
  }
}

/** @returns what the device computed and what is right */
async function canary(gpu: Gpu, executor: GpuExecutor): Promise<[Float32Array, Float32Array]> {
  const { inChannels, outChannels, height, width, kernel } = SHAPE;
  const limits = { ...kernelLimits(gpu, SHAPE_READ), accumulators: SUMS };
  const input = blockLayout(SHAPE_READ, limits);
  const output = blockLayout({ channels: outChannels, height, width }, limits);
  const room = roomOf(limits);
  const plan = room.plan(SHAPE, false, input, output, room.candidates(SHAPE, false, limits)[0], limits);
  const blocks = blocksFor(IMAGES, limits);
  const images = scattered(IMAGES * inChannels * height * width, 9);
  const weights = scattered(outChannels * inChannels * kernel[0] * kernel[1], 4);
  const scale = new Float32Array(16 * 2 * 4);
  for (let channel = 0; channel < outChannels; channel++) scale[channel * 4] = 1;
  const make: Record<string, () => GPUTexture | GPUBuffer> = {
    weights: () => executor.createWeights(plan, room.pack(plan, weights)),
    norm: () => executor.createTexture(16, 2, scale),
    intervals: () => executor.createBuffer(4096, GPUBufferUsage.UNIFORM, Float32Array.from([REMOVED.low, REMOVED.high])),
  };
  const prepared = await executor.prepare(planAlone(plan, input, output, blocks, limits, { MASKED: true }), (name) => make[name]?.());
  executor.writeTexture(prepared.texture("input"), toBlocks(input, images, blocks));
  executor.submit(prepared.body);
  const found = fromBlocks(output, await executor.readTexture(prepared.texture("output")), IMAGES);
  return [found, Float32Array.from(conv2d(SHAPE, images, weights.map((w) => (w >= REMOVED.low && w <= REMOVED.high ? 0 : w))))];
}
