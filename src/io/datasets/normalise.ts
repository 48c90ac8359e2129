/** Pixel normalisations as torchvision computes them, one float32 rounding per step. */
export interface Normalisation {
  mean: number[];
  std: number[];
}

export const MNIST_NORMALISATION: Normalisation = { mean: [0.1307], std: [0.3081] };
export const HALF_NORMALISATION: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** For each channel, what each of the 256 byte values becomes: (byte / 255 - mean) / std in float32. */
function tables({ mean, std }: Normalisation): Float32Array[] {
  const f = Math.fround;
  return mean.map((m, channel) => Float32Array.from({ length: 256 }, (_, byte) => f(f(f(byte / 255) - f(m)) / f(std[channel]))));
}

/** Returns a function that turns NCHW bytes into normalised NCHW float32; `plane` is height x width. */
export function normaliser(normalisation: Normalisation, plane: number): (bytes: Uint8Array) => Float32Array {
  const lookup = tables(normalisation);
  return (bytes) => {
    const out = new Float32Array(bytes.length);
    for (let start = 0; start < bytes.length; start += plane) {
      const table = lookup[(start / plane) % lookup.length];
      for (let i = start; i < start + plane; i++) out[i] = table[bytes[i]];
    }
    return out;
  };
}
