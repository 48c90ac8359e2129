/** Scores of response curves against SciPy's, and what a score can't be computed from. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { classOf } from "../src/analysis/classes.js";
import { completeCurves } from "../src/analysis/completeness.js";
import { curvesOf } from "../src/analysis/curves.js";
import { scoreOf, scoresOf, type CurveScore } from "../src/analysis/scores.js";
import { simpson } from "../src/analysis/simpson.js";
import { PACKAGE_ROOT } from "../src/package.js";
import type { Filter } from "../src/sweep/row.js";
import { curveRows, type Shape } from "./support/curves.js";

const MEASURES = ["s_clean", "s_adv", "s_diff", "auc_clean", "auc_adv"] as const;
type Golden = Shape & { name: string; filter: Filter } & Record<(typeof MEASURES)[number], number | null>;
const golden = JSON.parse(readFileSync(join(PACKAGE_ROOT, "fixtures/golden/scores.json"), "utf8")) as { integrals: { x: number[]; y: number[]; value: number }[]; curves: Golden[] };

const even = (n: number): number[] => Array.from({ length: n }, (_, i) => i / Math.max(1, n - 1));
const scored = (shape: Shape, filter: Filter = "h_a"): CurveScore => scoreOf(curvesOf(curveRows(shape, { filter }))[0]);

function near(actual: number | null, expected: number | null, what: string): void {
  if (expected === null || actual === null) assert.is(actual, expected, what);
  else assert.ok(Math.abs(actual - expected) <= 1e-13 * Math.max(1, Math.abs(expected)), `${what}: ${actual} instead of ${expected}`);
}

test("Simpson's rule is SciPy's: 1 to 26 points, even, uneven and equal ones", () => {
  assert.is(golden.integrals.length, 36);
  for (const { x, y, value } of golden.integrals) near(simpson(y, x), value, `${x.length} points`);
});

test("Simpson's rule is exact for a parabola, wherever the points lie", () => {
  for (const x of [[0, 0.1, 1], [0, 0.5, 0.6, 1], [0, 0.01, 0.4, 0.9, 1], even(24)]) near(simpson(x.map((v) => 3 * v * v - 2 * v + 1), x), 1, `${x.length} points`);
});

test("scores and areas are SciPy's on real and made-up curves", () => {
  assert.ok(golden.curves.length > 40);
  for (const curve of golden.curves) {
    const score = scored(curve, curve.filter);
    for (const measure of MEASURES) near(score[measure], curve[measure], `${curve.name}, ${measure}`);
    const incomplete = MEASURES.slice(0, 3).some((measure) => curve[measure] === null);
    assert.is(score.reason !== null, incomplete, curve.name);
  }
});

test("a null score says why", () => {
  const shape = golden.curves.find(({ name }) => name === "no adversarial image right")!;
  const score = scored(shape);
  assert.equal([score.s_adv, score.s_diff, score.class_adv, score.class_diff], [null, null, null, null]);
  assert.is(score.reason, "no adversarial image is classified correctly at the first threshold");
  assert.is(score.class_clean, "antifragile");
  assert.is(score.auc_adv, 0, "the area needs no first accuracy");
  const dead = { alpha: even(3), density: [1, 0.5, 0], accuracy_clean: [0, 0, 0], accuracy_adv: [0, 0, 0] };
  assert.is(scored(dead).reason, "no clean and no adversarial image is classified correctly at the first threshold");
  const one = scored({ alpha: [0.1], density: [0.9], accuracy_clean: [0.9], accuracy_adv: [0.4] });
  assert.equal([one.s_clean, one.s_adv, one.s_diff, one.auc_clean, one.reason, one.accuracy_clean], [null, null, null, null, "there is one threshold only", 0.9]);
  assert.is(scored({ ...dead, alpha: [0.5, 0.5, 0.5], accuracy_clean: [1, 1, 1] }).reason, "all thresholds are equal");
});

test("thresholds of the user's own are put in sweep order", () => {
  const shape = golden.curves.find(({ name }) => name === "random, 7 uneven thresholds")!;
  const order = [3, 0, 6, 1, 5, 2, 4];
  const shuffled = Object.fromEntries((["alpha", "density", "accuracy_clean", "accuracy_adv"] as const).map((key) => [key, order.map((i) => shape[key][i])])) as unknown as Shape;
  assert.equal(scored(shuffled), scored(shape));
  const down = golden.curves.find(({ name }) => name === "random, 7 uneven thresholds downwards")!;
  const upwards = { alpha: down.alpha.toReversed(), density: down.density.toReversed(), accuracy_clean: down.accuracy_clean.toReversed(), accuracy_adv: down.accuracy_adv.toReversed() };
  near(scored(upwards, "h_b").s_clean, down.s_clean, "h_b starts with the largest threshold");
});

test("classes: the band's ends are robust, and the band is the caller's", () => {
  assert.equal([-0.06, -0.05, 0, 0.05, 0.06].map((value) => classOf(value, 0.05)), ["fragile", "robust", "robust", "robust", "antifragile"]);
  assert.equal([-0.06, 0, 0.06].map((value) => classOf(value, 0)), ["fragile", "robust", "antifragile"]);
  const flat = curvesOf(curveRows({ alpha: even(5), density: [1, 1, 1, 1, 1], accuracy_clean: [1, 0.9, 0.9, 0.9, 0.9], accuracy_adv: [0.5, 0.5, 0.5, 0.5, 0.5] }));
  assert.equal(scoresOf(flat, { band: 0.05 }).map((s) => [s.class_clean, s.class_adv, s.class_diff]), [["fragile", "robust", "antifragile"]]);
  assert.equal(scoresOf(flat, { band: 0.1 }).map((s) => [s.class_clean, s.class_adv, s.class_diff]), [["robust", "robust", "robust"]]);
});

test("where accuracy falls by half: the first threshold below half of the first accuracy", () => {
  const score = scored({ alpha: [0, 0.25, 0.5, 0.75, 1], density: [1, 0.9, 0.7, 0.3, 0], accuracy_clean: [0.8, 0.4, 0.39, 0.8, 0.1], accuracy_adv: [0.2, 0.2, 0.2, 0.2, 0.1] });
  assert.equal([score.halved_alpha_clean, score.halved_density_clean, score.halved_alpha_adv, score.halved_density_adv], [0.5, 0.7, null, null]);
});

test("a curve without one of its thresholds, or with one twice, is incomplete", () => {
  const rows = curveRows({ alpha: even(5), density: even(5), accuracy_clean: even(5), accuracy_adv: even(5) });
  const cut = rows.filter((row) => row.threshold_index !== 2).map((row) => ({ ...row, layer: "cut" }));
  const twice = [...rows.slice(0, 4), rows[3]].map((row) => ({ ...row, layer: "twice" }));
  const { complete, incomplete } = completeCurves(curvesOf([...rows, ...cut, ...twice]), null);
  assert.equal([complete.map(({ layer }) => layer), incomplete.map(({ layer }) => layer)], [["conv1"], ["cut", "twice"]]);
  assert.is(completeCurves(curvesOf(rows), 6).complete.length, 0, "the run was to have six");
});

test.run();
