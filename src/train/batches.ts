/** Images and labels of each step, read where they are needed. */
import type { Dataset } from "../io/types.js";
import { augmenter, type Augmentation, type Augmenter } from "./augment.js";
import { orderOf, type Order } from "./order.js";

export interface Batch {
  /** NCHW, normalised. */
  images: Float32Array;
  labels: Uint32Array;
}

export interface BatchOptions {
  batch: number;
  order: Order;
  augment: readonly Augmentation[];
  /** Of the initialisation. */
  seed: number;
}

export class Batches {
  /** Whole batches alone are learned from: what is left over at an epoch's end is in another epoch's, when they are shuffled. */
  readonly stepsPerEpoch: number;
  readonly #size: number;
  readonly #augment: Augmenter | null;
  #order: { epoch: number; indices: Uint32Array } | null = null;

  constructor(private readonly dataset: Dataset, private readonly options: BatchOptions) {
    const { channels, height, width, normalisation, images } = dataset;
    this.stepsPerEpoch = Math.floor(images / options.batch);
    this.#size = channels * height * width;
    const black = Array.from({ length: channels }, (_, channel) => (normalisation ? -normalisation.mean[channel] / normalisation.std[channel] : 0));
    this.#augment = augmenter(options.augment, { channels, height, width }, black, options.seed);
  }

  /** @param step from 0, over all epochs */
  at(step: number): Batch {
    const { batch, order, seed } = this.options;
    const epoch = Math.floor(step / this.stepsPerEpoch);
    if (this.#order?.epoch !== epoch) this.#order = { epoch, indices: orderOf(order, this.dataset.images, seed, epoch) };
    const first = (step % this.stepsPerEpoch) * batch;
    const images = new Float32Array(batch * this.#size);
    const labels = new Uint32Array(batch);
    this.#order.indices.subarray(first, first + batch).forEach((index, i) => {
      const pixels = images.subarray(i * this.#size, (i + 1) * this.#size);
      pixels.set(this.dataset.read(index, 1));
      this.#augment?.(pixels, index, epoch);
      labels[i] = this.dataset.labels[index];
    });
    return { images, labels };
  }
}
