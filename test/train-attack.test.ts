/** Adversarial training on the device against plain loops: the loss of attacked images, and a gradient that is both losses' by their shares. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Network } from "../src/model/architecture.js";
import { GraphBuilder } from "../src/model/builder.js";
import { evaluateGraph } from "../src/model/twin.js";
import { startNoise } from "../src/ops/pgd.js";
import { OPTIMIZER_DEFAULTS } from "../src/train/optimizer.js";
import { initialTensors } from "../src/train/initialise.js";
import type { TrainingAttack } from "../src/train/batchPlans.js";
import { Trainer, type StepResult } from "../src/train/trainer.js";
import { assertClose, noise } from "./support/close.js";
import { gpu } from "./support/kernel.js";

const IMAGE = { channels: 2, height: 6, width: 5 };
const [IMAGES, CLASSES, EPSILON, STEP] = [9, 4, 0.07, 0.03];

function networkOf(): Network {
  const builder = new GraphBuilder();
  let from = builder.relu(builder.norm(builder.conv("image", "conv1", 2, 5, 3, { pad: 1 }), "bn1", 5));
  from = builder.relu(builder.norm(builder.conv(from, "conv2", 5, 7, 3, { stride: 2, pad: 1 }), "bn2", 7));
  const graph = builder.graph(builder.linear(builder.adaptiveAvgPool(from), "fc", 7, CLASSES));
  const layers = [{ name: "conv1", shape: [5, 2, 3, 3], weights: 90 }, { name: "conv2", shape: [7, 5, 3, 3], weights: 315 }, { name: "fc", shape: [CLASSES, 7], weights: 7 * CLASSES }];
  const architecture = { name: "small", width: 5, channels: 2, classes: CLASSES, graph, layers };
  return { ...architecture, tensors: initialTensors(architecture, 3) };
}

const network = networkOf();
const pixels = noise(IMAGES * 60, 4).map((value) => 2 * value);
const labels = Uint32Array.from({ length: IMAGES }, (_, i) => (3 * i) % CLASSES);

function plain(of: ArrayLike<number>): { loss: number; gradient: Float64Array } {
  const tensors = new Map([...network.tensors].map(([name, { data }]) => [name, data]));
  const { loss, gradient } = evaluateGraph(network.graph, tensors, { image: IMAGE, pixels: of, labels, batchNorm: "batch" });
  return { loss: loss.reduce((sum, each) => sum + each, 0) / IMAGES, gradient };
}

async function firstStep(mix: number | null, images: Float32Array = pixels, pgd: TrainingAttack["pgd"] = null): Promise<{ result: StepResult; gradients: Map<string, Float32Array> }> {
  const attack = mix === null ? null : { ball: { epsilon: Array<number>(4).fill(EPSILON), step: Array<number>(4).fill(STEP), low: Array<number>(4).fill(-1), high: Array<number>(4).fill(1) }, clamp: false, pgd, mix };
  const trainer = await Trainer.open(await gpu(), network, { optimizer: { kind: "sgd", ...OPTIMIZER_DEFAULTS }, batch: IMAGES, attack }, IMAGE);
  try {
    const results: StepResult[] = [];
    trainer.onStep = (result) => void results.push(result);
    await trainer.step(images, labels, 0);
    return { gradients: await trainer.gradients(), result: results[0] };
  } finally {
    trainer.close();
  }
}

const clean = plain(pixels);
const attacked = Float32Array.from(pixels, (pixel, i) => pixel + EPSILON * Math.sign(clean.gradient[i]));

for (const mix of [0.25, 1]) {
  test(`a share of ${mix}`, async () => {
    const { result, gradients } = await firstStep(mix);
    assertClose([result.loss], [(1 - mix) * clean.loss + mix * plain(attacked).loss], 1e-5, "loss");
    assert.is(result.images, IMAGES);
    // What a training on the attacked images alone, and on those as they are, has.
    const [ofClean, ofAttacked] = [await firstStep(null), await firstStep(null, attacked)];
    assert.is(result.correct, ofClean.result.correct);
    for (const [tensor, gradient] of gradients) {
      const wanted = ofClean.gradients.get(tensor)!.map((value, i) => (1 - mix) * value + mix * ofAttacked.gradients.get(tensor)![i]);
      assertClose(gradient, wanted, 1e-4, tensor);
    }
  });
}

/** Madry et al. 2018: steps along the sign, each back into the ball. */
function moved(from: Float32Array, steps: number): Float32Array {
  let at = from;
  for (let step = 0; step < steps; step++) {
    const { gradient } = plain(at);
    at = at.map((value, i) => pixels[i] + Math.min(EPSILON, Math.max(-EPSILON, value + STEP * Math.sign(gradient[i]) - pixels[i])));
  }
  return at;
}

for (const [randomStart, mix] of [[null, 0.5], [5, 1]] as const) {
  test(`several steps, ${randomStart === null ? "from the images" : "from a random place, and nothing else learned from"}`, async () => {
    const start = randomStart === null ? pixels : pixels.map((value, i) => value + EPSILON * startNoise(randomStart, Math.floor(i / 60), i % 60));
    const last = moved(start, 4);
    const { result, gradients } = await firstStep(mix, pixels, { steps: 4, randomStart });
    assertClose([result.loss], [(1 - mix) * clean.loss + mix * plain(last).loss], 1e-4, "loss");
    const [ofClean, ofAttacked] = [await firstStep(null), await firstStep(null, last)];
    assert.is(result.correct, ofClean.result.correct);
    for (const [tensor, gradient] of gradients) assertClose(gradient, ofClean.gradients.get(tensor)!.map((value, i) => (1 - mix) * value + mix * ofAttacked.gradients.get(tensor)![i]), 1e-3, tensor);
  });
}

test("an attack costs more loss than it leaves", () => {
  assert.ok(plain(attacked).loss > clean.loss + 0.01, `${clean.loss} and ${plain(attacked).loss}`);
});

test.run();
