/** A sweep as an async iterable of rows, for scripts. Prints nothing and writes no files. */
import type { Gpu } from "../gpu/device.js";
import { typedError } from "../results/folder/durable.js";
import type { Row } from "../sweep/row.js";
import { openDevice } from "../run/open.js";
import { completeConfig, variantCount } from "../sweep/config.js";
import { FinishedUnits } from "../sweep/finished.js";
import { openInputs } from "../inputs/inputs.js";
import { isBoundByStores } from "../plan/intensity.js";
import { evaluateUnits, planSweep, type SweepJob, type SweepPlan } from "../sweep/sweep.js";
import { tilesFor } from "../sweep/tiles.js";
import type { Unit } from "../sweep/units.js";
import { inputsOf, type SweepOptions, type SweepProgress } from "./options.js";

/** Sums up what is evaluated. */
function reporter(job: SweepJob, plan: SweepPlan, onProgress: (progress: SweepProgress) => void): (step: { unit: Unit; networkImages: number }) => void {
  const total = plan.units.reduce((sum, unit) => sum + unit.images, 0) * variantCount(job.config);
  let done = 0;
  return ({ unit, networkImages }) => {
    done += networkImages;
    onProgress({ done: Math.round(done), total, checkpoint: job.checkpoints[unit.checkpoint].path, layer: unit.layer });
  };
}

/**
 * Evaluates every threshold, filter and layer, and yields one row per filtered network and epsilon, as `wgpu-inferlink
 * run` writes them: sorted by checkpoint and layer, then filter, threshold, epsilon. The rows of a layer come as soon as
 * the layer is finished. Files are read and the adapter is opened when the first row is asked for; the adapter is
 * closed after the last, after `break`, and after an error.
 *
 * @throws (from the iterator) OptionError or UsageError for wrong options, InputError for a wrong file, FileSystemError for
 *   one that may not be read, AdapterError where there is no usable adapter; all are InferlinkErrors. The signal's own
 *   reason when it aborts.
 */
export async function* sweep(options: SweepOptions = {}): AsyncGenerator<Row, void, undefined> {
  const { adapter, kernels, signal, onProgress } = options;
  let gpu: Gpu | null = null;
  try {
    const inputs = inputsOf(options);
    const config = completeConfig(options);
    signal?.throwIfAborted();
    const job: SweepJob = await openInputs(inputs, config);
    const plan = planSweep(job);
    signal?.throwIfAborted();
    const networks = job.checkpoints.map(({ architecture }) => architecture);
    gpu = await openDevice({ adapter, kernels, boundByStores: isBoundByStores(networks, job.dataset) });
    // What `run` or `bench` measured on this adapter before; measuring would write a file.
    const tiles = await tilesFor(gpu, networks, job.dataset, job.config.batchNorm, "cached");
    const finished = new FinishedUnits(job, plan);
    for await (const evaluated of evaluateUnits(gpu, job, plan, { tiles, signal, onProgress: onProgress && reporter(job, plan, onProgress) })) {
      const layer = finished.add(evaluated);
      if (layer) yield* layer.rows;
    }
    if (finished.missing.length > 0) signal?.throwIfAborted();
  } catch (error) {
    throw typedError(error);
  } finally {
    gpu?.close();
  }
}
