/** The three classes of the method, by the sign of a score; what lies within a band around 0 counts as 0. */

export type Class = "fragile" | "robust" | "antifragile";
export const CLASSES: readonly Class[] = ["fragile", "robust", "antifragile"];

/** How far from 0 a score is still "about 0". The paper names no number; this one is ours. */
export const ROBUST_BAND = 0.05;

/** Below -band fragile, above +band antifragile, robust between (the ends included). */
export function classOf(value: number, band: number): Class {
  if (value < -band) return "fragile";
  return value > band ? "antifragile" : "robust";
}
