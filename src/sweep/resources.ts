/** What a network and its images put on the device beside activations: weights, norms, labels, results, intervals. */
import type { Network } from "../model/architecture.js";
import { packWeights } from "../ops/conv2d.js";
import { split, type UnitPlan } from "../plan/plan.js";
import type { GpuExecutor } from "../run/gpu.js";
import type { Interval } from "./filters.js";

const MAX_VARIANTS = 256;
const BATCH_NORM_EPSILON = 1e-5;

export class NetworkResources {
  private readonly textures = new Map<string, GPUTexture>();
  private readonly intervals = new Map<string, GPUBuffer>();
  private labels: GPUBuffer | null = null;
  private results: GPUBuffer | null = null;

  constructor(private readonly executor: GpuExecutor, private readonly network: Network, private readonly batchNorm: "running" | "batch") {}

  /** Resources of a plan, made at first use. */
  lookup(plan: UnitPlan): (resource: string) => GPUTexture | GPUBuffer | undefined {
    return (resource) => {
      if (resource === "labels") return (this.labels ??= this.executor.createBuffer(4 * 8 * 4096, GPUBufferUsage.STORAGE));
      if (resource === "results") return this.resultsBuffer(plan);
      const [kind, name] = split(resource);
      if (kind === "weights") return this.weights(plan, resource);
      if (kind === "norm") return this.norm(name);
      if (kind === "intervals") return this.intervalBuffer(name);
      return undefined;
    };
  }

  /** Bytes of results that a chunk of variants writes: (correct, loss) of every image and pass. */
  static resultBytes(plan: UnitPlan): number {
    return plan.passes * plan.variants * plan.blocksPerVariant * plan.lanes * 8;
  }

  resultsBuffer(plan: UnitPlan): GPUBuffer {
    const bytes = NetworkResources.resultBytes(plan);
    if (!this.results || this.results.size < bytes) {
      this.results?.destroy();
      this.results = this.executor.createBuffer(bytes, GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC);
    }
    return this.results;
  }

  writeLabels(labels: Uint32Array): void {
    this.executor.gpu.device.queue.writeBuffer(this.labels!, 0, labels as Uint32Array<ArrayBuffer>);
  }

  /** @param masks one interval per filtered layer, for each variant */
  writeIntervals(filtered: string[], masks: Interval[][]): void {
    filtered.forEach((layer, i) => {
      const values = new Float32Array(masks.length * 4);
      masks.forEach((mask, v) => values.set([mask[i].low, mask[i].high], v * 4));
      this.executor.gpu.device.queue.writeBuffer(this.intervalBuffer(layer), 0, values);
    });
  }

  private intervalBuffer(layer: string): GPUBuffer {
    let buffer = this.intervals.get(layer);
    if (!buffer) this.intervals.set(layer, (buffer = this.executor.createBuffer(MAX_VARIANTS * 16, GPUBufferUsage.UNIFORM)));
    return buffer;
  }

  private weights(plan: UnitPlan, resource: string): GPUTexture {
    const { layer, conv, scale } = plan.weights.get(resource)!;
    return this.texture(resource, () => {
      const { width, height } = conv.weightTexture;
      const raw = this.network.tensors.get(`${layer}.weight`)!.data;
      return this.executor.createTexture(width, height, packWeights(conv, scale ? this.scaled(raw, scale) : raw));
    });
  }

  /** Weights with the scale of the batch norm behind them. */
  private scaled(weights: Float32Array, norm: string): Float32Array {
    const { scale } = this.normOf(norm);
    const each = weights.length / scale.length;
    return weights.map((w, i) => w * scale[Math.floor(i / each)]);
  }

  /** Scale and shift of a layer's output channels: a batch norm's, or (1, bias) of a linear layer. */
  private normOf(name: string): { scale: Float64Array; shift: Float64Array } {
    const tensor = (part: string) => this.network.tensors.get(`${name}.${part}`)?.data;
    const [mean, variance, weight, bias] = [tensor("running_mean"), tensor("running_var"), tensor("weight"), tensor("bias")!];
    const scale = new Float64Array(bias.length).fill(1);
    const shift = Float64Array.from(bias);
    if (!mean || !variance || !weight) return { scale, shift };
    for (let c = 0; c < bias.length; c++) {
      scale[c] = this.batchNorm === "running" ? weight[c] / Math.sqrt(variance[c] + BATCH_NORM_EPSILON) : weight[c];
      if (this.batchNorm === "running") shift[c] -= mean[c] * scale[c];
    }
    return { scale, shift };
  }

  /** Row 0: (scale, shift) of each channel; row 1: the scales of 4 channels. A linear layer's is (1, bias). */
  private norm(name: string): GPUTexture {
    return this.texture(`norm/${name}`, () => {
      const { scale, shift } = name === "identity" ? { scale: new Float64Array(4096).fill(1), shift: new Float64Array(4096) } : this.normOf(name);
      const width = Math.ceil(scale.length / 16) * 16;
      const texels = new Float32Array(width * 2 * 4);
      for (let c = 0; c < scale.length; c++) {
        texels.set([scale[c], shift[c]], c * 4);
        texels[width * 4 + c] = scale[c];
      }
      return this.executor.createTexture(width, 2, texels);
    });
  }

  private texture(key: string, make: () => GPUTexture): GPUTexture {
    let texture = this.textures.get(key);
    if (!texture) this.textures.set(key, (texture = make()));
    return texture;
  }

  /** Frees all of it; what is needed again is made again. */
  close(): void {
    for (const texture of this.textures.values()) texture.destroy();
    for (const buffer of [...this.intervals.values(), this.labels, this.results]) buffer?.destroy();
    this.textures.clear();
    this.intervals.clear();
    this.labels = this.results = null;
  }
}
