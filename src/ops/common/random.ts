/** Random numbers of counters: whole numbers make others, the same ones in a shader and here. */

/** (Hash pcg3d: Jarzynski and Olano 2020, Journal of Computer Graphics Techniques 9(3).) @returns whole numbers of 32 bits */
export function pcg3d(a: number, b: number, c: number): [number, number, number] {
  let [x, y, z] = [a, b, c].map((value) => (Math.imul(value, 1664525) + 1013904223) | 0);
  for (const last of [false, true]) {
    x = (x + Math.imul(y, z)) | 0;
    y = (y + Math.imul(z, x)) | 0;
    z = (z + Math.imul(x, y)) | 0;
    if (!last) [x, y, z] = [x ^ (x >>> 16), y ^ (y >>> 16), z ^ (z >>> 16)];
  }
  return [x >>> 0, y >>> 0, z >>> 0];
}

/** (Hash pcg4d of the same.) @returns the first of its four whole numbers of 32 bits */
export function pcg4d(...seeds: [number, number, number, number]): number {
  let [x, y, z, w] = seeds.map((value) => (Math.imul(value, 1664525) + 1013904223) >>> 0);
  const mix = (): void => {
    x = (x + Math.imul(y, w)) >>> 0;
    y = (y + Math.imul(z, x)) >>> 0;
    z = (z + Math.imul(x, y)) >>> 0;
    w = (w + Math.imul(y, z)) >>> 0;
  };
  mix();
  [x, y, z, w] = [x, y, z, w].map((value) => (value ^ (value >>> 16)) >>> 0);
  mix();
  return x;
}
