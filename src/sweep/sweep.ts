/** A sweep: what is to be evaluated, unit by unit, and the rows that come of it. */
import picomatch from "picomatch";
import { InputError, UsageError } from "../errors.js";
import type { Gpu } from "../gpu/device.js";
import type { Checkpoint, Dataset } from "../io/types.js";
import { describeCheckpoint, type Network } from "../model/resnet.js";
import { FILTERS, type Row } from "../results/row.js";
import { nearest } from "../suggest.js";
import type { SweepConfig } from "./config.js";
import { Evaluator, type EvaluatorOptions } from "./evaluate.js";
import { type LayerVariants, variantsOf } from "./filters.js";
import { Recovery, type Fault } from "./recovery.js";
import { CHUNK_IMAGES, type Unit, type UnitScores } from "./units.js";

export interface SweepCheckpoint {
  path: string;
  network: string;
  dataset: string;
  init: number | null;
  epoch: number | null;
  checkpoint: Checkpoint;
}

export interface SweepJob {
  checkpoints: SweepCheckpoint[];
  dataset: Dataset;
  config: SweepConfig;
}

export interface SweepPlan {
  units: Unit[];
  /** [checkpoint][layer] */
  variants: LayerVariants[][];
  /** Filtered networks, over all checkpoints. */
  networks: number;
  /** Images used: in batch norm `batch` only whole batches count. */
  images: number;
  described: Network[];
}

/**
 * Checks that checkpoints, data and options fit together, and lists the work.
 * @throws InputError when a checkpoint and the data do not fit, UsageError for an unknown layer or a bad combination
 */
export function planSweep(job: SweepJob): SweepPlan {
  const { dataset, config } = job;
  const batch = config.batchNorm === "batch" ? config.batchSize : 1;
  const images = Math.floor(dataset.images / batch) * batch;
  if (images === 0) throw new UsageError(`batch norm "batch" needs at least one whole batch of ${batch} images, there are ${dataset.images}; lower --batch-size or raise --limit`);
  if (!dataset.normalisation && (config.epsilonSpace === "pixel" || config.clamp)) {
    throw new UsageError("these images come normalised already, so their pixel range is unknown: use --epsilon-space input without --clamp");
  }
  const described = job.checkpoints.map(({ checkpoint }) => describeCheckpoint(checkpoint));
  described.forEach((network, i) => checkFit(network, job.checkpoints[i].path, dataset));
  const variants = described.map((network) => layersOf(network, config));
  const units: Unit[] = [];
  const chunk = Math.max(1, Math.floor(CHUNK_IMAGES / batch)) * batch;
  variants.forEach((layers, checkpoint) => {
    layers.forEach((_, layer) => {
      for (let firstImage = 0; firstImage < images; firstImage += chunk) {
        units.push({ id: units.length, checkpoint, layer, firstImage, images: Math.min(chunk, images - firstImage) });
      }
    });
  });
  const networks = variants.flat().reduce((sum, layer) => sum + layer.variants.length, 0);
  return { units, variants, networks, images, described };
}

function checkFit(network: Network, path: string, dataset: Dataset): void {
  if (network.channels !== dataset.channels) throw new InputError(path, `takes images of ${network.channels} channels, the ${dataset.name} images have ${dataset.channels}; name the data this checkpoint was trained on`);
  const largest = dataset.labels.reduce((a, b) => Math.max(a, b), 0);
  if (largest >= network.classes) throw new InputError(dataset.files[0] ?? dataset.name, `label ${largest} is out of range: ${path} has ${network.classes} classes`);
}

function layersOf(network: Network, config: SweepConfig): LayerVariants[] {
  const { filters, thresholds, alphas, delta } = config;
  const weights = (name: string) => ({ name, data: network.tensors.get(`${name}.weight`)!.data });
  if (config.scope === "global") {
    return [variantsOf("*", -1, network.layers.map(({ name }) => weights(name)), { filters, thresholds, alphas, delta, range: config.range })];
  }
  const names = network.layers.map(({ name }) => name);
  return selectLayers(names, config.layers).map((name) => variantsOf(name, names.indexOf(name), [weights(name)], { filters, thresholds, alphas, delta, range: null }));
}

/** @throws UsageError for a pattern that matches no layer, suggesting the nearest name */
export function selectLayers(names: string[], patterns: string[] | null): string[] {
  if (!patterns) return names;
  const chosen = new Set<string>();
  for (const pattern of patterns) {
    const isMatch = picomatch(pattern);
    const matches = names.filter((name) => isMatch(name));
    if (matches.length === 0) {
      const near = nearest(pattern, names);
      throw new UsageError(`unknown layer "${pattern}"${near ? `; did you mean "${near}"?` : ""} (wgpu-inferlink inspect FILE lists them)`);
    }
    for (const name of matches) chosen.add(name);
  }
  return names.filter((name) => chosen.has(name));
}

export interface EvaluateOptions extends EvaluatorOptions {
  /** Units to evaluate, in the plan's order; all by default. */
  units?: Unit[];
  signal?: AbortSignal;
  /** Filtered network x image pairs since the last call; negative when they have to be done again. */
  onProgress?: (progress: { unit: Unit; networkImages: number }) => void;
  /** The device failed and the unit is done again. */
  onFault?: (fault: Fault) => void | Promise<void>;
}

/**
 * Evaluates units one after the other. When the signal aborts, what is in flight is finished and the generator ends; a
 * unit that was not complete then is not yielded. A device that is lost or out of memory is tried again, see recovery.ts.
 * @throws TryAgainError, OutOfMemoryError when that is no help
 */
export async function* evaluateUnits(gpu: Gpu, job: SweepJob, plan: SweepPlan, options: EvaluateOptions = {}): AsyncGenerator<UnitScores> {
  const recovery = new Recovery(gpu, options.onFault);
  let evaluator: Evaluator | null = null;
  let current = -1;
  const open = (checkpoint: number, cut: EvaluatorOptions): Evaluator => {
    evaluator?.close();
    current = checkpoint;
    return (evaluator = new Evaluator(gpu, plan.described[checkpoint], job.dataset, job.config, cut));
  };
  /** @returns null when the signal stopped it */
  const attempt = async (unit: Unit): Promise<UnitScores | null> => {
    for (;;) {
      if (options.signal?.aborted) return null;
      let done = 0;
      const onProgress = (networkImages: number): void => {
        done += networkImages;
        options.onProgress?.({ unit, networkImages });
      };
      const used = evaluator !== null && unit.checkpoint === current ? evaluator : open(unit.checkpoint, evaluator?.cut ?? options);
      try {
        return await used.evaluate(unit, plan.variants[unit.checkpoint][unit.layer], options.signal, onProgress);
      } catch (error) {
        onProgress(-done);
        if ((await recovery.after(error, used)) === "new device") open(unit.checkpoint, used.cut);
      }
    }
  };
  try {
    for (const unit of options.units ?? plan.units) {
      const scores = await attempt(unit);
      if (!scores) return;
      yield scores;
    }
  } finally {
    (evaluator as Evaluator | null)?.close();
  }
}

/**
 * Rows of one layer from the scores of all its units, in any order; chunks are added up in image order.
 * @returns rows sorted by filter, threshold, epsilon
 */
export function assembleRows(job: SweepJob, plan: SweepPlan, checkpoint: number, layer: number, scores: UnitScores[]): Row[] {
  const source = job.checkpoints[checkpoint];
  const { layer: name, layerIndex, variants } = plan.variants[checkpoint][layer];
  const ordered = scores.toSorted((a, b) => a.unit - b.unit);
  const total = (part: (scores: UnitScores) => number): number => ordered.reduce((sum, unit) => sum + part(unit), 0);
  const rows: Row[] = [];
  variants.forEach((variant, v) => {
    const correctClean = total((unit) => unit.correctClean[v]);
    const lossClean = total((unit) => unit.lossClean[v]) / plan.images;
    job.config.epsilons.forEach((epsilon, e) => {
      const correctAdv = total((unit) => unit.correctAdv[e][v]);
      rows.push({
        network: source.network, dataset: source.dataset, checkpoint: source.path, init: source.init, epoch: source.epoch,
        scope: job.config.scope, layer: name, layer_index: layerIndex,
        filter: variant.filter, threshold_index: variant.thresholdIndex, alpha: variant.alpha, delta: variant.delta,
        weights: variant.weights, removed: variant.removed, zeros: variant.zeros, density: 1 - variant.removed / variant.weights,
        epsilon, images: plan.images,
        correct_clean: correctClean, correct_adv: correctAdv,
        accuracy_clean: correctClean / plan.images, accuracy_adv: correctAdv / plan.images,
        loss_clean: lossClean, loss_adv: total((unit) => unit.lossAdv[e][v]) / plan.images,
      });
    });
  });
  return rows.sort((a, b) => FILTERS.indexOf(a.filter) - FILTERS.indexOf(b.filter) || a.threshold_index - b.threshold_index || a.epsilon - b.epsilon);
}
