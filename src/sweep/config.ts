/** What a sweep computes, as plain data: the part of the options on which the numbers depend. */
import type { Filter, Scope } from "../results/row.js";

export interface SweepConfig {
  scope: Scope;
  filters: Filter[];
  /** Number of thresholds of the linspace; ignored when `alphas` is given. */
  thresholds: number;
  /** Explicit thresholds instead of the linspace. */
  alphas: number[] | null;
  /** Half-width of the pulse; null: (max - min) / thresholds / 2. Needed with `alphas` and h_c. */
  delta: number | null;
  /** Names or globs of the layers, null for all. */
  layers: string[] | null;
  /** Thresholds' range of a global sweep. */
  range: [number, number];
  epsilons: number[];
  /** `input`: epsilon is applied after normalisation, as in the notebooks; `pixel`: in units of 0..1 pixels. */
  epsilonSpace: "input" | "pixel";
  /** Clamp the attacked image to the valid pixel range. */
  clamp: boolean;
  batchNorm: "running" | "batch";
  /** Images per batch; matters in batch norm `batch` only, where just whole batches count. */
  batchSize: number;
}

export const DEFAULT_CONFIG: SweepConfig = {
  scope: "local",
  filters: ["h_a", "h_b", "h_c"],
  thresholds: 25,
  alphas: null,
  delta: null,
  layers: null,
  range: [-1, 1],
  epsilons: [0.38],
  epsilonSpace: "input",
  clamp: false,
  batchNorm: "running",
  batchSize: 100,
};
