/** Finds the fastest register tile of each convolution by trying the default's neighbours on the adapter itself. */
import type { Gpu } from "../gpu/device.js";
import { Profiler } from "../gpu/profiler.js";
import { convGrid, planConv } from "../ops/convolution/plan.js";
import { convOutput, type ConvShape } from "../ops/convolution/shape.js";
import { type ConvTile, tileCandidates, tileKey, type TileTable } from "../ops/convolution/tile.js";
import type { KernelLimits } from "../ops/common/site.js";
import type { Step } from "../ops/common/step.js";
import { blockLayout, IMAGE_MULTIPLE } from "../layout/blocks.js";
import type { UnitPlan } from "../plan/plan.js";
import { GpuExecutor } from "./gpu.js";
import { kindOf } from "./limits.js";

/** A tile has to be this much faster than the default to take its place: less is noise, or gone with another epilogue. */
const GAIN = 0.08;
const REPEATS = 3;
/** Enough work for a time worth trusting, little enough that trying stays short. */
const IMAGES = { software: 4 * IMAGE_MULTIPLE, hardware: 64 * IMAGE_MULTIPLE };

/** A convolution to find a tile for. */
export interface Tunable {
  shape: ConvShape;
  gradient: boolean;
}

/**
 * @param onTry called before each convolution, with its place among those that have a choice
 * @returns a tile for every convolution that has a choice: the default where nothing was clearly faster
 */
export async function tuneTiles(gpu: Gpu, convolutions: Tunable[], limits: KernelLimits, onTry?: (done: number, of: number) => void): Promise<TileTable> {
  const distinct = new Map(convolutions.map((conv) => [tileKey(conv.shape, conv.gradient), conv]));
  const choices = [...distinct].map(([key, conv]) => ({ key, conv, candidates: tileCandidates(conv.shape, conv.gradient, limits) })).filter(({ candidates }) => candidates.length > 1);
  const table: TileTable = {};
  for (const [i, { key, conv, candidates }] of choices.entries()) {
    onTry?.(i, choices.length);
    const times: number[] = [];
    for (const tile of candidates) times.push(await timeTile(gpu, limits, conv, tile));
    const best = times.indexOf(Math.min(...times));
    // Where the driver happens to put a kernel's code in memory, it may run at half its speed: the winner has to win again as other code.
    const isFaster = times[best] < times[0] * (1 - GAIN) && (await timeTile(gpu, limits, conv, candidates[best], false)) < (await timeTile(gpu, limits, conv, candidates[0], false)) * (1 - GAIN);
    table[key] = candidates[isFaster ? best : 0];
  }
  return table;
}

/** GPU time of the quickest of several dispatches, in ms; with the ReLU or gate that most layers have, or without. */
async function timeTile(gpu: Gpu, limits: KernelLimits, { shape, gradient }: Tunable, tile: ConvTile, gated = true): Promise<number> {
  const profiler = new Profiler(gpu);
  const executor = new GpuExecutor(gpu, profiler);
  const made: GPUTexture[] = [];
  try {
    const maps = [{ channels: shape.inChannels, height: shape.height, width: shape.width }, { channels: shape.outChannels, ...convOutput(shape) }].map((map) => blockLayout(map, limits));
    const [input, output] = gradient ? maps.toReversed() : maps;
    const plan = planConv(shape, gradient, input, output, tile, limits.maxTextureWidth);
    const blocks = IMAGES[kindOf(gpu)] / limits.lanes;
    const body = plan.bands.map((band, i): Step => ({
      kernel: "conv2d",
      name: `band ${i}`,
      constants: { ...plan.constants, ...band.constants, SHUFFLE: limits.shuffle, RELU: gated && !gradient, GATE: gated && gradient },
      params: { steps: plan.steps, in_blocks: blocks, residual_blocks: 1, gate_blocks: 1, blocks_per_variant: blocks },
      bindings: { input: "input", output: "output", weights: "weights", norm: "norm", gate: "gate" },
      writes: ["output"],
      grid: convGrid(plan, output, blocks),
      cost: 1,
    }));
    const tensors = new Map([["input", input] as const, ["output", output] as const].map(([name, layout]) => [name, { width: layout.texels, height: blocks * layout.fold }]));
    const unit: UnitPlan = { prefix: [], body, tensors, weights: new Map(), affines: new Map(), filtered: [], blocksPerVariant: blocks, lanes: limits.lanes, variants: 1, passes: 1, input, logits: "output", inputGradient: null };
    const sizes: Record<string, [number, number]> = { weights: [plan.weightTexture.width, plan.weightTexture.height], norm: [Math.ceil(output.channels / 64) * 64, 2], gate: [output.texels, output.fold] };
    const prepared = await executor.prepare(unit, (name) => made[made.push(executor.createTexture(...sizes[name])) - 1]);
    // The first call compiles; the quickest is the one nothing else disturbed.
    for (let i = 0; i <= REPEATS; i++) {
      await executor.reserve();
      executor.submit(prepared.body);
    }
    const { entries } = await profiler.result();
    executor.check();
    return entries.reduce((sum, { leastMs }) => sum + leastMs, 0);
  } finally {
    for (const texture of made) texture.destroy();
    executor.close();
    profiler.close();
  }
}
