/** Classes of single weights: which window a weight belongs to, and the shares, against plain loops over the demo's weights. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { curvesOf, type Curve } from "../src/analysis/curves.js";
import { countRemoved, countWeights, sharesOf, windowsOf, type Window } from "../src/analysis/parameters.js";
import { readCheckpoint } from "../src/inputs/weights.js";
import { variantsOf } from "../src/sweep/filters.js";
import { DEMO_CHECKPOINT } from "./support/cliFiles.js";
import { assertClose, noise } from "./support/close.js";
import { curveRows } from "./support/curves.js";

const f32 = Math.fround;

/** The curve of a pulse sweep over these weights; accuracies don't matter unless given. */
function pulseCurve(weights: Float32Array, options: Partial<Parameters<typeof variantsOf>[3]> = {}, accuracy = (_: number): [number, number] => [1, 1]): Curve {
  const { variants } = variantsOf("fc", 0, [{ name: "fc", data: weights }], { filters: ["h_c"], thresholds: 25, alphas: null, delta: null, range: null, ...options });
  const shape = {
    alpha: variants.map(({ alpha }) => alpha), removed: variants.map(({ removed }) => removed), density: variants.map(({ removed }) => 1 - removed / weights.length),
    accuracy_clean: variants.map((_, i) => accuracy(i)[0]), accuracy_adv: variants.map((_, i) => accuracy(i)[1]),
  };
  return curvesOf(curveRows(shape, { filter: "h_c", delta: variants[0].delta, weights: weights.length }))[0];
}

/** The rule in words: the window that removes the weight, else the nearest; of several the one with the nearest centre. */
function plainCounts(weights: Float32Array, windows: Window[]): { counts: number[]; uncovered: number } {
  const counts = windows.map(() => 0);
  let uncovered = 0;
  for (const w of weights) {
    const ranked = windows.map((window, i) => ({
      i, outside: w >= window.low && w < window.high ? 0 : 1, gap: Math.max(window.low - w, w - window.high, 0), centre: Math.abs(w - window.alpha), half: (window.high - window.low) / 2,
    }));
    const best = ranked.sort((a, b) => a.outside - b.outside || a.gap - b.gap || a.centre - b.centre || b.i - a.i)[0];
    if (best.gap <= best.half) counts[best.i] += 1;
    else uncovered += 1;
  }
  return { counts, uncovered };
}

const demo = (await readCheckpoint(DEMO_CHECKPOINT)).tensors;
const weightsOf = (layer: string): Float32Array => demo.get(`${layer}.weight`)!.data;

test("every weight of the demo's layers belongs to one window, as plain loops say", () => {
  for (const layer of ["conv1", "layer2.0.downsample.0", "layer3.0.conv1", "fc"]) {
    const windows = windowsOf(pulseCurve(weightsOf(layer)));
    const { counts, uncovered, source } = countWeights([weightsOf(layer)], windows);
    assert.equal({ counts, uncovered }, plainCounts(weightsOf(layer), windows), layer);
    assert.equal([uncovered, counts.reduce((a, b) => a + b), source], [0, weightsOf(layer).length, "checkpoint"], layer);
  }
});

test("each window has at least the weights it removed, and the rest lay between two: about 4 % of the range", () => {
  const spread = Float32Array.from({ length: 100_000 }, (_, i) => i / 99_999);
  const curve = pulseCurve(spread);
  const { counts } = countWeights([spread], windowsOf(curve));
  curve.rows.forEach(({ removed }, i) => assert.ok(counts[i] >= removed, `window ${i}`));
  const removed = countRemoved(curve)!;
  assertClose([removed.uncovered / spread.length], [0.04], 0.01, "between windows");
});

test("windows that touch or overlap, weights on their ends, in the middle between two and far from all", () => {
  const touching = windowsOf(pulseCurve(noise(10), { alphas: [0.25, 0.75], delta: 0.25 }));
  assert.equal(touching, [{ alpha: 0.25, low: 0, high: 0.5 }, { alpha: 0.75, low: 0.5, high: 1 }]);
  const ends = Float32Array.of(-0.25, -0.26, 0, 0.5, f32(0.5 - 2 ** -25), 1, 1.25, 1.26);
  assert.equal(countWeights([ends], touching), { counts: [3, 3], uncovered: 2, source: "checkpoint" });
  // Rounded, the weight where these two meet is nearer to the first one's centre; the second one removes it.
  const rounded = windowsOf(pulseCurve(noise(10), { alphas: [0.242, 0.288], delta: 0.023 }));
  assert.equal(countWeights([Float32Array.of(0.265)], rounded).counts, [0, 1]);
  const apart = windowsOf(pulseCurve(noise(10), { alphas: [0, 1], delta: 0.25 }));
  assert.equal(countWeights([Float32Array.of(0.5, 0.49, 0.51, 0.5)], apart), { counts: [1, 3], uncovered: 0, source: "checkpoint" });
  for (const [alphas, delta] of [[[0, 0.1, 0.2], 0.15], [[-0.4, -0.39, 0.3], 0.02], [[0], 0.1]] as [number[], number][]) {
    const windows = windowsOf(pulseCurve(noise(10), { alphas, delta }));
    const { counts, uncovered } = countWeights([noise(5000, 3)], windows);
    assert.equal({ counts, uncovered }, plainCounts(noise(5000, 3), windows), `${alphas}`);
  }
});

test("shares: each class's weights over all, fragile in the difference is targeted", () => {
  const weights = noise(4000, 5);
  const accuracy = (i: number): [number, number] => (i === 0 ? [0.8, 0.4] : i < 8 ? [0.4, 0.4] : i < 16 ? [0.77, 0.1] : i < 20 ? [0.85, 0.4] : [0.8, 0.8]);
  const curve = pulseCurve(weights, {}, accuracy);
  const counted = countWeights([weights], windowsOf(curve));
  const share = (from: number, to: number): number => counted.counts.slice(from, to).reduce((a, b) => a + b, 0) / weights.length;
  const shares = sharesOf(curve, 0.05, counted);
  assertClose(
    [shares.share_fragile_clean!, shares.share_robust_clean!, shares.share_antifragile_clean!, shares.share_fragile_adv!, shares.share_robust_adv!, shares.share_antifragile_adv!, shares.share_targeted!],
    [share(1, 8), share(0, 1) + share(8, 16) + share(20, 25), share(16, 20), share(8, 16), share(0, 8) + share(16, 20), share(20, 25), share(8, 20)],
    1e-12,
    "shares",
  );
  assert.equal([shares.share_uncovered, shares.share_source], [0, "checkpoint"]);
});

test("without the weights the rows' counts stand in, and what no window removed is uncovered", () => {
  const weights = weightsOf("fc");
  const shares = sharesOf(pulseCurve(weights), 0.05, null);
  assert.is(shares.share_source, "removed");
  assert.ok(shares.share_uncovered! > 0 && shares.share_uncovered! < 0.15);
  assertClose([shares.share_fragile_clean! + shares.share_robust_clean! + shares.share_antifragile_clean! + shares.share_uncovered!], [1], 1e-12, "sum");
  const overlapping = sharesOf(pulseCurve(weights, { alphas: [0, 0.1], delta: 0.1 }), 0.05, null);
  assert.equal([overlapping.share_source, overlapping.share_robust_clean, overlapping.share_uncovered], [null, null, null], "a weight would count twice");
});

test("no share without a first accuracy", () => {
  const shares = sharesOf(pulseCurve(noise(100), {}, () => [1, 0]), 0.05, null);
  assert.equal([shares.share_fragile_adv, shares.share_targeted], [null, null]);
  assert.ok(shares.share_robust_clean !== null);
});

test.run();
