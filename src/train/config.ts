/** What a training computes, as plain data: the part of the options on which its numbers depend. */
import type { Augmentation } from "./augment.js";
import type { AttackConfig } from "../sweep/attack.js";
import type { AttackName } from "../sweep/row.js";
import type { OptimizerConfig } from "./optimizer.js";
import type { Order } from "./order.js";
import type { Schedule } from "./schedule.js";

/** Attacked images are learned from beside those they are made of. */
export interface AdversarialConfig extends AttackConfig {
  attack: AttackName;
  epsilon: number;
  epsilonSpace: "input" | "pixel";
  /** Whether attacked images keep to the valid range of pixels. */
  clamp: boolean;
  /** Share of the attacked images in the loss, above 0 and at most 1. */
  mix: number;
}

export interface TrainingConfig {
  optimizer: OptimizerConfig;
  schedule: Schedule;
  epochs: number;
  /** A checkpoint every so many epochs, and behind the last one. */
  saveEvery: number;
  batch: number;
  /** Images of a batch that are computed at once; their gradients are added up. */
  microBatch: number;
  labelSmoothing: number;
  augment: Augmentation[];
  order: Order;
  adversarial: AdversarialConfig | null;
}

/** Whether a checkpoint is written behind so many finished epochs. */
export const isSaved = (epoch: number, { epochs, saveEvery }: Pick<TrainingConfig, "epochs" | "saveEvery">): boolean => epoch === epochs || epoch % saveEvery === 0;
