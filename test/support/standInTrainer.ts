/** Computes nothing sensible, but all of it from weights, batches and rates: what goes on around a trainer is tested with it. */
import type { Gpu } from "../../src/gpu/device.js";
import type { Tensor } from "../../src/io/types.js";
import type { TrainEngine } from "../../src/cli/training/work.js";
import type { TrainerState } from "../../src/train/trainer.js";
import type { Learner } from "../../src/train/training.js";

export interface StandInOptions {
  /** Called before each step, counted from 1 over all learners; may throw, or abort a run. */
  onStep?(step: number): void;
  /** Loss of a step, counted from 1 within a training. */
  loss?(step: number): number;
  /** Called when a learner is opened. */
  onOpen?(microBatch: number): void;
}

class StandIn implements Learner {
  onStep: Learner["onStep"] = () => undefined;
  #state: TrainerState;

  constructor(tensors: Map<string, Tensor>, private readonly options: StandInOptions, private readonly counted: { steps: number }) {
    const copy = new Map([...tensors].map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]));
    this.#state = { step: 0, passes: 0, tensors: copy, moments: [new Map([...copy].map(([name, { data }]) => [name, new Float32Array(data.length)]))] };
  }

  async step(images: Float32Array, labels: Uint32Array, learningRate: number): Promise<void> {
    this.counted.steps += 1;
    this.options.onStep?.(this.counted.steps);
    const state = this.#state;
    const signal = images.reduce((sum, pixel, i) => sum + pixel * ((i % 7) - 3), 0) / images.length + labels.reduce((sum, label, i) => sum + label * (i + 1), 0) / labels.length;
    for (const [name, { data }] of state.tensors) {
      const moment = state.moments[0].get(name)!;
      for (let i = 0; i < data.length; i++) {
        moment[i] = 0.9 * moment[i] + 0.1 * Math.sin(signal + i);
        data[i] -= learningRate * moment[i];
      }
    }
    state.step += 1;
    state.passes += 1;
    this.onStep({ step: state.step, loss: this.options.loss?.(state.step) ?? 1 / state.step + (signal % 1) / 100, correct: state.step % (labels.length + 1), images: labels.length });
  }

  async drain(): Promise<void> {}

  async state(): Promise<TrainerState> {
    return structuredClone(this.#state);
  }

  restore(state: TrainerState): void {
    this.#state = structuredClone(state);
  }

  async largestGradient(): Promise<{ tensor: string; value: number }> {
    return { tensor: "layer4.1.conv2.weight", value: 1e30 };
  }

  close(): void {}
}

/** @returns an engine without a device, and what it did */
export function standInEngine(options: StandInOptions = {}): { engine: TrainEngine; counted: { steps: number } } {
  const counted = { steps: 0 };
  const adapter = { index: 0, name: "stand-in", vendor: "", architecture: "", description: "none", backend: "none", type: "software", software: true, limits: {}, features: [] };
  const engine: TrainEngine = {
    openDevice: async ({ kernels = "software" } = {}) => ({ adapter, kernels, lost: null, close: () => undefined, renew: async () => undefined }) as unknown as Gpu,
    openLearner: async (_gpu, { tensors }, _run, _seed, microBatch) => {
      options.onOpen?.(microBatch);
      return new StandIn(tensors, options, counted);
    },
    testNetwork: async (_gpu, { tensors }, { images }) => ({ loss: [...tensors.values()][0].data[0] ** 2, correct: images >> 1, images }),
  };
  return { engine, counted };
}
