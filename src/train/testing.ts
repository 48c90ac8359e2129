/** How many of the images that are not learned from a network tells right: a sweep's evaluator with one network and no attack. */
import type { Gpu } from "../gpu/device.js";
import type { Dataset } from "../io/types.js";
import type { Network } from "../model/architecture.js";
import { DEFAULT_CONFIG, type SweepConfig } from "../sweep/config.js";
import { Evaluator } from "../sweep/evaluate.js";
import type { LayerVariants } from "../sweep/filters.js";
import type { UnitSums } from "../sweep/units.js";

export interface Tested {
  /** Mean cross-entropy. */
  loss: number;
  correct: number;
  images: number;
}

/** Removes nothing. */
const NOTHING = { low: 1, high: -1 };

/**
 * By running statistics, as `model.eval()` has it.
 * @returns null when the signal stopped it
 */
export async function testNetwork(gpu: Gpu, network: Network, dataset: Dataset, signal?: AbortSignal): Promise<Tested | null> {
  const sums = await wholeNetwork(gpu, network, dataset, { ...DEFAULT_CONFIG, epsilons: [] }, signal);
  return sums && { loss: sums.lossClean[0] / dataset.images, correct: sums.correctClean[0], images: dataset.images };
}

/**
 * Sums over all images of a network from which nothing is removed, clean and under the attacks of a sweep's configuration.
 * @returns null when the signal stopped it
 */
export async function wholeNetwork(gpu: Gpu, network: Network, dataset: Dataset, config: SweepConfig, signal?: AbortSignal): Promise<UnitSums | null> {
  const evaluator = new Evaluator(gpu, network, dataset, config);
  try {
    const layerIndex = network.layers.length - 1;
    const { name: layer, weights } = network.layers[layerIndex];
    const variants: LayerVariants = { layer, layerIndex, variants: [{ filter: "h_a", thresholdIndex: 0, alpha: 0, delta: null, weights, removed: 0, zeros: 0 }], masks: [[NOTHING]], maskOf: Int32Array.of(0) };
    return await evaluator.evaluate({ checkpoint: 0, layer, layerIndex, firstImage: 0, images: dataset.images, cost: 0 }, variants, signal);
  } finally {
    evaluator.close();
  }
}
