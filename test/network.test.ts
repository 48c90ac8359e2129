/** The whole network on the real device against golden arrays that PyTorch made. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { softmaxLoss } from "../src/ops/softmax_loss.js";
import { computeOutcomes, GOLDEN_CASES, goldenLabels, goldenOutcome, type ComputeOptions, type GoldenCase } from "../src/verify/golden.js";
import { assertClose, assertSigns } from "./support/close.js";
import { gpu } from "./support/kernel.js";

async function compare(golden: GoldenCase, options?: ComputeOptions): Promise<void> {
  const expected = goldenOutcome(golden);
  for (const actual of await computeOutcomes(await gpu(), golden, options)) {
    assertClose(actual.logits, expected.logits, 1e-4, "logits");
    assertClose(actual.attacked, expected.attacked, 1e-4, "logits under an attack of strength 0");
    assertClose(actual.loss, expected.loss, 1e-4, "loss");
    assertClose(actual.gradient, expected.gradient, 1e-3, "input gradient");
    assertSigns(actual.gradient, expected.gradient);
  }
}

const running = (name: GoldenCase["name"]): GoldenCase => ({ name, batchNorm: "running" });

test("28x28x1, the demo's trained network", () => compare(running("demo")));
test("32x32x3", () => compare(running("random32")));
test("64x64x3, 200 classes", () => compare(running("random64")));
test("32x32x3, batch norm over the batch", () => compare({ name: "random32", batchNorm: "batch" }));
test("a layer in the middle filtered: the part in front of it is shared", () => compare(running("demo"), { filtered: ["layer3.0.downsample.0"] }));
test("weights without subgroups", () => compare(running("random32"), { shuffle: false }));

for (const golden of GOLDEN_CASES.filter(({ name }) => !/^(demo|random)/.test(name))) {
  test(`${golden.name}, batch norm ${golden.batchNorm}`, () => compare(golden));
}

test("the gradient is the slope of the loss (finite differences along its sign)", async () => {
  const golden = running("random32");
  const labels = goldenLabels(golden);
  const [{ gradient }] = await computeOutcomes(await gpu(), golden);
  const step = 1e-4;
  const total = async (by: number): Promise<number> => {
    const [{ logits }] = await computeOutcomes(await gpu(), golden, { offset: gradient.map((g) => by * Math.sign(g)) });
    return softmaxLoss(logits, labels, 10).loss.reduce((a, b) => a + b, 0);
  };
  const slope = ((await total(step)) - (await total(-step))) / (2 * step);
  const expected = gradient.reduce((sum, g) => sum + Math.abs(g), 0);
  assert.ok(Math.abs(slope / expected - 1) < 0.02, `slope ${slope}, gradient's ${expected}`);
});

test.run();
