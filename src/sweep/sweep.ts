/** A sweep: what is to be evaluated, unit by unit, and its evaluation. */
import picomatch from "picomatch";
import { InputError, UsageError } from "../errors.js";
import type { Gpu } from "../gpu/device.js";
import type { CheckpointFile, Dataset } from "../io/types.js";
import type { Architecture, Network } from "../model/architecture.js";
import { networkOf } from "../model/checkpoint.js";
import { inferShapes } from "../model/graph.js";
import { nearest } from "../suggest.js";
import { attackPasses } from "./attack.js";
import { variantCount, type SweepConfig } from "./config.js";
import { costOf } from "./cost.js";
import { Evaluator, type EvaluatorOptions } from "./evaluate.js";
import { type LayerVariants, variantsOf } from "./filters.js";
import { Recovery, type Fault } from "./recovery.js";
import { chunksOf, usedImages, type Unit, type UnitScores, type UnitSums } from "./units.js";

export interface SweepCheckpoint {
  path: string;
  network: string;
  dataset: string;
  init: number | null;
  epoch: number | null;
  architecture: Architecture;
  /** Its weights are read when its first unit comes, and let go behind its last. */
  file: CheckpointFile;
}

export interface SweepJob {
  checkpoints: SweepCheckpoint[];
  dataset: Dataset;
  config: SweepConfig;
}

export interface SweepPlan {
  /** By checkpoint, layer, chunk. */
  units: Unit[];
  /** Filtered networks, over all checkpoints. */
  networks: number;
  /** Images used: in batch norm `batch` only whole batches count. */
  images: number;
}

/** What a file of results may have and still be read: a thousand networks of 21 layers as usual. */
const MOST_ROWS = 2_000_000;

/**
 * Checks that checkpoints, data and options fit together, and lists the work. Reads no weights.
 * @throws InputError when a checkpoint and the data do not fit, UsageError for an unknown layer or a bad combination
 */
export function planSweep({ checkpoints, dataset, config }: SweepJob): SweepPlan {
  const images = usedImages(dataset.images, config);
  if (images === 0) throw new UsageError(`batch norm "batch" needs at least one whole batch of ${config.batchSize} images, there are ${dataset.images}; lower --batch-size or raise --limit`);
  if (!dataset.normalisation && (config.epsilonSpace === "pixel" || config.clamp)) {
    throw new UsageError("these images come normalised already, so their pixel range is unknown: use --epsilon-space input without --clamp");
  }
  const chunks = chunksOf(dataset.images, config);
  const variants = variantCount(config);
  const units = checkpoints.flatMap(({ path, architecture }, checkpoint) => {
    checkFit(architecture, path, dataset);
    const { channels, height, width } = dataset;
    const cost = costOf(architecture.graph, { channels, height, width }, attackPasses(config, config.epsilons.length));
    return layersOf(architecture, config).flatMap((layer) => {
      const each = cost(layer.layer) * variants;
      return chunks.map((chunk): Unit => ({ checkpoint, ...layer, ...chunk, cost: each * chunk.images }));
    });
  });
  const rows = (units.length / chunks.length) * variants * config.epsilons.length;
  if (rows > MOST_ROWS) throw new UsageError(`this sweep has ${rows.toLocaleString("en-US")} rows, and results hold ${MOST_ROWS.toLocaleString("en-US")} at most; ask for fewer thresholds, or divide the checkpoints among several runs`);
  return { units, networks: (units.length / chunks.length) * variants, images };
}

function checkFit(network: Architecture, path: string, dataset: Dataset): void {
  const { channels, width, height } = dataset;
  if (network.channels !== dataset.channels) throw new InputError(path, `takes images of ${network.channels} channels, the ${dataset.name} images have ${dataset.channels}; name the data this checkpoint was trained on`);
  try {
    inferShapes(network.graph, { channels, height, width });
  } catch (error) {
    throw new InputError(path, `is a ${[network.name, ...(network.assumed ?? [])].join(", ")}, which can't take the ${dataset.name} images of ${width}x${height} pixels: ${(error as Error).message}`);
  }
  const largest = dataset.labels.reduce((a, b) => Math.max(a, b), 0);
  if (largest >= network.classes) throw new InputError(dataset.files[0] ?? dataset.name, `label ${largest} is out of range: ${path} has ${network.classes} classes`);
}

/** The layers that are filtered one by one, or `*` for all at once. */
export function layersOf(architecture: Architecture, config: SweepConfig): Pick<Unit, "layer" | "layerIndex">[] {
  if (config.scope === "global") {
    return [{ layer: "*", layerIndex: -1 }];
  }
  const names = architecture.layers.map(({ name }) => name);
  return selectLayers(names, config.layers).map((layer) => ({ layer, layerIndex: names.indexOf(layer) }));
}

/** Every filter at every threshold over a layer's weights, or over those of all layers. */
export function layerVariants(network: Network, config: SweepConfig, { layer, layerIndex }: Pick<Unit, "layer" | "layerIndex">): LayerVariants {
  const names = layerIndex < 0 ? network.layers.map(({ name }) => name) : [layer];
  const weights = names.map((name) => ({ name, data: network.tensors.get(`${name}.weight`)!.data }));
  return variantsOf(layer, layerIndex, weights, { ...config, range: config.scope === "global" ? config.range : null });
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
  /** A checkpoint's weights were read; its units follow when this returns. */
  onLoad?: (checkpoint: number, sha256: string) => void | Promise<void>;
}

export interface Evaluated {
  unit: Unit;
  scores: UnitScores;
}

/**
 * Evaluates units one after the other. When the signal aborts, what is in flight is finished and the generator ends; a
 * unit that was not complete then is not yielded. A device that is lost or out of memory is tried again, see recovery.ts.
 * @throws TryAgainError, OutOfMemoryError when that is no help
 */
export async function* evaluateUnits(gpu: Gpu, job: SweepJob, plan: SweepPlan, options: EvaluateOptions = {}): AsyncGenerator<Evaluated> {
  const recovery = new Recovery(gpu, options.onFault);
  let evaluator: Evaluator | null = null;
  const open = (network: Network, cut: EvaluatorOptions): Evaluator => {
    evaluator?.close();
    return (evaluator = new Evaluator(gpu, network, job.dataset, job.config, { ...cut, profiler: options.profiler, tiles: options.tiles }));
  };
  /** @returns null when the signal stopped it */
  const attempt = async (network: Network, unit: Unit, variants: LayerVariants): Promise<UnitSums | null> => {
    for (;;) {
      if (options.signal?.aborted) return null;
      let done = 0;
      const onProgress = (networkImages: number): void => {
        done += networkImages;
        options.onProgress?.({ unit, networkImages });
      };
      const used = evaluator!;
      try {
        return await used.evaluate(unit, variants, options.signal, onProgress);
      } catch (error) {
        onProgress(-done);
        if ((await recovery.after(error, used)) === "new device") open(network, used.cut);
      }
    }
  };
  try {
    const asked = options.units ?? plan.units;
    for (const checkpoint of new Set(asked.map((unit) => unit.checkpoint))) {
      if (options.signal?.aborted) return;
      const { file, architecture } = job.checkpoints[checkpoint];
      const { tensors, path, sha256 } = await file.load();
      await options.onLoad?.(checkpoint, sha256);
      const network = networkOf(architecture, { path, tensors });
      open(network, (evaluator as Evaluator | null)?.cut ?? options);
      let variants: LayerVariants | null = null;
      for (const unit of asked.filter((unit) => unit.checkpoint === checkpoint)) {
        const { layer, layerIndex, firstImage } = unit;
        if (variants?.layer !== layer) variants = layerVariants(network, job.config, unit);
        const sums = await attempt(network, unit, variants);
        if (!sums) return;
        yield { unit, scores: { sha256, layer, layerIndex, firstImage, variants: variants.variants, ...sums } };
      }
    }
  } finally {
    (evaluator as Evaluator | null)?.close();
  }
}
