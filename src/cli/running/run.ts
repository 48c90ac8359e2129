/** A run on its way: what its parts hand one another. */
import type { Gpu } from "../../gpu/device.js";
import type { Profiler } from "../../gpu/profiler.js";
import type { openDevice } from "../../run/open.js";
import type { OpenedInputs } from "../../inputs/inputs.js";
import type { evaluateUnits, SweepPlan } from "../../sweep/sweep.js";
import type { TileTable } from "../../sweep/tiles.js";
import type { RunOptions } from "../options.js";
import type { Session } from "./session.js";
import type { Interruption } from "./signals.js";

/** What computes. Tests of everything around it put a stand-in here. */
export interface Engine {
  openDevice: typeof openDevice;
  evaluateUnits: typeof evaluateUnits;
}

/** Everything of a run that is about to be evaluated or reported. */
export interface Run {
  engine: Engine;
  options: RunOptions;
  argv: string[];
  job: OpenedInputs;
  plan: SweepPlan;
  gpu: Gpu;
  session: Session;
  interruption: Interruption;
  started: number;
  /** Null without --profile. */
  profiler: Profiler | null;
  tiles: TileTable;
  /** Seconds from the process's start until the first numbers came back. */
  firstResult: number | null;
}
