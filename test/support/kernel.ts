/** Runs one kernel on the real device: NCHW arrays in, NCHW arrays out. */
import type { Gpu } from "../../src/gpu/device.js";
import { type BlockLayout, fromBlocks, toBlocks } from "../../src/layout/blocks.js";
import type { ParamValue } from "../../src/ops/common/step.js";
import type { UnitPlan } from "../../src/plan/plan.js";
import { GpuExecutor } from "../../src/run/gpu.js";
import { openDevice } from "../../src/run/open.js";

let device: Promise<Gpu> | null = null;
let shared: GpuExecutor | null = null;

/** One device for all tests of a file set. */
export function gpu(): Promise<Gpu> {
  return (device ??= openDevice());
}

export interface KernelRun {
  kernel: string;
  constants: Record<string, number | boolean>;
  params: Record<string, ParamValue>;
  /** More constants, for each of several dispatches. */
  bands?: { constants: Record<string, number> }[];
  grid: [number, number, number];
  blocks: number;
  inputs: Record<string, { layout: BlockLayout; data: Float32Array }>;
  outputs: Record<string, { layout: BlockLayout; images: number }>;
  /** Textures and buffers that are not activations. */
  extra?: (executor: GpuExecutor) => Record<string, GPUTexture | GPUBuffer>;
}

export async function runKernel(run: KernelRun): Promise<Record<string, Float32Array>> {
  const executor = (shared ??= new GpuExecutor(await gpu()));
  const tensors = new Map(Object.entries({ ...run.inputs, ...run.outputs }).map(([name, { layout }]) => [name, { width: layout.texels, height: run.blocks * layout.fold }]));
  const extra = run.extra?.(executor) ?? {};
  const bindings = Object.fromEntries([...tensors.keys(), ...Object.keys(extra)].map((name) => [name, name]));
  const body = (run.bands ?? [{ constants: {} }]).map((band) => ({ kernel: run.kernel, name: run.kernel, constants: { ...run.constants, ...band.constants }, params: run.params, bindings, writes: Object.keys(run.outputs), grid: run.grid, cost: 1 }));
  const plan = { prefix: [], body, tensors } as unknown as UnitPlan;
  const prepared = await executor.prepare(plan, (name) => extra[name]);
  for (const [name, { layout, data }] of Object.entries(run.inputs)) executor.writeTexture(prepared.texture(name), toBlocks(layout, data, run.blocks));
  executor.submit(prepared.body);
  const results: Record<string, Float32Array> = {};
  for (const [name, { layout, images }] of Object.entries(run.outputs)) results[name] = fromBlocks(layout, await executor.readTexture(prepared.texture(name)), images);
  return results;
}
