/** A sweep of the demo's network in this process. */
import { readCheckpoint } from "../../src/io/checkpoint.js";
import { openDataset } from "../../src/io/dataset.js";
import type { Gpu } from "../../src/gpu/device.js";
import type { Row } from "../../src/results/row.js";
import { DEFAULT_CONFIG, type SweepConfig } from "../../src/sweep/config.js";
import { assembleRows, evaluateUnits, planSweep, type EvaluateOptions, type SweepJob, type SweepPlan } from "../../src/sweep/sweep.js";
import type { UnitScores } from "../../src/sweep/units.js";
import { DEMO_CHECKPOINT, DEMO_DATA } from "./cliFiles.js";
import { gpu } from "./kernel.js";

/** The demo's first images and its network, with these options. */
export async function demoJob(config: Partial<SweepConfig>, limit: number): Promise<{ job: SweepJob; plan: SweepPlan }> {
  const checkpoint = await readCheckpoint(DEMO_CHECKPOINT);
  const dataset = await openDataset(DEMO_DATA, { dataset: "mnist", split: "test", limit });
  const job: SweepJob = { checkpoints: [{ path: DEMO_CHECKPOINT, network: "ResNet18", dataset: "MNIST", init: 1, epoch: 2, checkpoint }], dataset, config: { ...DEFAULT_CONFIG, ...config } };
  return { job, plan: planSweep(job) };
}

/** All rows of a job. */
export async function rowsOf(device: Gpu, { job, plan }: { job: SweepJob; plan: SweepPlan }, options: EvaluateOptions = {}): Promise<Row[]> {
  const scores = new Map<number, UnitScores[]>();
  for await (const unit of evaluateUnits(device, job, plan, options)) {
    const { layer } = plan.units[unit.unit];
    scores.set(layer, [...(scores.get(layer) ?? []), unit]);
  }
  return plan.variants[0].flatMap((_, layer) => assembleRows(job, plan, 0, layer, scores.get(layer)!));
}

export async function sweep(config: Partial<SweepConfig>, limit: number, options: EvaluateOptions = {}): Promise<Row[]> {
  return rowsOf(await gpu(), await demoJob(config, limit), options);
}
