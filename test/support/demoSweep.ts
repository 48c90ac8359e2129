/** A sweep of the demo's network in this process. */
import { openCheckpoint } from "../../src/inputs/weights.js";
import { openDataset } from "../../src/io/datasets/dataset.js";
import type { Gpu } from "../../src/gpu/device.js";
import { describeShapes } from "../../src/model/checkpoint.js";
import type { Row } from "../../src/sweep/row.js";
import { DEFAULT_CONFIG, type SweepConfig } from "../../src/sweep/config.js";
import { FinishedUnits } from "../../src/sweep/finished.js";
import { evaluateUnits, planSweep, type EvaluateOptions, type SweepJob, type SweepPlan } from "../../src/sweep/sweep.js";
import { DEMO_CHECKPOINT, DEMO_DATA } from "./cliFiles.js";
import { gpu } from "./kernel.js";

/** The demo's first images and its network, with these options. */
export async function demoJob(config: Partial<SweepConfig>, limit: number): Promise<{ job: SweepJob; plan: SweepPlan }> {
  const file = await openCheckpoint(DEMO_CHECKPOINT);
  const dataset = await openDataset(DEMO_DATA, { dataset: "mnist", split: "test", limit });
  const job: SweepJob = { checkpoints: [{ path: DEMO_CHECKPOINT, network: "ResNet18", dataset: "MNIST", init: 1, epoch: 2, file, architecture: describeShapes(file) }], dataset, config: { ...DEFAULT_CONFIG, ...config } };
  return { job, plan: planSweep(job) };
}

/** All rows of a job. */
export async function rowsOf(device: Gpu, { job, plan }: { job: SweepJob; plan: SweepPlan }, options: EvaluateOptions = {}): Promise<Row[]> {
  const finished = new FinishedUnits(job, plan);
  const rows: Row[] = [];
  for await (const evaluated of evaluateUnits(device, job, plan, options)) rows.push(...(finished.add(evaluated)?.rows ?? []));
  return rows;
}

export async function sweep(config: Partial<SweepConfig>, limit: number, options: EvaluateOptions = {}): Promise<Row[]> {
  return rowsOf(await gpu(), await demoJob(config, limit), options);
}
