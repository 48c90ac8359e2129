/**
 * Random numbers that have no state: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"). A seed, what
 * the numbers are for, and a place among them give the number, so that a training that is gone on with needs nothing but its step.
 */

/** What numbers are drawn for: each purpose has numbers of its own. */
export const PURPOSE = { seed: 0, initial: 1, order: 2, crop: 3, flip: 4 } as const;
export type Purpose = (typeof PURPOSE)[keyof typeof PURPOSE];

const [MULTIPLIER_0, MULTIPLIER_1] = [0xd2511f53, 0xcd9e8d57];
const [WEYL_0, WEYL_1] = [0x9e3779b9, 0xbb67ae85];
const ROUNDS = 10;

/** High 32 bits of a product of two whole numbers of 32 bits. */
function high(a: number, b: number): number {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + (Math.imul(aLow, bLow) >>> 16);
  const other = Math.imul(aLow, bHigh) + (middle & 0xffff);
  return Math.imul(aHigh, bHigh) + (middle >>> 16) + (other >>> 16);
}

/**
 * Four whole numbers of 32 bits for a key of two and a counter of four.
 * @param out of four
 */
export function philox(out: Uint32Array, key: readonly [number, number], counter: readonly [number, number, number, number]): void {
  let [key0, key1] = key;
  let [x0, x1, x2, x3] = counter;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = high(MULTIPLIER_0, x0);
    const high1 = high(MULTIPLIER_1, x2);
    const low0 = Math.imul(MULTIPLIER_0, x0);
    x0 = high1 ^ x1 ^ key0;
    x1 = Math.imul(MULTIPLIER_1, x2);
    x2 = high0 ^ x3 ^ key1;
    x3 = low0;
    key0 = (key0 + WEYL_0) | 0;
    key1 = (key1 + WEYL_1) | 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** The seed of one initialisation: 32 bits. Those of one user's seed differ from each other and from those of the next seed. */
export function seedOf(seed: number, init: number): number {
  const numbers = new Uint32Array(4);
  philox(numbers, [seed, PURPOSE.seed], [init, 0, 0, 0]);
  return numbers[0];
}

/** Numbers of one purpose, in turn. @param stream which of those of the purpose: an epoch, a tensor, an image */
export class Numbers {
  readonly #block = new Uint32Array(4);
  #drawn = 0;
  #spare: number | null = null;

  constructor(private readonly seed: number, private readonly purpose: Purpose, private readonly stream: readonly [number, number?]) {}

  /** 32 bits. */
  whole(): number {
    const place = this.#drawn % 4;
    if (place === 0) philox(this.#block, [this.seed, this.purpose], [this.#drawn / 4, 0, this.stream[0], this.stream[1] ?? 0]);
    this.#drawn += 1;
    return this.#block[place];
  }

  /** At least 0 and below 1, with 32 bits. */
  uniform(): number {
    return this.whole() / 2 ** 32;
  }

  /** Standard normal, by Box and Muller (1958), who make two at a time. */
  normal(): number {
    const spare = this.#spare;
    this.#spare = null;
    if (spare !== null) return spare;
    const [radius, angle] = [Math.sqrt(-2 * Math.log(1 - this.uniform())), 2 * Math.PI * this.uniform()];
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  /** A whole number below `count`, all as likely: what would favour some is drawn again. */
  below(count: number): number {
    const even = 2 ** 32 - (2 ** 32 % count);
    for (;;) {
      const drawn = this.whole();
      if (drawn < even) return drawn % count;
    }
  }
}
