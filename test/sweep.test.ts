/** Sweeps on the real device: golden rows that PyTorch made, and results that do not depend on how work is cut. */
import { readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Row } from "../src/sweep/row.js";
import { demoJob, rowsOf, sweep } from "./support/demoSweep.js";
import { gpu } from "./support/kernel.js";

const FIXTURES = new URL("../../fixtures/", import.meta.url);

interface GoldenRow {
  layer: string;
  filter: string;
  index: number;
  alpha: number;
  removed: number;
  zeros: number;
  correct_clean: number;
  correct_adv: number;
  loss_clean: number;
  loss_adv: number;
  images: number;
}

const goldenRows = (name: string): GoldenRow[] =>
  readFileSync(new URL(`golden/sweep-${name}.jsonl`, FIXTURES), "utf8").trim().split("\n").map((line) => JSON.parse(line) as GoldenRow);

/** What counts as the same answer: counts of weights exact, correct images within 0.3 % and equal nearly everywhere. */
function assertGolden(rows: Row[], golden: GoldenRow[]): void {
  const found = new Map(rows.map((row) => [`${row.layer} ${row.filter} ${row.threshold_index}`, row]));
  let equal = 0;
  for (const expected of golden) {
    const where = `${expected.layer} ${expected.filter} ${expected.index}`;
    const row = found.get(where);
    assert.ok(row, `${where} is missing`);
    assert.is(row.alpha, expected.alpha, `${where}: alpha`);
    assert.is(row.removed, expected.removed, `${where}: removed`);
    assert.is(row.zeros, expected.zeros, `${where}: zeros`);
    assert.is(row.images, expected.images);
    const allowed = Math.ceil(0.003 * expected.images);
    assert.ok(Math.abs(row.correct_clean - expected.correct_clean) <= allowed, `${where}: ${row.correct_clean} correct, expected ${expected.correct_clean}`);
    assert.ok(Math.abs(row.correct_adv - expected.correct_adv) <= allowed, `${where}: ${row.correct_adv} correct under attack, expected ${expected.correct_adv}`);
    assert.ok(Math.abs(row.loss_clean - expected.loss_clean) <= 1e-3 * Math.abs(expected.loss_clean) + 1e-6, `${where}: loss ${row.loss_clean}, expected ${expected.loss_clean}`);
    equal += Number(row.correct_clean === expected.correct_clean && row.correct_adv === expected.correct_adv);
  }
  assert.ok(equal >= 0.97 * golden.length, `only ${equal} of ${golden.length} rows have equal counts`);
}

test("local sweep", async () => {
  const golden = goldenRows("local");
  assertGolden(await sweep({ layers: [...new Set(golden.map(({ layer }) => layer))] }, 256), golden);
});

test("global sweep", async () => assertGolden(await sweep({ scope: "global" }, 256), goldenRows("global")));

test("global sweep by the kernels for hardware, of one filter", async () => {
  const device = { ...(await gpu()), kernels: "hardware" as const };
  assertGolden(await rowsOf(device, await demoJob({ scope: "global", filters: ["h_a"] }, 256)), goldenRows("global").filter(({ filter }) => filter === "h_a"));
});

test("batch norm over batches of 100: whole batches only", async () => {
  const golden = goldenRows("bn-batch");
  assertGolden(await sweep({ batchNorm: "batch", layers: [...new Set(golden.map(({ layer }) => layer))] }, 256), golden);
});

test("rows are the same however images and variants are cut, and on a second run", async () => {
  const config = { layers: ["layer2.0.conv1", "fc"], thresholds: 6, epsilons: [0.1, 0.38] };
  const whole = await sweep(config, 150);
  assert.equal(await sweep(config, 150, { tileImages: 64 }), whole);
  assert.equal(await sweep(config, 150, { variants: 3 }), whole);
  assert.equal(await sweep(config, 150), whole);
});

test("epsilon in pixels is epsilon over the standard deviation after normalisation", async () => {
  const config = { layers: ["fc"], thresholds: 3, filters: ["h_a" as const] };
  const [pixel] = await sweep({ ...config, epsilons: [0.1], epsilonSpace: "pixel" }, 64);
  const [input] = await sweep({ ...config, epsilons: [0.1 / 0.3081] }, 64);
  assert.is(pixel.correct_adv, input.correct_adv);
  assert.ok(Math.abs(pixel.loss_adv - input.loss_adv) < 1e-5);
  assert.is(pixel.epsilon, 0.1);
});

test("clamping keeps the attacked image in the pixel range", async () => {
  const config = { layers: ["fc"], thresholds: 3, filters: ["h_a" as const], epsilons: [1] };
  const [free] = await sweep(config, 64);
  const [clamped] = await sweep({ ...config, clamp: true }, 64);
  assert.is(clamped.loss_clean, free.loss_clean);
  assert.is.not(clamped.loss_adv, free.loss_adv);
});

test("an unknown layer is refused with the nearest name", async () => {
  try {
    await sweep({ layers: ["layer2.0.con1"] }, 8);
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /did you mean "layer2\.0\.conv1"/);
  }
});

test.run();
