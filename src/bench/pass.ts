/** Forward alone, or forward and input gradient, measured without a sweep around it. */
import { settle, type Gpu } from "../gpu/device.js";
import type { Dataset } from "../io/types.js";
import type { Network } from "../model/architecture.js";
import { blockLayout, blocksFor, fromBlocks, toBlocks } from "../layout/blocks.js";
import type { KernelLimits } from "../ops/common/site.js";
import { planUnit } from "../plan/plan.js";
import { GpuExecutor, type PreparedPlan, type PreparedStep } from "../run/gpu.js";
import { kernelLimits, kindOf } from "../run/limits.js";
import { NetworkResources } from "../sweep/resources.js";
import { Submitter } from "../sweep/submitter.js";
import type { Case } from "./case.js";
import { randomImages, randomNetwork } from "./networks.js";
import type { Measured, WorkOptions } from "./works.js";

/** Images of one submission, as many as in a sweep's chunk. */
const TILE_IMAGES = { software: 256, hardware: 4096 };

interface Ready {
  plan: PreparedPlan;
  steps: PreparedStep[];
}

export class Pass implements Measured {
  readonly slices = 1;
  readonly #executor: GpuExecutor;
  readonly #resources: NetworkResources;
  readonly #submitter: Submitter;
  readonly #network: Network;
  readonly #images: Dataset;
  readonly #prepared = new Map<number, Ready>();
  readonly #limits: KernelLimits;
  readonly #most: number;
  #staging: GPUBuffer[] = [];

  constructor(private readonly gpu: Gpu, private readonly of: Case, private readonly options: WorkOptions) {
    this.#limits = kernelLimits(gpu, of.input);
    this.#most = TILE_IMAGES[kindOf(gpu)];
    this.#executor = new GpuExecutor(gpu, options.profiler);
    this.#submitter = new Submitter(this.#executor);
    this.#network = randomNetwork(of, 0);
    this.#resources = new NetworkResources(this.#executor, this.#network);
    this.#images = randomImages(of.input, of.classes, of.batch);
  }

  async warm(): Promise<void> {
    await this.run();
  }

  async run(): Promise<number> {
    const { batch } = this.of;
    await this.#largest(); // first: it makes the textures that smaller ones share
    const flying: GPUBuffer[] = [];
    for (let first = 0; first < batch; first += this.#most) flying.push(await this.#submit(first, Math.min(this.#most, batch - first)));
    for (const buffer of flying) {
      await settle(this.gpu, buffer.mapAsync(GPUMapMode.READ));
      buffer.unmap();
    }
    this.#executor.check();
    this.#staging = flying;
    return batch;
  }

  /** Logits of the first images, by image. */
  async logits(images: number): Promise<number[]> {
    await this.run();
    const { plan } = await this.#largest();
    const shape = { channels: this.of.classes, height: 1, width: 1 };
    const texels = await this.#executor.readTexture(plan.texture(`clean/${plan.plan.logits}`));
    return [...fromBlocks(blockLayout(shape, this.#limits), texels, images)];
  }

  /** Losses come back in a buffer, which is returned before they are there. */
  async #submit(first: number, images: number): Promise<GPUBuffer> {
    const { plan, steps } = await this.#prepare(images);
    this.#executor.writeTexture(plan.texture(`clean/${this.#network.graph.input}`), toBlocks(plan.plan.input, this.#images.read(first, images), plan.plan.blocksPerVariant));
    const labels = new Uint32Array(plan.plan.blocksPerVariant * plan.plan.blockImages);
    labels.set(this.#images.labels.subarray(first, first + images));
    this.#resources.writeLabels(labels);
    const bytes = NetworkResources.resultBytes(plan.plan);
    const staging = this.#staging.pop() ?? this.#executor.createBuffer(NetworkResources.resultBytes((await this.#largest()).plan.plan), GPUBufferUsage.MAP_READ);
    await this.#submitter.run(steps, (encoder) => encoder.copyBufferToBuffer(this.#resources.resultsBuffer(plan.plan), 0, staging, 0, bytes));
    return staging;
  }

  #largest(): Promise<Ready> {
    return this.#prepare(Math.min(this.#most, this.of.batch));
  }

  async #prepare(images: number): Promise<Ready> {
    const blocksPerVariant = blocksFor(images, this.#limits);
    let found = this.#prepared.get(blocksPerVariant);
    if (!found) {
      const plan = planUnit(this.#network, {
        image: this.of.input, filtered: [], variants: 1, blocksPerVariant, images, attacks: [], clamp: false, batchNorm: "running",
        gradient: this.of.work === "gradient", ...this.#limits, tiles: this.options.tiles,
      });
      const prepared = await this.#executor.prepare(plan, this.#resources.lookup(plan));
      found = { plan: prepared, steps: [...prepared.prefix, ...prepared.body] };
      this.#prepared.set(blocksPerVariant, found);
    }
    return found;
  }

  async close(): Promise<void> {
    await this.#submitter.drain();
    for (const buffer of this.#staging) buffer.destroy();
    this.#resources.close();
    this.#executor.close();
  }
}
