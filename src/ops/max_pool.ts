/** Max-pool: how much of it an invocation does, and plain loops: what shaders/max_pool.wgsl and max_pool_grad.wgsl are checked against. */
import type { MapShape } from "../layout/blocks.js";

export interface Window {
  kernel: number;
  stride: number;
  pad: number;
}

/** Pixels of the pool's input that an invocation does: rows that windows share are loaded once, but more take the driver longer to compile. */
const PIXELS = 256;

/**
 * @returns rows of the pool's input that an invocation of the gradient writes: the whole map where it is small, else a
 * multiple of the stride; and rows of the output that one of the forward kernel writes
 */
export function poolRows({ height, width }: MapShape, outHeight: number, stride: number): { written: number; pooled: number } {
  if (height * width <= PIXELS) return { written: height, pooled: outHeight };
  const pooled = Math.max(1, Math.floor(PIXELS / width / stride));
  return { written: pooled * stride, pooled };
}

/**
 * @param x NCHW; padding never wins
 * @returns maxima, and the index into `x` of each: the first maximum of the window in row-major order, as in PyTorch
 */
export function maxPool({ height, width }: MapShape, { kernel, stride, pad }: Window, x: Float32Array): { y: Float32Array; winner: Int32Array } {
  const outHeight = Math.floor((height + 2 * pad - kernel) / stride) + 1;
  const outWidth = Math.floor((width + 2 * pad - kernel) / stride) + 1;
  const maps = x.length / (height * width);
  const y = new Float32Array(maps * outHeight * outWidth).fill(-Infinity);
  const winner = new Int32Array(y.length);
  for (let o = 0; o < y.length; o++) {
    const [map, oy, ox] = [Math.floor(o / (outHeight * outWidth)), Math.floor(o / outWidth) % outHeight, o % outWidth];
    for (let ky = 0; ky < kernel; ky++) {
      for (let kx = 0; kx < kernel; kx++) {
        const [iy, ix] = [oy * stride + ky - pad, ox * stride + kx - pad];
        if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
        const at = (map * height + iy) * width + ix;
        if (x[at] > y[o]) [y[o], winner[o]] = [x[at], at];
      }
    }
  }
  return { y, winner };
}

/** Gradient of the pool's input: what each output hands to the pixel that won. */
export function maxPoolGradient(inputLength: number, winner: Int32Array, dy: Float32Array): Float32Array {
  const dx = new Float32Array(inputLength);
  winner.forEach((at, o) => (dx[at] += dy[o]));
  return dx;
}
