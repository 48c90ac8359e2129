/** Softmax cross-entropy as plain loops: what shaders/softmax_loss.wgsl is checked against. */

/**
 * @param logits [images][classes]
 * @returns per image: loss, whether the first largest logit is the label's, and the gradient softmax - one-hot
 */
export function softmaxLoss(logits: Float32Array, labels: ArrayLike<number>, classes: number): { loss: Float64Array; correct: Uint8Array; gradient: Float32Array } {
  const images = logits.length / classes;
  const loss = new Float64Array(images);
  const correct = new Uint8Array(images);
  const gradient = new Float32Array(logits.length);
  for (let n = 0; n < images; n++) {
    const own = logits.subarray(n * classes, (n + 1) * classes);
    const largest = own.reduce((a, b) => Math.max(a, b), -Infinity);
    const total = own.reduce((sum, z) => sum + Math.exp(z - largest), 0);
    loss[n] = Math.log(total) + largest - own[labels[n]];
    correct[n] = Number(own.indexOf(largest) === labels[n]);
    own.forEach((z, k) => (gradient[n * classes + k] = Math.exp(z - largest) / total - Number(k === labels[n])));
  }
  return { loss, correct, gradient };
}
