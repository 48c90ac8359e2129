/** What a training keeps on the device beside activations: parameters with their gradients and moments, statistics, labels, results. */
import { settle } from "../gpu/device.js";
import type { Network } from "../model/architecture.js";
import { affineWidth, isConstant } from "../plan/packing.js";
import type { UnitPlan } from "../plan/plan.js";
import type { GpuExecutor } from "../run/gpu.js";
import { NetworkResources } from "../sweep/resources.js";
import type { ParameterTable } from "./parameters.js";

/** Images of a batch on the device at once. */
const MOST_IMAGES = 65536;

export class TrainingResources {
  private readonly buffers = new Map<string, GPUBuffer>();
  private readonly textures = new Map<string, GPUTexture>();
  private readonly staging: GPUBuffer[] = [];
  private readonly constants: NetworkResources;

  constructor(private readonly executor: GpuExecutor, network: Network, private readonly table: ParameterTable) {
    this.constants = new NetworkResources(executor, network);
  }

  /** Resources of a plan, made at first use. */
  lookup(plan: UnitPlan): (resource: string) => GPUTexture | GPUBuffer | undefined {
    return (resource) => {
      const weights = plan.weights.get(resource);
      if (weights) return this.texture(resource, weights.width, weights.height);
      const affine = plan.affines.get(resource);
      if (affine) return isConstant(affine) ? this.constants.lookup(plan)(resource) : this.texture(resource, affineWidth(affine.channels), 2);
      return this.buffer(resource);
    };
  }

  get results(): GPUBuffer {
    return this.buffer("results")!;
  }

  private texture(key: string, width: number, height: number): GPUTexture {
    // Batches of another size may have other tiles.
    const name = `${key} ${width}x${height}`;
    let texture = this.textures.get(name);
    if (!texture) this.textures.set(name, (texture = this.executor.createTexture(width, height)));
    return texture;
  }

  private buffer(resource: string): GPUBuffer | undefined {
    let buffer = this.buffers.get(resource);
    if (!buffer) {
      const bytes = this.bytesOf(resource);
      if (bytes === null) return undefined;
      const isUniform = resource === "training" || resource === "optimizer";
      buffer = this.executor.createBuffer(bytes, isUniform ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
      this.buffers.set(resource, buffer);
    }
    return buffer;
  }

  private bytesOf(resource: string): number | null {
    const [kind, arena] = resource.split("/");
    const floats = arena === undefined ? undefined : this.table.arenas.get(arena);
    if (floats !== undefined) return kind === "chosen" ? Math.ceil(floats / 32) * 4 : floats * 4;
    const sizes: Record<string, number> = { statistics: this.table.statistics * 4, labels: MOST_IMAGES * 4, places: MOST_IMAGES * 4, results: MOST_IMAGES * 8, training: 16, optimizer: 32 };
    return sizes[kind] ?? null;
  }

  /** @param first in floats */
  write(resource: string, first: number, values: Float32Array | Uint32Array): void {
    this.executor.gpu.device.queue.writeBuffer(this.buffer(resource)!, first * 4, values as Float32Array<ArrayBuffer>);
  }

  writeLabels(labels: Uint32Array): void {
    this.write("labels", 0, labels);
  }

  /** Numbers by which a random start tells images apart: none comes twice in four billion. */
  writePlaces(first: number, images: number): void {
    this.write("places", 0, Uint32Array.from({ length: images }, (_, i) => first + i));
  }

  writeTraining(seed: number, step: number, firstImage: number): void {
    this.write("training", 0, Uint32Array.of(seed, step, firstImage, 0));
  }

  writeOptimizer(state: Float32Array): void {
    this.write("optimizer", 0, state);
  }

  /** A bit a number: whether it is updated. */
  writeChosen(update: ReadonlyMap<string, Uint8Array>): void {
    for (const [arena, floats] of this.table.arenas) {
      const bits = new Uint32Array(Math.ceil(floats / 32)).fill(2 ** 32 - 1);
      for (const { tensor, first, arena: own } of this.table.learned.values()) {
        if (own !== arena) continue;
        update.get(tensor)?.forEach((value, i) => {
          if (value === 0) bits[(first + i) >>> 5] &= ~(1 << ((first + i) & 31));
        });
      }
      this.write(`chosen/${arena}`, 0, bits);
    }
  }

  clearGradients(): void {
    const { device } = this.executor.gpu;
    const encoder = device.createCommandEncoder();
    for (const arena of this.table.arenas.keys()) encoder.clearBuffer(this.buffer(`gradients/${arena}`)!);
    device.queue.submit([encoder.finish()]);
  }

  /** A buffer for results to come; `read` gives it back. */
  async takeStaging(): Promise<GPUBuffer> {
    const free = this.staging.pop();
    if (free) return free;
    const buffer = this.executor.memory.buffer({ size: MOST_IMAGES * 8, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    await this.executor.memory.confirm();
    return buffer;
  }

  async read(staging: GPUBuffer, floats: number): Promise<Float32Array> {
    await settle(this.executor.gpu, staging.mapAsync(GPUMapMode.READ, 0, Math.ceil(floats / 2) * 8));
    const values = new Float32Array(staging.getMappedRange(0, Math.ceil(floats / 2) * 8)).slice(0, floats);
    staging.unmap();
    this.staging.push(staging);
    return values;
  }

  /** @param kind parameters, gradients or a moment */
  async readLearned(kind: string): Promise<Map<string, Float32Array>> {
    const values = new Map<string, Float32Array>();
    for (const [arena, floats] of this.table.arenas) {
      const all = await this.executor.readBuffer(this.buffer(`${kind}/${arena}`)!, floats);
      for (const { tensor, first, length, arena: own } of this.table.learned.values()) if (own === arena) values.set(tensor, all.slice(first, first + length));
    }
    return values;
  }

  async readCounted(): Promise<Map<string, Float32Array>> {
    const { counted, statistics } = this.table;
    if (statistics === 0) return new Map();
    const all = await this.executor.readBuffer(this.buffer("statistics")!, statistics);
    return new Map([...counted.values()].map(({ tensor, first, length }) => [tensor, all.slice(first, first + length)]));
  }

  close(): void {
    for (const texture of this.textures.values()) texture.destroy();
    for (const buffer of [...this.buffers.values(), ...this.staging]) buffer.destroy();
    this.textures.clear();
    this.buffers.clear();
    this.staging.length = 0;
    this.constants.close();
  }
}
