/** How many multiply-adds an adapter does at most: measured by a kernel that does nothing else (shaders/peak.wgsl). */
import type { Gpu } from "../gpu/device.js";
import { Profiler } from "../gpu/profiler.js";
import type { Step } from "../ops/common/step.js";
import type { UnitPlan } from "../plan/plan.js";
import { GpuExecutor } from "../run/gpu.js";

const LANES = 64;
/** Multiply-adds of an invocation in a turn: vectors of four, as the shader has them. */
const EACH = 4 * 8 * 8;
/** Enough workgroups for any GPU, in two waves of them and more. */
const WORKGROUPS = 8192;
/** A dispatch of so long is not over before the clock has risen. */
const LONG_MS = 20;
const MOST_TURNS = 2 ** 14;
const REPEATS = 3;

/**
 * @returns multiply-adds a second of the quickest of several dispatches; two operations each
 * @throws AdapterError where the adapter has no timestamps
 */
export async function measurePeak(gpu: Gpu): Promise<number> {
  const profiler = new Profiler(gpu);
  const executor = new GpuExecutor(gpu, profiler);
  const sums = executor.createBuffer(16 * LANES, GPUBufferUsage.STORAGE);
  try {
    let best = 0;
    const workgroups = gpu.adapter.software ? WORKGROUPS / 64 : WORKGROUPS;
    for (let turns = 16; turns <= MOST_TURNS; turns *= 4) {
      const step: Step = { kernel: "peak", name: `${turns}`, constants: {}, params: { turns, factor: 0.5, term: 1 }, bindings: { sums: "sums" }, writes: [], grid: [workgroups, 1, 1], cost: 1 };
      const plan = { prefix: [], body: [step], tensors: new Map() } as Pick<UnitPlan, "prefix" | "body" | "tensors"> as UnitPlan;
      const { body } = await executor.prepare(plan, () => sums);
      for (let i = 0; i < REPEATS; i++) {
        await executor.reserve();
        executor.submit(body);
      }
      const { entries } = await profiler.result();
      executor.check();
      const { leastMs } = entries.find(({ name }) => name === `${turns}`)!;
      best = Math.max(best, (EACH * turns * LANES * workgroups * 1000) / leastMs);
      if (leastMs > LONG_MS) break;
    }
    return best;
  } finally {
    sums.destroy();
    executor.close();
    profiler.close();
  }
}
