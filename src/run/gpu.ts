/** Runs plans on a WebGPU device: pipelines, textures, bind groups and submissions. */
import { AdapterError, OutOfMemoryError } from "../errors.js";
import { checkLost, settle, type Gpu } from "../gpu/device.js";
import { DeviceMemory } from "../gpu/memory.js";
import type { Profiler } from "../gpu/profiler.js";
import { type Pipeline, pipelinesFor } from "../gpu/pipelines.js";
import { shader } from "../gpu/shader.js";
import type { Step } from "../ops/common/step.js";
import type { TiledPlan } from "../ops/convolution/room.js";
import { stepsOf, unrolledBody, type UnitPlan } from "../plan/plan.js";
import { assignTextures } from "../plan/memory.js";

export interface PreparedStep {
  step: Step;
  pipeline: Pipeline;
  group: GPUBindGroup;
}

/** A plan with its textures and bind groups. */
export interface PreparedPlan {
  plan: UnitPlan;
  prefix: PreparedStep[];
  body: PreparedStep[];
  texture(resource: string): GPUTexture;
}

/** Textures and buffers that a plan reads but does not make, by resource name. */
export type Resources = (resource: string) => GPUTexture | GPUBuffer | undefined;

export class GpuExecutor {
  private readonly pool = new Map<string, GPUTexture>();
  private failure: Error | null = null;
  private readonly device: GPUDevice;
  readonly memory: DeviceMemory;

  private readonly onError = (event: GPUUncapturedErrorEvent): void => {
    const { error } = event;
    event.preventDefault(); // Dawn would print it
    const message = `${this.gpu.adapter.name}: ${error.message.split("\n")[0]}`;
    this.failure ??= error instanceof GPUOutOfMemoryError ? new OutOfMemoryError(message) : new AdapterError(message);
  };

  constructor(readonly gpu: Gpu, private readonly profiler: Profiler | null = null) {
    this.device = gpu.device;
    this.device.addEventListener("uncapturederror", this.onError);
    this.memory = new DeviceMemory(gpu);
  }

  /** @throws the first error that the device reported: results made after it cannot be trusted */
  check(): void {
    checkLost(this.gpu);
    this.memory.check(); // first: what follows from a failed allocation is reported, too
    if (this.failure) throw this.failure;
  }

  createTexture(width: number, height: number, texels?: Float32Array): GPUTexture {
    const usage = GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST | GPUTextureUsage.COPY_SRC;
    const texture = this.memory.texture({ size: [width, height], format: "rgba32float", usage });
    if (texels) this.writeTexture(texture, texels);
    return texture;
  }

  writeTexture(texture: GPUTexture, texels: Float32Array): void {
    const size = [texture.width, Math.min(texture.height, texels.length / 4 / texture.width)];
    this.gpu.device.queue.writeTexture({ texture }, texels as Float32Array<ArrayBuffer>, { bytesPerRow: texture.width * 16 }, size);
  }

  createBuffer(bytes: number, usage: number, data?: ArrayBufferView): GPUBuffer {
    const buffer = this.memory.buffer({ size: Math.ceil(bytes / 16) * 16, usage: usage | GPUBufferUsage.COPY_DST });
    if (data) this.gpu.device.queue.writeBuffer(buffer, 0, data as Uint8Array<ArrayBuffer>);
    return buffer;
  }

  /** @param texels weights as the plan's kernel reads them, see `pack` of its room */
  createWeights({ weightTexture: { width, height }, weightBuffer }: Pick<TiledPlan, "weightTexture" | "weightBuffer">, texels: Float32Array): GPUTexture | GPUBuffer {
    return weightBuffer ? this.createBuffer(texels.byteLength, GPUBufferUsage.STORAGE, texels) : this.createTexture(width, height, texels);
  }

  /** Textures are kept for the next plan: one of the same width and enough rows is used again. */
  private pooled(slot: string, width: number, height: number): GPUTexture {
    const known = this.pool.get(slot);
    if (known && known.height >= height) return known;
    known?.destroy();
    const texture = this.createTexture(width, height);
    this.pool.set(slot, texture);
    return texture;
  }

  /**
   * Compiles a plan's kernels and allocates what it needs.
   * @param resources weights, norms, labels, …; made on the way when they are not there
   * @throws OutOfMemoryError, DeviceLostError, or AdapterError for a kernel that the device refuses
   */
  async prepare(plan: UnitPlan, resources: Resources): Promise<PreparedPlan> {
    const steps = [...new Set(stepsOf(plan))];
    const pipelines = await pipelinesFor(this.gpu, steps);
    return this.memory.guard(() => {
      const slots = assignTextures(plan);
      const textures = new Map([...slots].map(([resource, { slot, width, height }]) => [resource, this.pooled(slot, width, height)]));
      const find = (resource: string): GPUTexture | GPUBuffer | undefined => textures.get(resource) ?? resources(resource);
      const bound = new Map(steps.map((step, i) => [step, { step, pipeline: pipelines[i], group: this.bind(step, pipelines[i], find) }]));
      const prepared = (asked: Step[]): PreparedStep[] => asked.map((step) => bound.get(step)!);
      return { plan, prefix: prepared(plan.prefix), body: prepared(unrolledBody(plan)), texture: (resource) => textures.get(resource)! };
    });
  }

  private bind(step: Step, { layout, bindings }: Pipeline, find: Resources): GPUBindGroup {
    const entries = bindings.map(({ name, binding }): GPUBindGroupEntry => {
      if (name === "params") return { binding, resource: { buffer: this.params(step) } };
      const resource = step.bindings[name];
      const found = find(resource);
      if (!found) throw new Error(`${step.kernel} reads ${name}, for which the plan names ${resource ?? "nothing"}`);
      return { binding, resource: found instanceof GPUBuffer ? { buffer: found } : found.createView() };
    });
    return this.gpu.device.createBindGroup({ layout, entries });
  }

  private params(step: Step): GPUBuffer {
    const { size, members } = shader(step.kernel).params;
    const bytes = new DataView(new ArrayBuffer(size));
    for (const [name, { offset, float }] of members) {
      const value = step.params[name];
      if (value === undefined) throw new Error(`${step.kernel} needs the parameter ${name}`);
      [value].flat().forEach((v, i) => (float ? bytes.setFloat32(offset + 4 * i, v, true) : bytes.setUint32(offset + 4 * i, v, true)));
    }
    return this.createBuffer(size, GPUBufferUsage.UNIFORM, new Uint8Array(bytes.buffer));
  }

  /** Allocates what the next submission needs. @throws OutOfMemoryError, DeviceLostError */
  async reserve(): Promise<void> {
    await this.profiler?.reserve(this.memory);
  }

  /** Records steps, one after the other, and submits them; with a profiler each in a pass of its own. */
  submit(steps: PreparedStep[], finish?: (encoder: GPUCommandEncoder) => void): void {
    const encoder = this.gpu.device.createCommandEncoder();
    const timed = this.profiler?.begin(this.memory);
    let pass = timed ? null : encoder.beginComputePass();
    for (const { step, pipeline, group } of steps) {
      if (timed) pass = encoder.beginComputePass(timed.pass(step.name, step.kernel.startsWith("conv2d") ? step.cost : 0));
      pass!.setPipeline(pipeline.pipeline);
      pass!.setBindGroup(0, group);
      pass!.dispatchWorkgroups(...step.grid);
      if (timed) pass!.end();
    }
    if (!timed) pass!.end();
    finish?.(encoder);
    timed?.end(encoder);
    this.gpu.device.queue.submit([encoder.finish()]);
    timed?.read();
  }

  /** @returns rgba32float texels, row after row */
  async readTexture(texture: GPUTexture, rows = texture.height): Promise<Float32Array> {
    const pitch = Math.ceil((texture.width * 16) / 256) * 256;
    const padded = await this.readBack(pitch * rows, (encoder, buffer) => encoder.copyTextureToBuffer({ texture }, { buffer, bytesPerRow: pitch }, [texture.width, rows]));
    const texels = new Float32Array(texture.width * rows * 4);
    for (let row = 0; row < rows; row++) texels.set(padded.subarray((row * pitch) / 4, (row * pitch) / 4 + texture.width * 4), row * texture.width * 4);
    return texels;
  }

  readBuffer(source: GPUBuffer, floats: number): Promise<Float32Array> {
    return this.readBack(floats * 4, (encoder, buffer) => encoder.copyBufferToBuffer(source, 0, buffer, 0, floats * 4));
  }

  private async readBack(bytes: number, copy: (encoder: GPUCommandEncoder, to: GPUBuffer) => void): Promise<Float32Array> {
    const buffer = this.memory.buffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    const encoder = this.gpu.device.createCommandEncoder();
    copy(encoder, buffer);
    this.gpu.device.queue.submit([encoder.finish()]);
    await this.memory.confirm();
    await settle(this.gpu, buffer.mapAsync(GPUMapMode.READ));
    const values = new Float32Array(buffer.getMappedRange()).slice();
    buffer.unmap();
    buffer.destroy();
    this.check();
    return values;
  }

  /** Frees the textures of all plans. */
  free(): void {
    for (const texture of this.pool.values()) texture.destroy();
    this.pool.clear();
    this.failure = null;
  }

  close(): void {
    this.device.removeEventListener("uncapturederror", this.onError);
    this.free();
  }
}
