/** The run's sweep once more, over a network that has been trained on: curves of the pulse filter at one strength. */
import { curvesOf, type Curve } from "../../analysis/curves.js";
import type { Gpu } from "../../gpu/device.js";
import type { Dataset } from "../../io/types.js";
import type { Network } from "../../model/architecture.js";
import type { SweepConfig } from "../../sweep/config.js";
import { FinishedUnits } from "../../sweep/finished.js";
import { evaluateUnits, planSweep, type SweepJob } from "../../sweep/sweep.js";

/** @param config of the run; its thresholds, attack and batch norm are taken */
export async function pulseCurves(gpu: Gpu, network: Network, dataset: Dataset, config: SweepConfig, epsilon: number): Promise<Curve[]> {
  const { tensors, ...architecture } = network;
  const checkpoint = { path: network.name, format: "safetensors" as const, sha256: "", tensors, normalisation: null };
  const file = { path: network.name, format: checkpoint.format, bytes: 0, modified: 0, shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])), normalisation: null, key: null, notes: [], load: () => Promise.resolve(checkpoint) };
  const job: SweepJob = { checkpoints: [{ path: network.name, network: network.name, dataset: dataset.name, init: null, epoch: null, architecture, file }], dataset, config: { ...config, filters: ["h_c"], epsilons: [epsilon], layers: null } };
  const plan = planSweep(job);
  const finished = new FinishedUnits(job, plan);
  const curves: Curve[] = [];
  for await (const evaluated of evaluateUnits(gpu, job, plan)) curves.push(...curvesOf(finished.add(evaluated)?.rows ?? []));
  return curves;
}
