/** Parts of a step's images, which are on the device at once, and whether a network can learn from each. */
import type { MapShape } from "../layout/blocks.js";
import type { Architecture } from "../model/architecture.js";
import { planTraining } from "../plan/training.js";
import { learningOf, placeParameters } from "./parameters.js";

/** Some of a step's images. */
export interface Part {
  first: number;
  images: number;
}

/** As few parts as there can be, alike but for one image: a small rest would have odd statistics. @param most images of a part */
export function partsOf(images: number, most = images): Part[] {
  const parts = Math.ceil(images / most);
  const begin = (part: number): number => Math.ceil((part * images) / parts);
  return Array.from({ length: parts }, (_, part) => ({ first: begin(part), images: begin(part + 1) - begin(part) }));
}

/** Images of a training's steps. */
export interface StepImages {
  batch: number;
  /** Most of a part. */
  microBatch: number;
  /** Running statistics keep their bytes. */
  keepsStatistics?: boolean;
}

/** Any will do: what is refused does not depend on them. */
const LIMITS = { kernels: "software", lanes: 8, maxTextureWidth: 8192, shuffle: false, accumulators: 16 } as const;

/**
 * Plans a training of which nothing is run, before anything is written.
 * @throws Error naming what of the network can't be trained, UsageError for a batch norm that would see one value of a channel
 */
export function checkTrainable(network: Architecture, image: MapShape, { batch, microBatch, keepsStatistics = false }: StepImages): void {
  const table = placeParameters(network.graph, Infinity);
  const learning = learningOf(table, keepsStatistics);
  for (const images of new Set(partsOf(batch, microBatch).map((part) => part.images))) {
    planTraining(network, { ...LIMITS, image, images, batch, blocksPerVariant: Math.ceil(images / LIMITS.lanes), labelSmoothing: 0, learning });
  }
}

/** The same as an answer. */
export function isTrainable(network: Architecture, image: MapShape, images: StepImages): boolean {
  try {
    checkTrainable(network, image, images);
    return true;
  } catch {
    return false;
  }
}
