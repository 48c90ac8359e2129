/** Rows for tests that need no sweep. */
import type { Row } from "../../src/sweep/row.js";

export function row(changes: Partial<Row> = {}): Row {
  return {
    network: "ResNet18", dataset: "mnist", checkpoint: "a/é.ckpt", init: null, epoch: 10, scope: "local", layer: "conv1", layer_index: 0,
    filter: "h_a", threshold_index: 3, alpha: Math.fround(0.1), delta: null, weights: 784, removed: 12, zeros: 13, density: 1 - 12 / 784,
    epsilon: 0.38, images: 256, correct_clean: 250, correct_adv: 7, accuracy_clean: 250 / 256, accuracy_adv: 7 / 256, loss_clean: 0.1, loss_adv: 3.3, attack: "fgsm",
    ...changes,
  };
}
