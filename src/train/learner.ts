/** What an epoch needs of whatever computes its steps: trainer.ts on a device, or a stand-in in tests. */
import type { Tensor } from "../io/types.js";

/** What a step came to. */
export interface StepResult {
  step: number;
  /** Mean over the batch. */
  loss: number;
  correct: number;
  images: number;
}

/** Everything that an exact continuation needs. Arrays are named as a checkpoint's tensors. */
export interface TrainerState {
  /** Steps that are done. */
  step: number;
  /** Parameters and running statistics. */
  tensors: Map<string, Tensor>;
  /** What the optimizer keeps of each parameter: none, one or two arrays. */
  moments: Map<string, Float32Array>[];
}

export interface Learner {
  /** Queues one step; resolves when there is room for the next one. */
  step(images: Float32Array, labels: Uint32Array, learningRate: number): Promise<void>;
  /** Is told every result, in the order of the steps. */
  onStep: (result: StepResult) => void;
  /** Resolves when all queued steps are done and told. */
  drain(): Promise<void>;
  state(): Promise<TrainerState>;
  restore(state: TrainerState): void;
  /** Largest absolute gradient of the last step, and whose it is; NaN counts as the largest. */
  largestGradient(): Promise<{ tensor: string; value: number }>;
  close(): void;
}
