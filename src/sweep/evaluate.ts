/** Evaluates units on a GPU: cuts them into image tiles and chunks of variants, and sums what comes back. */
import { AdapterError } from "../errors.js";
import { settle, type Gpu } from "../gpu/device.js";
import type { Profiler } from "../gpu/profiler.js";
import type { Dataset } from "../io/types.js";
import type { Network } from "../model/architecture.js";
import type { TileTable } from "../ops/convolution/kernels.js";
import { blockImages, blocksFor, IMAGE_MULTIPLE, toBlocks } from "../layout/blocks.js";
import { planBytes } from "../plan/memory.js";
import type { KernelLimits } from "../ops/common/site.js";
import { planUnit, type PlanOptions, unrolledBody } from "../plan/plan.js";
import { GpuExecutor, type PreparedPlan } from "../run/gpu.js";
import { kernelLimits, kindOf } from "../run/limits.js";
import { pgdOf, stepOf } from "./attack.js";
import type { SweepConfig } from "./config.js";
import type { LayerVariants } from "./filters.js";
import type { Cuttable } from "./recovery.js";
import { NetworkResources } from "./resources.js";
import { Submitter } from "./submitter.js";
import type { Unit, UnitSums } from "./units.js";

export interface EvaluatorOptions {
  /** Images per tile, a multiple of 64; results do not depend on it. */
  tileImages?: number;
  /** Filtered networks stacked along the batch; results do not depend on it. */
  variants?: number;
  /** Times every dispatch. */
  profiler?: Profiler | null;
  /** Register tiles of convolutions, see tiles.ts; results do not depend on them. */
  tiles?: TileTable;
}

/** Activations may take this much of the device's memory; where it has less, they are cut finer. */
const MEMORY = { software: 512 * 2 ** 20, unknown: 2 ** 31, integrated: 2 ** 31, discrete: 2 ** 32 };
/** Multiply-adds in one chunk of variants: enough that dispatches cost nothing beside them. */
const CHUNK_COST = 1e10;
/** On hardware, what it does in so long at the rate measured so far: a large GPU wants thousands of images times variants, a small one gets fewer. */
const CHUNK_MS = 100;
const HARDWARE_CHUNK = { least: 1e11, most: 1e13 };
const MAX_VARIANTS = 256;
const TILE_IMAGES = 256;

interface Pending {
  staging: GPUBuffer;
  firstMask: number;
  variants: number;
  blocksPerVariant: number;
  images: number;
}

/** Sums per mask; `correct` and `loss` by pass: clean, then each epsilon. */
interface Sums {
  correct: Int32Array[];
  loss: Float64Array[];
}

export class Evaluator implements Cuttable {
  private readonly executor: GpuExecutor;
  private readonly resources: NetworkResources;
  readonly submitter: Submitter;
  private readonly plans = new Map<string, PreparedPlan>();
  private planned = "";
  private readonly staging: GPUBuffer[] = [];
  private readonly isTileFixed: boolean;
  private tileImages: number;
  private mostVariants: number;
  private usedVariants = 1;
  private isFitted = false;
  private readonly limits: KernelLimits;

  constructor(
    private readonly gpu: Gpu,
    private readonly network: Network,
    private readonly dataset: Dataset,
    private readonly config: SweepConfig,
    private readonly options: EvaluatorOptions = {},
  ) {
    this.limits = kernelLimits(gpu, dataset);
    this.isTileFixed = config.batchNorm === "batch";
    this.tileImages = this.isTileFixed ? config.batchSize : (options.tileImages ?? TILE_IMAGES);
    this.mostVariants = options.variants ?? MAX_VARIANTS;
    this.executor = new GpuExecutor(gpu, options.profiler);
    this.resources = new NetworkResources(this.executor, network);
    this.submitter = new Submitter(this.executor);
  }

  /**
   * @param onProgress filtered network x image pairs since the last call
   * @returns null when the signal stopped it before the end
   */
  async evaluate(unit: Unit, layer: LayerVariants, signal?: AbortSignal, onProgress?: (pairs: number) => void): Promise<UnitSums | null> {
    const filtered = layer.layerIndex < 0 ? this.network.layers.map(({ name }) => name) : [layer.layer];
    const passes = this.config.epsilons.length + 1;
    const sums: Sums = {
      correct: Array.from({ length: passes }, () => new Int32Array(layer.masks.length)),
      loss: Array.from({ length: passes }, () => new Float64Array(layer.masks.length)),
    };
    const pending: Pending[] = [];
    const collect = async (most: number): Promise<void> => {
      while (pending.length > most) await this.collect(pending.shift()!, sums);
    };
    this.fitTile(filtered);
    const tile = this.tileImages;
    for (let first = unit.firstImage; first < unit.firstImage + unit.images; first += tile) {
      const images = Math.min(tile, unit.firstImage + unit.images - first);
      const blocks = blocksFor(images, this.limits);
      const most = this.chooseVariants(filtered, layer.masks.length, blocks, images);
      let started = false;
      for (let mask = 0; mask < layer.masks.length; mask += most) {
        if (signal?.aborted) {
          await collect(0);
          return null;
        }
        const variants = Math.min(most, layer.masks.length - mask);
        const prepared = await this.prepare(filtered, variants, blocks, images);
        if (!started) {
          this.upload(prepared, first, images);
          await this.submitter.run(prepared.prefix);
          started = true;
        }
        this.resources.writeIntervals(filtered, layer.masks.slice(mask, mask + variants));
        const bytes = NetworkResources.resultBytes(prepared.plan);
        const staging = await this.takeStaging(bytes);
        await this.submitter.run(prepared.body, (encoder) => {
          const results = this.resources.resultsBuffer(prepared.plan);
          encoder.copyBufferToBuffer(results, 0, staging, 0, bytes);
          // So that nothing of this chunk can be taken for the next one's.
          encoder.clearBuffer(results);
        });
        pending.push({ staging, firstMask: mask, variants, blocksPerVariant: blocks, images });
        await collect(2);
        onProgress?.((variants * images * layer.variants.length) / layer.masks.length);
      }
    }
    await collect(0);
    const spread = <T extends Int32Array | Float64Array>(values: T, make: (length: number) => T): T => {
      const out = make(layer.variants.length);
      layer.maskOf.forEach((mask, variant) => (out[variant] = values[mask]));
      return out;
    };
    const int = (length: number) => new Int32Array(length);
    const float = (length: number) => new Float64Array(length);
    return {
      correctClean: spread(sums.correct[0], int),
      lossClean: spread(sums.loss[0], float),
      correctAdv: sums.correct.slice(1).map((values) => spread(values, int)),
      lossAdv: sums.loss.slice(1).map((values) => spread(values, float)),
    };
  }

  private async collect({ staging, firstMask, variants, blocksPerVariant, images }: Pending, sums: Sums): Promise<void> {
    await settle(this.gpu, staging.mapAsync(GPUMapMode.READ));
    await this.executor.memory.confirm();
    this.executor.check();
    const results = new Float32Array(staging.getMappedRange());
    let at = 0;
    for (let pass = 0; pass < sums.correct.length; pass++) {
      for (let v = 0; v < variants; v++, at += blocksPerVariant * blockImages(this.limits) * 2) {
        for (let i = 0; i < images; i++) {
          // A wrong answer costs at least log 2: both are 0 only where no kernel wrote.
          if (results[at + 2 * i] === 0 && results[at + 2 * i + 1] === 0) throw new AdapterError(`${this.gpu.adapter.name}: results came back empty`);
          sums.correct[pass][firstMask + v] += results[at + 2 * i];
          sums.loss[pass][firstMask + v] += results[at + 2 * i + 1];
        }
      }
    }
    staging.unmap();
    this.staging.push(staging);
  }

  private async takeStaging(bytes: number): Promise<GPUBuffer> {
    const at = this.staging.findIndex((buffer) => buffer.size >= bytes);
    if (at >= 0) return this.staging.splice(at, 1)[0];
    return this.executor.memory.guard(() => this.executor.memory.buffer({ size: Math.ceil(bytes / 16) * 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }));
  }

  private upload({ plan, texture }: PreparedPlan, first: number, images: number): void {
    const pixels = this.dataset.read(first, images);
    this.executor.writeTexture(texture(`clean/${this.network.graph.input}`), toBlocks(plan.input, pixels, plan.blocksPerVariant));
    const labels = new Uint32Array(plan.blocksPerVariant * plan.blockImages);
    labels.set(this.dataset.labels.subarray(first, first + images));
    this.resources.writeLabels(labels);
    this.resources.writePlaces(first);
  }

  private planOptions(filtered: string[], variants: number, blocksPerVariant: number, images: number): PlanOptions {
    const { channels, height, width, normalisation } = this.dataset;
    const perChannel = (value: (mean: number, std: number) => number) => Array.from({ length: 4 }, (_, c) => value(normalisation?.mean[c] ?? 0, normalisation?.std[c] ?? 1));
    const inInput = (value: number): number[] => perChannel((_, std) => (this.config.epsilonSpace === "pixel" ? value / std : value));
    const pgd = pgdOf(this.config);
    const low = perChannel((mean, std) => (0 - mean) / std);
    const high = perChannel((mean, std) => (1 - mean) / std);
    return {
      image: { channels, height, width },
      filtered, variants, blocksPerVariant, images,
      attacks: this.config.epsilons.map((epsilon) => ({ epsilon: inInput(epsilon), ...(pgd && { step: inInput(stepOf(this.config, epsilon)) }), low, high })),
      gradient: this.config.epsilons.length > 0,
      ...(pgd && { pgd }),
      clamp: this.config.clamp,
      batchNorm: this.config.batchNorm,
      ...this.limits,
      tiles: this.options.tiles,
    };
  }

  /** As many variants a chunk as memory, texture rows and a sensible amount of work allow. */
  private chooseVariants(filtered: string[], masks: number, blocks: number, images: number): number {
    const one = planUnit(this.network, this.planOptions(filtered, 1, blocks, images));
    const cost = unrolledBody(one).reduce((sum, step) => sum + step.cost, 0);
    const tallest = Math.max(...[...one.tensors.values()].map(({ height }) => height));
    return (this.usedVariants = Math.max(1, Math.min(
      this.mostVariants,
      MAX_VARIANTS,
      masks,
      Math.floor(this.gpu.maxTextureWidth / tallest),
      Math.floor(MEMORY[this.gpu.adapter.type] / planBytes(one)),
      this.worthwhile(cost),
    )));
  }

  /** Variants of so many multiply-adds each that are worth a chunk; on hardware a power of two, so that few plans are made as its rate becomes known. */
  private worthwhile(cost: number): number {
    if (kindOf(this.gpu) === "software") return Math.round(CHUNK_COST / cost);
    const { least, most } = HARDWARE_CHUNK;
    const wanted = Math.min(most, Math.max(least, this.submitter.rate * CHUNK_MS));
    return 2 ** Math.max(0, Math.floor(Math.log2(wanted / cost)));
  }

  private async prepare(filtered: string[], variants: number, blocks: number, images: number): Promise<PreparedPlan> {
    const layer = filtered.join();
    if (layer !== this.planned) this.plans.clear();
    this.planned = layer;
    const key = `${variants}:${blocks}:${images}`;
    let prepared = this.plans.get(key);
    if (!prepared) {
      const plan = planUnit(this.network, this.planOptions(filtered, variants, blocks, images));
      prepared = await this.executor.prepare(plan, this.resources.lookup(plan));
      this.plans.set(key, prepared);
    }
    return prepared;
  }

  /** How finely work is cut now; another evaluator takes it as its options. */
  get cut(): { tileImages: number; variants: number } {
    return { tileImages: this.tileImages, variants: this.mostVariants };
  }

  get cutText(): string {
    return `at most ${this.mostVariants} filtered network${this.mostVariants === 1 ? "" : "s"} of ${this.tileImages} images`;
  }

  /**
   * Frees everything on the device, and cuts the work finer from now on: fewer filtered networks at a time, then fewer images.
   * @returns false when it cannot be cut finer
   */
  async shrink(): Promise<boolean> {
    await this.submitter.drain().catch(() => undefined);
    this.free();
    if (this.usedVariants > 1) this.mostVariants = Math.floor(this.usedVariants / 2);
    else return this.halveTile();
    return true;
  }

  /** @returns false where a tile cannot have fewer images */
  private halveTile(): boolean {
    const least = Math.min(IMAGE_MULTIPLE, blockImages(this.limits));
    if (this.isTileFixed || this.tileImages <= least) return false;
    const half = Math.floor(this.tileImages / 2);
    const multiple = half >= IMAGE_MULTIPLE ? IMAGE_MULTIPLE : least;
    this.tileImages = Math.max(least, Math.floor(half / multiple) * multiple);
    return true;
  }

  /** Once: large images come in smaller tiles, so that one filtered network keeps to its share of the memory. */
  private fitTile(filtered: string[]): void {
    const bytes = (): number => planBytes(planUnit(this.network, this.planOptions(filtered, 1, blocksFor(this.tileImages, this.limits), this.tileImages)));
    while (!this.isFitted && bytes() > MEMORY[this.gpu.adapter.type] && this.halveTile());
    this.isFitted = true;
  }

  private free(): void {
    this.plans.clear();
    for (const buffer of this.staging.splice(0)) buffer.destroy();
    this.resources.close();
    this.executor.free();
  }

  close(): void {
    this.free();
    this.executor.close();
  }
}
