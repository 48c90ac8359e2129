/** Checkpoints that are well-formed files of networks that cannot be. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Tensor } from "../src/io/types.js";
import { describeCheckpoint } from "../src/model/checkpoint.js";
import { parametersOf } from "../src/model/graph.js";
import { architectureNamed } from "../src/model/recognise.js";
import { configProblem, DEFAULT_CONFIG } from "../src/sweep/config.js";
import { refuses } from "./support/io.js";

/** A state_dict of constants. */
function tensorsOf(width: number, channels: number, classes: number): Map<string, Tensor> {
  const { graph } = architectureNamed("resnet18", { width, channels, classes });
  return new Map(parametersOf(graph).map(({ tensor, shape }) => [tensor, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(shape.length > 1 ? 0.1 : 1) }]));
}

function changed(name: string, change: (data: Float32Array) => void): Map<string, Tensor> {
  const tensors = tensorsOf(1, 1, 10);
  change(tensors.get(name)!.data);
  return tensors;
}

const hostile: Record<string, [tensors: Map<string, Tensor>, message: RegExp]> = {
  "no-maps": [tensorsOf(0, 1, 10), /of a ResNet18 of 0 maps, 1 channels and 10 classes/],
  "no-channels": [tensorsOf(1, 0, 10), /of 1 maps, 0 channels/],
  "no-classes": [tensorsOf(1, 1, 0), /and 0 classes/],
  "variance-below-zero": [changed("layer2.0.bn1.running_var", (data) => (data[1] = -1)), /tensor layer2\.0\.bn1\.running_var holds a variance below zero/],
  "range-beyond-float32": [changed("fc.weight", (data) => data.set([3e38, -3e38])), /tensor fc\.weight goes from -3\.\d+e\+38 to 3/],
};

for (const [name, [tensors, message]] of Object.entries(hostile)) {
  test(`${name} is refused`, () => refuses(() => describeCheckpoint({ path: `${name}.ckpt`, tensors }), message));
}

test("denormal weights and a layer of zeros are a network like any other", () => {
  for (const value of [1e-40, 0]) assert.is(describeCheckpoint({ path: "a.ckpt", tensors: changed("conv1.weight", (data) => data.fill(value)) }).width, 1);
});

test("thresholds and epsilons have to be float32 numbers", () => {
  assert.is(configProblem(DEFAULT_CONFIG), null);
  assert.is(configProblem({ ...DEFAULT_CONFIG, alphas: [1e39] }), "alphas");
  assert.is(configProblem({ ...DEFAULT_CONFIG, epsilons: [1e39] }), "epsilons");
  assert.is(configProblem({ ...DEFAULT_CONFIG, range: [-3e38, 3e38] }), "range");
});

test.run();
