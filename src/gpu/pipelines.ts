/** Compute pipelines of a device, each compiled once and for all who use the device. */
import { AdapterError } from "../errors.js";
import { checkLost, settle, type Gpu } from "./device.js";
import { shader, specialise, withSubgroupSize, type Binding } from "./shader.js";

export interface Pipeline {
  pipeline: GPUComputePipeline;
  layout: GPUBindGroupLayout;
  bindings: Binding[];
}

/** A kernel's file and the constants it is specialised for. */
export interface Kernel {
  kernel: string;
  constants: Record<string, number | boolean>;
}

const compiled = new WeakMap<GPUDevice, Map<string, Promise<Pipeline>>>();

const keyOf = ({ kernel, constants }: Kernel): string => kernel + JSON.stringify(constants);

/**
 * Compiles what is not there yet, on all cores.
 * @returns a pipeline for each kernel, in their order
 * @throws AdapterError when the device refuses one
 */
export async function pipelinesFor(gpu: Gpu, kernels: Kernel[]): Promise<Pipeline[]> {
  let known = compiled.get(gpu.device);
  if (!known) compiled.set(gpu.device, (known = new Map()));
  const wanted = kernels.map((kernel) => {
    const key = keyOf(kernel);
    let pipeline = known.get(key);
    if (!pipeline) known.set(key, (pipeline = compile(gpu, kernel)));
    return pipeline;
  });
  try {
    return await settle(gpu, Promise.all(wanted));
  } catch (error) {
    checkLost(gpu);
    throw new AdapterError(`${gpu.adapter.name}: ${(error as Error).message.split("\n")[0]}`, { cause: error });
  }
}

async function compile({ device, shuffle, subgroupSize }: Gpu, { kernel, constants }: Kernel): Promise<Pipeline> {
  const { code: plain, bindings } = specialise(shader(kernel), constants, shuffle);
  const code = subgroupSize === null ? plain : withSubgroupSize(plain, subgroupSize);
  const layout = device.createBindGroupLayout({ entries: bindings.map(({ binding, layout }) => ({ binding, visibility: GPUShaderStage.COMPUTE, ...layout })) });
  const module = device.createShaderModule({ code, label: kernel });
  const pipeline = await device.createComputePipelineAsync({ label: kernel, layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }), compute: { module, entryPoint: "main" } });
  return { pipeline, layout, bindings };
}
