/** Which weights a retraining updates, by their marks or by chance. */
import { pcg3d } from "../ops/common/random.js";
import { type Class, CLASSES } from "./classes.js";
import { type Marks, MARKS } from "./marks.js";

/**
 * `classes`: weights of these classes. `targeted`: those that the adversary targets, which are fragile by the difference.
 * `random`: a share of each layer's weights, by seed.
 */
export type Update = { kind: "classes"; classes: Class[] } | { kind: "targeted" } | { kind: "all" } | { kind: "none" } | { kind: "random"; share: number };

/** What `parseUpdate` takes, for messages. */
export const UPDATE_WORDS = "some of robust, antifragile, fragile by commas, or targeted, all, none, or random:0.6";

/** @returns null for a text that is none of UPDATE_WORDS */
export function parseUpdate(text: string): Update | null {
  if (text === "targeted" || text === "all" || text === "none") return { kind: text };
  if (text.startsWith("random:")) {
    const share = Number(text.slice(7) || NaN);
    return share >= 0 && share <= 1 ? { kind: "random", share } : null;
  }
  const names = text.split(",");
  const isRight = new Set(names).size === names.length && names.every((name) => CLASSES.includes(name as Class));
  return isRight ? { kind: "classes", classes: CLASSES.filter((name) => names.includes(name)) } : null;
}

/** `robust,antifragile` or `random:0.6`, as parseUpdate takes it. */
export const updateText = (update: Update): string => (update.kind === "classes" ? update.classes.join(",") : update.kind === "random" ? `random:${update.share}` : update.kind);

/** Whether marks decide, and those by the difference alone. */
export const needsMarks = ({ kind }: Update): boolean => kind === "classes" || kind === "targeted";

/**
 * @param marks of each layer; for `targeted` those by the difference
 * @param seed of `random`: another one chooses other weights
 * @returns 1 for a weight that is updated, 0 for one that keeps its bytes
 */
export function chosenWeights(marks: ReadonlyMap<string, Uint8Array>, update: Update, seed: number): Marks {
  const chosen = [...marks].map(([layer, codes], i): [string, Uint8Array] => {
    switch (update.kind) {
      case "all": return [layer, new Uint8Array(codes.length).fill(1)];
      case "none": return [layer, new Uint8Array(codes.length)];
      case "random": return [layer, randomShare(codes.length, update.share, seed, i)];
      default: {
        const wanted = new Set((update.kind === "targeted" ? ["fragile" as const] : update.classes).map((name) => MARKS.indexOf(name)));
        return [layer, codes.map((code) => Number(wanted.has(code)))];
      }
    }
  });
  return new Map(chosen);
}

/** Exactly a share of so many, rounded, each set of them as likely as another. (Knuth, The Art of Computer Programming 2, 3.4.2, Algorithm S.) */
function randomShare(count: number, share: number, seed: number, layer: number): Uint8Array {
  let left = Math.round(share * count);
  return Uint8Array.from({ length: count }, (_, i) => {
    const isChosen = (pcg3d(seed, layer, i)[0] / 2 ** 32) * (count - i) < left;
    left -= Number(isChosen);
    return Number(isChosen);
  });
}
