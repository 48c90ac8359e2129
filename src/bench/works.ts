/** What this engine does for a work, as whoever measures it sees it. */
import type { Profiler } from "../gpu/profiler.js";
import type { TileTable } from "../sweep/tiles.js";

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
