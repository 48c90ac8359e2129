/** What a network and its images put on the device beside activations: weights, norms, labels, results, intervals. */
import type { Network } from "../model/architecture.js";
import { roomOf } from "../ops/convolution/kernels.js";
import type { Affine } from "../ops/common/site.js";
import { affineWidth } from "../plan/packing.js";
import type { UnitPlan } from "../plan/plan.js";
import type { GpuExecutor } from "../run/gpu.js";
import type { Interval } from "./filters.js";

const MAX_VARIANTS = 256;
/** In a tile. */
const MOST_IMAGES = 8 * 4096;

export class NetworkResources {
  private readonly constants = new Map<string, GPUTexture | GPUBuffer>();
  private readonly intervals = new Map<string, GPUBuffer>();
  private labels: GPUBuffer | null = null;
  private places: GPUBuffer | null = null;
  private results: GPUBuffer | null = null;

  constructor(private readonly executor: GpuExecutor, private readonly network: Network) {}

  /** Resources of a plan, made at first use. */
  lookup(plan: UnitPlan): (resource: string) => GPUTexture | GPUBuffer | undefined {
    return (resource) => {
      if (resource === "labels") return (this.labels ??= this.executor.createBuffer(4 * MOST_IMAGES, GPUBufferUsage.STORAGE));
      if (resource === "places") return (this.places ??= this.executor.createBuffer(4 * MOST_IMAGES, GPUBufferUsage.STORAGE));
      if (resource === "results") return this.resultsBuffer(plan);
      const [kind, ...name] = resource.split("/");
      if (kind === "weights") return this.weights(plan, resource);
      if (kind === "affine") return this.affine(plan, resource);
      if (kind === "intervals") return this.intervalBuffer(name.join("/"));
      return undefined;
    };
  }

  /** Bytes of results that a chunk of variants writes: (correct, loss) of every image and pass. */
  static resultBytes(plan: UnitPlan): number {
    return plan.passes * plan.variants * plan.blocksPerVariant * plan.blockImages * 8;
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

  /** Which images of the data a tile has, where random numbers go by that. @param first of them */
  writePlaces(first: number): void {
    if (this.places) this.executor.gpu.device.queue.writeBuffer(this.places, 0, Uint32Array.from({ length: MOST_IMAGES }, (_, i) => first + i));
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

  private weights(plan: UnitPlan, resource: string): GPUTexture | GPUBuffer {
    return this.constant(resource, () => {
      const { tensor, conv, scale, width, height } = plan.weights.get(resource)!;
      const raw = this.tensor(tensor);
      const values = scale ? this.scaled(raw, scale) : raw;
      if (conv) return this.executor.createWeights(conv, roomOf(conv).pack(conv, values));
      const texels = new Float32Array(width * height * 4);
      texels.set(values);
      return this.executor.createTexture(width, height, texels);
    });
  }

  private tensor(name: string): Float32Array {
    return this.network.tensors.get(name)!.data;
  }

  /** Weights with the scale of the batch norm behind them. */
  private scaled(weights: Float32Array, affine: Affine): Float32Array {
    const { scale } = this.scaleAndShift(affine);
    const each = weights.length / scale.length;
    return weights.map((w, i) => w * scale[Math.floor(i / each)]);
  }

  private scaleAndShift({ channels, bias, norm, literal, statistics }: Affine): { scale: Float64Array; shift: Float64Array } {
    const scale = new Float64Array(channels).fill(1);
    const shift = bias ? Float64Array.from(this.tensor(bias)) : new Float64Array(channels);
    if (literal) {
      const of = (values: number[], channel: number): number => values[values.length === 1 ? 0 : channel];
      return { scale: scale.map((_, c) => of(literal.factor, c)), shift: shift.map((_, c) => of(literal.shift, c)) };
    }
    if (!norm) return { scale, shift };
    const [weight, offset] = [norm.weight, norm.bias].map((name) => (name ? this.tensor(name) : null));
    const [mean, variance] = statistics ? [this.tensor(norm.mean), this.tensor(norm.variance)] : [null, null];
    for (let c = 0; c < channels; c++) {
      scale[c] = weight?.[c] ?? 1;
      if (variance) scale[c] /= Math.sqrt(variance[c] + norm.epsilon);
      const before = mean ? shift[c] - mean[c] : shift[c];
      shift[c] = (offset?.[c] ?? 0) + before * scale[c];
    }
    return { scale, shift };
  }

  /** Row 0: (scale, shift) of each channel; row 1: the scales of 4 channels. */
  private affine(plan: UnitPlan, resource: string): GPUTexture | GPUBuffer {
    return this.constant(resource, () => {
      const { scale, shift } = this.scaleAndShift(plan.affines.get(resource)!);
      const width = affineWidth(scale.length);
      const texels = new Float32Array(width * 2 * 4);
      for (let c = 0; c < scale.length; c++) {
        texels.set([scale[c], shift[c]], c * 4);
        texels[width * 4 + c] = scale[c];
      }
      return this.executor.createTexture(width, 2, texels);
    });
  }

  /** What stays as it was made. */
  private constant(key: string, make: () => GPUTexture | GPUBuffer): GPUTexture | GPUBuffer {
    let made = this.constants.get(key);
    if (!made) this.constants.set(key, (made = make()));
    return made;
  }

  /** Frees all of it; what is needed again is made again. */
  close(): void {
    for (const made of this.constants.values()) made.destroy();
    for (const buffer of [...this.intervals.values(), this.labels, this.places, this.results]) buffer?.destroy();
    this.constants.clear();
    this.intervals.clear();
    this.labels = this.places = this.results = null;
  }
}
