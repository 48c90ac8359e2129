/** Marks: the class of every single weight, by the window of the pulse filter that it belongs to (see parameters.ts). */
import { CLASSES, classOf } from "./classes.js";
import type { Curve } from "./curves.js";
import { changesOf, type ResponseName, windowFinder, windowsOf } from "./parameters.js";

/** What a mark's number means. */
export const MARKS = ["uncovered", ...CLASSES] as const;
export type Mark = (typeof MARKS)[number];

/** One number a weight, in the order of the tensor: an index into MARKS. By layer. */
export type Marks = Map<string, Uint8Array>;

export interface MarkOptions {
  /** The response that the classes go by. */
  by: ResponseName;
  /** Changes this near to 0 are robust. */
  band: number;
}

/** @returns null where the response is unknown, since no image is classified correctly at the first threshold */
export function marksOf(curve: Curve, weights: Float32Array, { by, band }: MarkOptions): Uint8Array | null {
  const change = changesOf(curve)[by];
  if (!change) return null;
  const codes = change.map((value) => MARKS.indexOf(classOf(value, band)));
  const window = windowFinder(windowsOf(curve));
  return Uint8Array.from(weights, (weight) => {
    const at = window(weight);
    return at === null ? 0 : codes[at];
  });
}

export interface NetworkMarks {
  marks: Marks;
  /** Layers without marks, and why. */
  missing: Map<string, string>;
}

/**
 * Marks of a network's layers. A curve of a global sweep is that of every layer.
 * @param curves of one checkpoint at one epsilon, with all their thresholds; those of other filters than h_c don't count
 * @param layers raw weights by layer
 */
export function networkMarks(curves: Curve[], layers: ReadonlyMap<string, Float32Array>, options: MarkOptions): NetworkMarks {
  const found: NetworkMarks = { marks: new Map(), missing: new Map() };
  for (const [layer, weights] of layers) {
    const curve = curves.find((each) => each.filter === "h_c" && (each.layer === layer || each.layer === "*"));
    const marks = curve && marksOf(curve, weights, options);
    if (marks) found.marks.set(layer, marks);
    else found.missing.set(layer, curve ? `no ${options.by === "clean" ? "clean" : "adversarial"} image is classified correctly at the first threshold` : "it was not swept with the pulse filter h_c");
  }
  return found;
}
