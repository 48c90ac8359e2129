/** Softmax cross-entropy of every image, and plain loops that the kernel is checked against. */
import { layoutConstants } from "../layout/blocks.js";
import type { Place } from "./common/site.js";
import type { Step } from "./common/step.js";

/**
 * @param gradient of each image's own loss by its logits, of every variant
 * @param first where this pass's results begin, in images
 */
export function lossStep(logits: Place, gradient: Place, blocksPerVariant: number, first: number): Step {
  const { channels } = logits.layout;
  return {
    kernel: "softmax_loss",
    name: "softmax_loss",
    constants: { ...layoutConstants("IN", logits.layout), ...layoutConstants("OUT", gradient.layout), CLASSES: channels },
    params: { logits_blocks: logits.blocks, blocks_per_variant: blocksPerVariant, first_result: first },
    bindings: { input: logits.resource, gradient: gradient.resource, labels: "labels", results: "results" },
    writes: [gradient.resource, "results"],
    grid: [gradient.blocks, 1, 1],
    cost: gradient.blocks * gradient.layout.images * channels,
  };
}

/**
 * Of a training: the gradient is that of the mean over a batch.
 * @param scale 1 / images of the whole batch
 * @param smoothing of each label's 1, spread over all classes (Szegedy et al. 2015, arXiv 1512.00567)
 */
export function trainingLossStep(logits: Place, gradient: Place, scale: number, smoothing: number): Step {
  const { channels } = logits.layout;
  return {
    kernel: "training_loss",
    name: "training_loss",
    constants: { ...layoutConstants("IN", logits.layout), ...layoutConstants("OUT", gradient.layout), CLASSES: channels },
    params: { scale, smoothing },
    bindings: { input: logits.resource, gradient: gradient.resource, labels: "labels", results: "results" },
    writes: [gradient.resource, "results"],
    grid: [gradient.blocks, 1, 1],
    cost: gradient.blocks * gradient.layout.images * channels,
  };
}

/**
 * @param logits [images][classes]
 * @returns per image: loss, whether the first largest logit is the label's, and the gradient softmax - one-hot
 */
export function softmaxLoss(logits: ArrayLike<number>, labels: ArrayLike<number>, classes: number): { loss: Float64Array; correct: Uint8Array; gradient: Float64Array } {
  const images = logits.length / classes;
  const loss = new Float64Array(images);
  const correct = new Uint8Array(images);
  const gradient = new Float64Array(logits.length);
  for (let n = 0; n < images; n++) {
    const own = Float64Array.from({ length: classes }, (_, k) => logits[n * classes + k]);
    const largest = own.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = own.reduce((sum, z) => sum + Math.exp(z - largest), 0);
    loss[n] = Math.log(total) + largest - own[labels[n]];
    correct[n] = Number(own.indexOf(largest) === labels[n]);
    own.forEach((z, k) => (gradient[n * classes + k] = Math.exp(z - largest) / total - Number(k === labels[n])));
  }
  return { loss, correct, gradient };
}
