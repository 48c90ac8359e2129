/** Trains a network on a device: parameters, moments and statistics stay there; losses and counts come back. */
import { AdapterError } from "../errors.js";
import { settle, type Gpu } from "../gpu/device.js";
import type { Tensor } from "../io/types.js";
import { type MapShape, toBlocks } from "../layout/blocks.js";
import type { Network } from "../model/architecture.js";
import { attackedImages, originalImages } from "../plan/training.js";
import { GpuExecutor, type PreparedPlan } from "../run/gpu.js";
import { Submitter } from "../sweep/submitter.js";
import { BatchPlans, type Prepared, type TrainerOptions } from "./batchPlans.js";
import { momentsOf, optimizerState } from "./optimizer.js";
import { type ParameterTable, type PlacedTensor, placeParameters } from "./parameters.js";
import { partsOf } from "./parts.js";
import { TrainingResources } from "./resources.js";

export interface StepResult {
  /** From 1. */
  step: number;
  /** Mean over the batch; with an attack, of both losses by their shares. */
  loss: number;
  /** Of the images as they are. */
  correct: number;
  images: number;
}

/** All that an exact continuation needs. */
export interface TrainerState {
  /** Steps done. */
  step: number;
  /** Forward passes that moved running statistics: what a norm counts. */
  passes: number;
  /** Learned and counted tensors as a checkpoint has them. */
  tensors: Map<string, Tensor>;
  /** Of the optimizer, by learned tensor: first and second moments of Adam, the momentum of SGD, or none. */
  moments: Map<string, Float32Array>[];
}

/** Steps queued at once: more and the device's queue grows long, fewer and it waits. */
const QUEUED = 2;

/** Correct or not, and loss, of each image of a part of the batch. */
interface PartResult {
  values: Float32Array;
  /** Of the loss. */
  share: number;
}

export class Trainer {
  /** Told of every step, in order. */
  onStep: (result: StepResult) => void = () => undefined;
  /** Steps queued so far. */
  private done = 0;
  private passes = 0;
  private readonly plans: BatchPlans;
  private readonly pending: Promise<void>[] = [];
  private failure: Error | null = null;

  private constructor(
    private readonly gpu: Gpu, private readonly network: Network, private readonly options: TrainerOptions, image: MapShape,
    private readonly executor: GpuExecutor, private readonly table: ParameterTable, private readonly resources: TrainingResources, private readonly submitter: Submitter,
  ) {
    this.plans = new BatchPlans(gpu, network, options, image, executor, table, resources);
  }

  /**
   * Puts a network's tensors on the device.
   * @param image shape of an image
   * @throws Error naming what of the network can't be trained, OutOfMemoryError, DeviceLostError
   */
  static async open(gpu: Gpu, network: Network, options: TrainerOptions, image: MapShape): Promise<Trainer> {
    const executor = new GpuExecutor(gpu, options.profiler);
    const table = placeParameters(network.graph, gpu.adapter.limits.maxStorageBufferBindingSize);
    const resources = new TrainingResources(executor, network, table);
    const trainer = new Trainer(gpu, network, options, image, executor, table, resources, new Submitter(executor));
    try {
      await trainer.plans.of(partsOf(options.batch, options.microBatch)[0].images, options.batch);
      trainer.restore({ step: 0, passes: 0, tensors: network.tensors, moments: [] });
      if (options.update) trainer.choose(options.update);
      await executor.memory.confirm();
    } catch (error) {
      trainer.close();
      throw error;
    }
    return trainer;
  }

  /**
   * Queues one step of the optimizer, and resolves when there is room for the next one.
   * @param images NCHW, normalised; @param labels one an image
   * @throws whatever the device reported of an earlier step
   */
  async step(images: Float32Array, labels: Uint32Array, learningRate: number): Promise<void> {
    const { options, gpu, executor, resources, submitter } = this;
    const count = labels.length;
    const size = images.length / count;
    const number = ++this.done;
    resources.clearGradients();
    const parts: Promise<PartResult>[] = [];
    const mix = options.attack?.mix ?? 0;
    for (const { first, images: of } of partsOf(count, options.microBatch)) {
      const prepared = await this.plans.of(of, count);
      executor.writeTexture(prepared.texture(this.input), toBlocks(prepared.plan.input, images.subarray(first * size, (first + of) * size), prepared.plan.blocksPerVariant));
      resources.writeLabels(labels.subarray(first, first + of));
      resources.writeTraining(options.seed ?? 0, number, first);
      await this.pass(prepared, first === 0, 1 - mix, parts);
      if (!prepared.attacked) continue;
      const attacked = prepared.moving ? await this.attackInSteps(prepared, prepared.moving, (number - 1) * options.batch + first) : prepared.texture(this.attacked);
      this.copyImages(attacked, prepared.attacked.texture(this.input));
      await this.pass({ ...prepared.attacked, images: of }, first === 0, mix, parts);
    }
    resources.writeOptimizer(optimizerState(options.optimizer, learningRate, number));
    await submitter.run((await this.plans.update()).body);
    const told = Promise.all(parts).then((values) => this.tell(number, values)).catch((error: unknown) => void (this.failure ??= error as Error));
    this.pending.push(told);
    while (this.pending.length > QUEUED) await settle(gpu, this.pending.shift()!);
    this.check();
  }

  private get input(): string {
    return `clean/${this.network.graph.input}`;
  }

  private get attacked(): string {
    return attackedImages(this.network.graph.input);
  }

  /** Steps along the sign of the gradient at the moving images, each projected back. @param place of the first image among all that were attacked */
  private async attackInSteps(clean: Prepared, { prefix, body, texture }: PreparedPlan, place: number): Promise<GPUTexture> {
    const { resources, submitter, options } = this;
    this.copyImages(clean.texture(this.input), texture(originalImages(this.network.graph.input)));
    this.copyImages(clean.texture(this.input), texture(this.input));
    resources.writePlaces(place, clean.images);
    // Packs also what the pass before it did not need: weights for the gradient of the images.
    await submitter.run(prefix);
    for (let step = 0; step < options.attack!.pgd!.steps; step++) {
      if (step > 0) this.copyImages(texture(this.attacked), texture(this.input));
      await submitter.run(body);
    }
    return texture(this.attacked);
  }

  /** Adds a part of the batch to the gradients. @param parts where what its images came to is added */
  private async pass({ prefix, body, images }: Pick<Prepared, "prefix" | "body" | "images">, isFirst: boolean, share: number, parts: Promise<PartResult>[]): Promise<void> {
    const { resources, submitter } = this;
    if (isFirst) await submitter.run(prefix);
    if (share > 0 && !this.options.keepsStatistics) this.passes += 1;
    const staging = await resources.takeStaging();
    await submitter.run(body, (encoder) => encoder.copyBufferToBuffer(resources.results, 0, staging, 0, images * 8));
    parts.push(resources.read(staging, images * 2).then((values) => ({ values, share })));
  }

  private copyImages(from: GPUTexture, to: GPUTexture): void {
    if (from === to) return;
    const { device } = this.gpu;
    const encoder = device.createCommandEncoder();
    encoder.copyTextureToTexture({ texture: from }, { texture: to }, [Math.min(from.width, to.width), Math.min(from.height, to.height)]);
    device.queue.submit([encoder.finish()]);
  }

  private tell(step: number, parts: PartResult[]): void {
    const result: StepResult = { step, loss: 0, correct: 0, images: 0 };
    // With an attack every other part is of attacked images.
    const every = this.options.attack ? 2 : 1;
    parts.forEach(({ values, share }, part) => {
      for (let i = 0; i < values.length; i += 2) {
        result.loss += share * values[i + 1];
        if (part % every !== 0) continue;
        result.correct += values[i];
        result.images++;
      }
    });
    result.loss /= result.images;
    this.onStep(result);
  }

  private check(): void {
    this.executor.check();
    if (this.failure) throw this.failure;
  }

  /** Resolves when every queued step is done and told. @throws whatever the device reported */
  async drain(): Promise<void> {
    await settle(this.gpu, Promise.all(this.pending.splice(0)));
    await this.submitter.drain();
    this.check();
  }

  /** Reads everything back. */
  async state(): Promise<TrainerState> {
    await this.drain();
    const { table, resources } = this;
    const [learned, ...moments] = await Promise.all(["parameters", ...momentsOf(this.options.optimizer)].map((kind) => resources.readLearned(kind)));
    const counted = await resources.readCounted();
    const tensors = new Map<string, Tensor>();
    for (const [placed, values] of [[table.learned, learned], [table.counted, counted]] as const) {
      for (const [tensor, { shape }] of placed) tensors.set(tensor, { shape, data: values.get(tensor)! });
    }
    return { step: this.done, passes: this.passes, tensors, moments };
  }

  /** Goes on from a state. Moments that are not there begin with zeros. @throws AdapterError naming a tensor that is missing */
  restore({ step, passes, tensors, moments }: TrainerState): void {
    const { table, resources } = this;
    const of = ({ tensor, length }: PlacedTensor): Float32Array => {
      const found = tensors.get(tensor);
      if (found?.data.length !== length) throw new AdapterError(`tensor ${tensor} is not there, or not of ${length} numbers`);
      return found.data;
    };
    for (const placed of table.learned.values()) {
      resources.write(`parameters/${placed.arena}`, placed.first, of(placed));
      momentsOf(this.options.optimizer).forEach((kind, i) => resources.write(`${kind}/${placed.arena}`, placed.first, moments[i]?.get(placed.tensor) ?? new Float32Array(placed.length)));
    }
    for (const placed of table.counted.values()) resources.write("statistics", placed.first, of(placed));
    this.done = step;
    this.passes = passes;
  }

  /** Chooses anew what is updated; see TrainerOptions.update. */
  choose(update: ReadonlyMap<string, Uint8Array>): void {
    this.resources.writeChosen(update);
  }

  /** Largest absolute gradient of the last step, and whose it is; NaN counts as the largest. */
  async largestGradient(): Promise<{ tensor: string; value: number }> {
    let largest = { tensor: "", value: -1 };
    for (const [tensor, values] of await this.gradients()) {
      for (const value of values) {
        if (Number.isNaN(value)) return { tensor, value };
        if (Math.abs(value) > largest.value) largest = { tensor, value: Math.abs(value) };
      }
    }
    return largest;
  }

  /** Gradients of the last step by learned tensor, of the batch's mean loss. */
  async gradients(): Promise<Map<string, Float32Array>> {
    await this.drain();
    return this.resources.readLearned("gradients");
  }

  close(): void {
    this.resources.close();
    this.executor.close();
  }
}
