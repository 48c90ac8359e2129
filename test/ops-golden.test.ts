/** Plain loops of every op against PyTorch: values and gradients, at ties and kinks, where windows end beyond the map, and with statistics of the batch. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapShape } from "../src/layout/shape.js";
import { KINDS } from "../src/ops/activation.js";
import type { Node } from "../src/ops/common/nodes.js";
import { OPS, opOf } from "../src/ops/table.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { assertClose } from "./support/close.js";

interface Golden {
  name: string;
  node: Node;
  batchNorm: "running" | "batch";
  tensors: Record<string, number[]>;
  /** Shapes with images in front. */
  inputs: { shape: number[]; values: number[] }[];
  output: { shape: number[]; values: number[] };
  outputGradient: number[];
  gradients: number[][];
}

/** PyTorch holds some constants (the slope of hardsigmoid) in float32 even where numbers are float64. */
const TOLERANCE = 1e-7;

const { cases } = JSON.parse(readFileSync(join(PACKAGE_ROOT, "fixtures/golden/ops.json"), "utf8")) as { cases: Golden[] };
const mapOf = ([, channels, height, width]: number[]): MapShape => ({ channels, height, width });

test("PyTorch was asked about every op and every function", () => {
  assert.equal([...new Set(cases.map(({ node }) => node.op))].sort(), [...OPS.keys()].sort());
  assert.equal(cases.flatMap(({ node }) => (node.op === "activation" ? [node.kind] : [])).sort(), [...KINDS].sort());
});

for (const { name, node, batchNorm, tensors, inputs, output, outputGradient, gradients } of cases) {
  test(name, () => {
    const op = opOf(node);
    const shape = op.shape(node, inputs.map((input) => mapOf(input.shape)));
    assert.equal(shape, mapOf(output.shape), "shape");
    const given = {
      images: output.shape[0], output: shape, batchNorm, tensor: (tensor: string) => tensors[tensor],
      inputs: inputs.map((input) => ({ shape: mapOf(input.shape), data: Float64Array.from(input.values) })),
    };
    assertClose(op.twin.forward(node, given), output.values, TOLERANCE, "values");
    const found = op.twin.gradient(node, given, Float64Array.from(outputGradient));
    assert.is(found.length, gradients.length);
    found.forEach((gradient, i) => assertClose(gradient, gradients[i], TOLERANCE, `gradient of input ${i}`));
  });
}

test.run();
