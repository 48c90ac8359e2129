/** Batch norm with a batch's own statistics, as plain loops: what shaders/batch_norm*.wgsl are checked against. */

const EPSILON = 1e-5;

interface Statistics {
  mean: number;
  inverse: number;
}

function statistics(x: Float32Array, channels: number, area: number, channel: number): Statistics {
  let [sum, squares, count] = [0, 0, 0];
  eachOf(x.length, channels, area, channel, (i) => void ((sum += x[i]), count++));
  eachOf(x.length, channels, area, channel, (i) => void (squares += (x[i] - sum / count) ** 2));
  return { mean: sum / count, inverse: 1 / Math.sqrt(squares / count + EPSILON) };
}

/** @param x NCHW of one batch, maps of `area` pixels */
export function batchNorm(x: Float32Array, channels: number, area: number, weight: Float32Array, bias: Float32Array): Float32Array {
  const y = new Float32Array(x.length);
  for (let c = 0; c < channels; c++) {
    const { mean, inverse } = statistics(x, channels, area, c);
    eachOf(x.length, channels, area, c, (i) => void (y[i] = (x[i] - mean) * inverse * weight[c] + bias[c]));
  }
  return y;
}

/** Gradient of batch norm's input, through the statistics (Ioffe and Szegedy 2015, arXiv 1502.03167). */
export function batchNormGradient(x: Float32Array, dy: Float32Array, channels: number, area: number, weight: Float32Array): Float32Array {
  const dx = new Float32Array(x.length);
  for (let c = 0; c < channels; c++) {
    const { mean, inverse } = statistics(x, channels, area, c);
    let [sum, dot, count] = [0, 0, 0];
    eachOf(x.length, channels, area, c, (i) => void ((sum += dy[i]), (dot += dy[i] * (x[i] - mean) * inverse), count++));
    eachOf(x.length, channels, area, c, (i) => void (dx[i] = weight[c] * inverse * (dy[i] - sum / count - (((x[i] - mean) * inverse * dot) / count))));
  }
  return dx;
}

function eachOf(length: number, channels: number, area: number, channel: number, visit: (i: number) => void): void {
  for (let i = 0; i < length; i++) if (Math.floor(i / area) % channels === channel) visit(i);
}
