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

/** Deterministic values in -0.5..0.5. */
export function noise(length: number, seed = 1): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32 - 0.5;
  });
}
