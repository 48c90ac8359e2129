/** Finds the fastest tile of each convolution by trying the default's neighbours on the adapter itself. */
import type { Gpu } from "../gpu/device.js";
import { Profiler } from "../gpu/profiler.js";
import { type AnyTile, roomOf, type TileTable } from "../ops/convolution/kernels.js";
import { convOutput, type ConvShape, tileKey } from "../ops/convolution/shape.js";
import type { KernelLimits } from "../ops/common/site.js";
import { blockLayout, blocksFor, fromBlocks, IMAGE_MULTIPLE } from "../layout/blocks.js";
import { planAlone } from "./alone.js";
import { GpuExecutor } from "./gpu.js";
import { kindOf } from "./limits.js";

/** A tile has to be this much faster than the default to take its place: less is noise, or gone with another epilogue. */
const GAIN = 0.08;
const REPEATS = 3;
/** Enough work for a time worth trusting, little enough that trying stays short. */
const IMAGES = { software: 4 * IMAGE_MULTIPLE, hardware: 64 * IMAGE_MULTIPLE };
/** A convolution is left to another time when looking has taken so long. */
const SECONDS = { software: Infinity, hardware: 60 };
/** Largest difference between two tiles' numbers, of the largest number, that another order of summation explains. */
const FLOAT_ERROR = 1e-4;

/** A convolution to find a tile for. */
export interface Tunable {
  shape: ConvShape;
  gradient: boolean;
}

interface Tried {
  /** GPU time of the quickest of several dispatches. */
  ms: number;
  /** What was computed of the first block of images. */
  numbers: Float32Array;
}

/** Whether a tile computes what another one does; NaN is like nothing. */
export function isAlike(numbers: Float32Array, expected: Float32Array): boolean {
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return largest > 0 && numbers.length === expected.length && numbers.every((value, i) => Math.abs(value - expected[i]) <= FLOAT_ERROR * largest);
}

/**
 * @param onTry called before each convolution, with its place among those that have a choice
 * @param seconds after which no other convolution is begun
 * @param attempt measures one tile
 * @returns a tile for every convolution that has a choice: the default where nothing was clearly faster, or computed something else
 */
export async function tuneTiles(gpu: Gpu, convolutions: Tunable[], limits: KernelLimits, onTry?: (done: number, of: number) => void, { seconds = SECONDS[kindOf(gpu)], attempt = tryTile } = {}): Promise<TileTable> {
  const distinct = new Map(convolutions.map((conv) => [tileKey(conv.shape, conv.gradient), conv]));
  const choices = [...distinct].map(([key, conv]) => ({ key, conv, candidates: roomOf(limits).candidates(conv.shape, conv.gradient, limits) })).filter(({ candidates }) => candidates.length > 1);
  const table: TileTable = {};
  const start = performance.now();
  for (const [i, { key, conv, candidates }] of choices.entries()) {
    if (performance.now() - start > seconds * 1000) break;
    onTry?.(i, choices.length);
    const first = await attempt(gpu, limits, conv, candidates[0], true);
    let [best, least] = [0, first.ms];
    for (let at = 1; at < candidates.length; at++) {
      const { ms, numbers } = await attempt(gpu, limits, conv, candidates[at], true);
      if (ms < least && isAlike(numbers, first.numbers)) [best, least] = [at, ms];
    }
    // Where the driver happens to put a kernel's code in memory, it may run at half its speed: the winner has to win again as other code.
    const isFaster = least < first.ms * (1 - GAIN) && (await attempt(gpu, limits, conv, candidates[best], false)).ms < (await attempt(gpu, limits, conv, candidates[0], false)).ms * (1 - GAIN);
    table[key] = candidates[isFaster ? best : 0];
  }
  return table;
}

/** Values from -0.5 to 0.5 in a fixed order. */
function spread(length: number): Float32Array {
  let state = 1;
  return Float32Array.from({ length }, () => (state = (state * 48271) % 2147483647) / 2147483647 - 0.5);
}

/** @param gated with the ReLU or gate that most layers have, or without */
async function tryTile(gpu: Gpu, limits: KernelLimits, { shape, gradient }: Tunable, tile: AnyTile, gated: boolean): Promise<Tried> {
  const profiler = new Profiler(gpu);
  const executor = new GpuExecutor(gpu, profiler);
  const made: (GPUTexture | GPUBuffer)[] = [];
  try {
    const maps = [{ channels: shape.inChannels, height: shape.height, width: shape.width }, { channels: shape.outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, limits));
    const [input, output] = gradient ? maps.toReversed() : maps;
    const room = roomOf(limits);
    const plan = room.plan(shape, gradient, input, output, tile, limits);
    const blocks = blocksFor(IMAGES[kindOf(gpu)], limits);
    const unit = planAlone(plan, input, output, blocks, limits, { RELU: gated && !gradient, GATE: gated && gradient });
    const ones = (texels: number): Float32Array => new Float32Array(4 * texels).fill(1);
    const columns = Math.ceil(output.channels / 64) * 64;
    const make: Record<string, () => GPUTexture | GPUBuffer> = {
      weights: () => executor.createWeights(plan, room.pack(plan, spread(shape.outChannels * (shape.inChannels / shape.groups) * shape.kernel[0] * shape.kernel[1]))),
      norm: () => executor.createTexture(columns, 2, ones(2 * columns)),
      gate: () => executor.createTexture(output.texels, output.fold, ones(output.texels * output.fold)),
    };
    const prepared = await executor.prepare(unit, (name) => make[name] && made[made.push(make[name]()) - 1]);
    // Numbers in the first block; the others are zeros, which take as long.
    executor.writeTexture(prepared.texture("input"), spread(4 * input.texels * input.fold));
    // The first call compiles; the quickest is the one nothing else disturbed.
    for (let i = 0; i <= REPEATS; i++) {
      await executor.reserve();
      executor.submit(prepared.body);
    }
    const { entries } = await profiler.result();
    executor.check();
    const numbers = fromBlocks(output, await executor.readTexture(prepared.texture("output"), output.fold), output.images);
    return { ms: entries.reduce((sum, { leastMs }) => sum + leastMs, 0), numbers };
  } finally {
    for (const texture of made) texture.destroy();
    executor.close();
    profiler.close();
  }
}
