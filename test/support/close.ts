/** The one comparer of float arrays: says how large the largest difference is and where. */
import * as assert from "uvu/assert";

/** @param tolerance relative to the largest expected value */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  let [largest, worst, at] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= worst)) [worst, at] = [difference, i];
  }
  assert.ok(worst <= tolerance * largest, `${what}: differs by ${worst} at ${at} (${actual[at]} instead of ${expected[at]}), largest value ${largest}`);
}

/** Signs of a gradient must agree where it is not negligible; see the definition of "the same answer" in the README. */
export function assertSigns(actual: ArrayLike<number>, expected: ArrayLike<number>, what = "gradient"): void {
  let [largest, counted, wrong] = [0, 0, 0];
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    if (Math.abs(expected[i]) <= 1e-6 * largest) continue;
    counted++;
    if (Math.sign(expected[i]) !== Math.sign(actual[i])) wrong++;
  }
  assert.ok(wrong <= 0.001 * counted, `${what}: ${wrong} of ${counted} signs differ`);
}

/** Deterministic values in -0.5..0.5. */
export function noise(length: number, seed = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}
