/** Simpson's rule over unevenly spaced points, the way SciPy's `integrate.simpson` (1.11 and later) does it. */

/** numpy.true_divide(..., where=divisor != 0), zero elsewhere. */
const ratio = (top: number, bottom: number): number => (bottom === 0 ? 0 : top / bottom);

/** Parabolas through points 0..2, 2..4 and so on, up to the point `last` (even). */
function parabolas(y: readonly number[], x: readonly number[], last: number): number {
  let sum = 0;
  for (let i = 0; i < last; i += 2) {
    const [before, after] = [x[i + 1] - x[i], x[i + 2] - x[i + 1]];
    const [both, quotient] = [before + after, ratio(before, after)];
    sum += (both / 6) * (y[i] * (2 - ratio(1, quotient)) + y[i + 1] * both * ratio(both, before * after) + y[i + 2] * (2 - quotient));
  }
  return sum;
}

/** The last interval of an even number of points: the parabola through the last three (Cartwright 2017, equation 8). */
function lastInterval(y: readonly number[], x: readonly number[]): number {
  const n = y.length;
  const [before, last] = [x[n - 2] - x[n - 3], x[n - 1] - x[n - 2]];
  const alpha = ratio(2 * last ** 2 + 3 * before * last, 6 * (last + before));
  const beta = ratio(last ** 2 + 3 * before * last, 6 * before);
  const eta = ratio(last ** 3, 6 * before * (before + last));
  return alpha * y[n - 1] + beta * y[n - 2] - eta * y[n - 3];
}

/**
 * Integral of y over x. An odd number of points is cut into parabolas; an even number likewise up to the last interval,
 * which takes the parabola through the last three points; two points make a trapezoid; one point has no area (0).
 * @param x as many as y, in order; equal neighbours are allowed
 */
export function simpson(y: readonly number[], x: readonly number[]): number {
  const n = y.length;
  if (n === 2) return 0.5 * (x[1] - x[0]) * (y[0] + y[1]);
  if (n % 2 === 1) return parabolas(y, x, n - 1);
  return parabolas(y, x, n - 2) + lastInterval(y, x);
}
