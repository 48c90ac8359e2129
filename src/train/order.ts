/** Which images come when. */
import { Numbers, PURPOSE } from "./random.js";

/** `shuffle`: another order each epoch; `file`: as the files have them, each epoch alike. */
export type Order = "shuffle" | "file";

/**
 * @param seed of the initialisation
 * @param epoch from 0
 * @returns indices of all images, by Fisher and Yates
 */
export function orderOf(order: Order, images: number, seed: number, epoch: number): Uint32Array {
  const indices = Uint32Array.from({ length: images }, (_, i) => i);
  if (order === "file") return indices;
  const numbers = new Numbers(seed, PURPOSE.order, [epoch]);
  for (let last = images - 1; last > 0; last--) {
    const chosen = numbers.below(last + 1);
    [indices[last], indices[chosen]] = [indices[chosen], indices[last]];
  }
  return indices;
}
