/** What this engine does for each work, on an open device. */
import type { Gpu } from "../gpu/device.js";
import type { Profiler } from "../gpu/profiler.js";
import type { TileTable } from "../sweep/tiles.js";
import type { Case } from "./case.js";
import { Pass } from "./pass.js";
import { SweepWork } from "./sweepWork.js";

/** One work of one case, ready to be measured. */
export interface Measured {
  /** Parts of a sample. */
  slices: number;
  /** Compiles what a sample needs. */
  warm(): Promise<void>;
  /** @returns images, or filtered networks x images, that were computed */
  run(slice: number): Promise<number>;
}

export interface WorkOptions {
  /** Settings of the kernels, see sweep/tiles.ts. */
  tiles: TileTable;
  /** Times every dispatch. */
  profiler?: Profiler;
}

export function openWork(gpu: Gpu, of: Case, options: WorkOptions): Measured {
  return of.work === "forward" || of.work === "gradient" ? new Pass(gpu, of, options) : new SweepWork(gpu, of, options);
}
