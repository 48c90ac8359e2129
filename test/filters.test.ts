import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Filter } from "../src/sweep/row.js";
import { linspace, variantsOf } from "../src/sweep/filters.js";

const OPTIONS = { filters: ["h_a", "h_b", "h_c", "magnitude"] as Filter[], thresholds: 5, alphas: null, delta: null, range: null };
/** Ties, both zeros, both ends. */
const WEIGHTS = Float32Array.from([-1, -0.5, -0.5, -0, 0, 0, 0.25, 0.5, 0.5, 1]);

test("thresholds are torch.linspace's, bit for bit", () => {
  assert.equal(linspace(-1, 1, 5), [-1, -0.5, 0, 0.5, 1]);
  // torch.linspace(-0.3, 0.7, 4).tolist() of PyTorch 2.13
  assert.equal(linspace(-0.3, 0.7, 4), [-0.30000001192092896, 0.03333333134651184, 0.36666664481163025, 0.699999988079071]);
  assert.equal(linspace(2, 3, 1), [2]);
});

test("each filter removes what its definition says, ties and signed zeros included", () => {
  const { variants, masks, maskOf } = variantsOf("w", 0, [{ name: "w", data: WEIGHTS }], OPTIONS);
  assert.is(variants.length, 20);
  variants.forEach(({ filter, alpha, delta, removed, zeros, weights }, v) => {
    const f = Math.fround;
    const gone = (w: number): boolean =>
      filter === "magnitude" ? Math.abs(w) <= alpha : filter === "h_a" ? w <= alpha : filter === "h_b" ? w >= alpha : w >= f(alpha - delta!) && w < f(alpha + delta!);
    const expected = [...WEIGHTS].filter(gone);
    const [{ low, high }] = masks[maskOf[v]];
    assert.equal([...WEIGHTS].filter((w) => w >= low && w <= high), expected, `${filter} at ${alpha}`);
    assert.is(removed, expected.length);
    assert.is(zeros, [...WEIGHTS].filter((w) => gone(w) || w === 0).length);
    assert.is(weights, WEIGHTS.length);
  });
});

test("magnitudes are thresholded from 0 to the largest, whichever sign it has, and below 0 removes nothing", () => {
  const skewed = [{ name: "w", data: Float32Array.from([-3, -0.5, 0.25, 1]) }];
  const { variants } = variantsOf("w", 0, skewed, { ...OPTIONS, filters: ["magnitude"], thresholds: 4 });
  assert.equal(variants.map(({ alpha, delta, removed }) => [alpha, delta, removed]), [[0, null, 0], [1, null, 3], [2, null, 3], [3, null, 4]]);
  const explicit = variantsOf("w", 0, skewed, { ...OPTIONS, filters: ["magnitude"], alphas: [-1, 0.5] });
  assert.equal(explicit.variants.map(({ removed }) => removed), [0, 2]);
  const global = variantsOf("*", -1, skewed, { ...OPTIONS, filters: ["magnitude"], thresholds: 2, range: [-2, 1] });
  assert.equal(global.variants.map(({ alpha, removed }) => [alpha, removed]), [[0, 0], [2, 3]]);
});

test("equal masks are one network", () => {
  const { masks, maskOf } = variantsOf("w", 0, [{ name: "w", data: WEIGHTS }], OPTIONS);
  assert.is(maskOf[4], maskOf[9], "h_a at max and h_b at min remove everything");
  assert.is(new Set(masks.map((mask) => JSON.stringify(mask))).size, masks.length);
});

test("a global sweep filters several tensors by one threshold", () => {
  const targets = [{ name: "a", data: Float32Array.from([-2, 0.1]) }, { name: "b", data: Float32Array.from([0.4, 3]) }];
  const { variants, masks } = variantsOf("*", -1, targets, { ...OPTIONS, filters: ["h_a"], thresholds: 3, range: [-1, 1] });
  assert.equal(variants.map(({ alpha, removed }) => [alpha, removed]), [[-1, 1], [0, 1], [1, 3]]);
  assert.is(masks.length, 2);
  assert.is(masks[0].length, 2);
});

test("explicit thresholds and pulse width are taken as they are", () => {
  const { variants } = variantsOf("w", 0, [{ name: "w", data: WEIGHTS }], { ...OPTIONS, filters: ["h_c"], alphas: [0.5, 0], delta: 0.25 });
  assert.equal(variants.map(({ alpha, delta, removed }) => [alpha, delta, removed]), [[0.5, 0.25, 3], [0, 0.25, 3]]);
});

test.run();
