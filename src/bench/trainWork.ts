/** Steps of a training, measured without files around them: Adam as the notebooks use it, images from the host's memory. */
import type { Gpu } from "../gpu/device.js";
import { OPTIMIZER_DEFAULTS } from "../train/optimizer.js";
import { Trainer } from "../train/trainer.js";
import type { Case } from "./case.js";
import { randomImages, randomNetwork } from "./networks.js";
import type { Measured, WorkOptions } from "./works.js";

const LEARNING_RATE = 1e-3;

export class TrainWork implements Measured {
  readonly slices = 1;
  readonly #images: Float32Array;
  readonly #labels: Uint32Array;
  #trainer: Promise<Trainer> | null = null;

  constructor(private readonly gpu: Gpu, private readonly of: Case, private readonly options: WorkOptions) {
    const { read, labels } = randomImages(of.input, of.classes, of.batch);
    this.#images = read(0, of.batch);
    this.#labels = Uint32Array.from(labels);
  }

  /** Twice: the first step also meets memory that the system has yet to find. */
  async warm(): Promise<void> {
    await this.run();
    await this.run();
  }

  async run(): Promise<number> {
    const { gpu, of, options } = this;
    this.#trainer ??= Trainer.open(gpu, randomNetwork(of, 0), { optimizer: { kind: "adam", ...OPTIMIZER_DEFAULTS }, batch: of.batch, profiler: options.profiler }, of.input);
    const trainer = await this.#trainer;
    await trainer.step(this.#images, this.#labels, LEARNING_RATE);
    await trainer.drain();
    return of.batch;
  }
}
