/** A sweep, or the smallest one there is, measured layer by layer. */
import type { Gpu } from "../gpu/device.js";
import type { Dataset } from "../io/types.js";
import type { Network } from "../model/architecture.js";
import { DEFAULT_CONFIG, type SweepConfig } from "../sweep/config.js";
import { Evaluator } from "../sweep/evaluate.js";
import { layersOf, layerVariants } from "../sweep/sweep.js";
import { chunksOf, type Unit } from "../sweep/units.js";
import type { Case } from "./case.js";
import { randomImages, randomNetwork } from "./networks.js";
import type { Measured, WorkOptions } from "./works.js";

/** A unit is the smallest sweep there is: the first layer at one threshold, so that nothing is shared with another. */
function configOf({ sweep }: Case, [first]: Network["layers"]): SweepConfig {
  if (!sweep) return { ...DEFAULT_CONFIG, layers: [first.name], filters: ["h_a"], alphas: [0] };
  const { filters, thresholds, epsilons, layers } = sweep;
  return { ...DEFAULT_CONFIG, filters, thresholds, epsilons, layers };
}

/** A sweep as `run` does it, one layer after the other. A single network stays open, so that only the warm-up compiles. */
export class SweepWork implements Measured {
  readonly slices: number;
  readonly #config: SweepConfig;
  readonly #images: Dataset;
  /** Units of one layer of one network each. */
  readonly #layers: Unit[][];
  /** All networks have the same weights, so that making them takes no time; each is opened for itself. */
  readonly #network: Network;
  #open: { checkpoint: number; evaluator: Evaluator };

  constructor(private readonly gpu: Gpu, of: Case, private readonly options: WorkOptions) {
    this.#network = randomNetwork(of, 0);
    this.#config = configOf(of, this.#network.layers);
    this.#images = randomImages(of.input, of.classes, of.batch);
    this.#open = this.#openNetwork(0);
    const chunks = chunksOf(of.batch, this.#config);
    const layers = layersOf(this.#network, this.#config);
    this.#layers = Array.from({ length: of.sweep?.networks ?? 1 }, (_, checkpoint) => layers.map((layer) => chunks.map((chunk): Unit => ({ checkpoint, ...layer, ...chunk, cost: 0 })))).flat();
    this.slices = this.#layers.length;
  }

  /**
   * Every layer of the first network with a single threshold, which compiles everything. A single layer is taken whole: the
   * plans of a layer stay prepared while it is the same, and must not begin with a smaller one.
   */
  async warm(): Promise<void> {
    const layers = this.#layers.filter(([{ checkpoint }]) => checkpoint === 0);
    for (const units of layers) {
      if (layers.length === 1) await this.#evaluate(units, this.#config);
      else await this.#evaluate(units.slice(0, 1), { ...this.#config, filters: ["h_a"], thresholds: 1 });
    }
  }

  run(slice: number): Promise<number> {
    return this.#evaluate(this.#layers[slice], this.#config);
  }

  async #evaluate(units: Unit[], config: SweepConfig): Promise<number> {
    const { checkpoint } = units[0];
    if (this.#open.checkpoint !== checkpoint) {
      this.#open.evaluator.close();
      this.#open = this.#openNetwork(checkpoint);
    }
    const { evaluator } = this.#open;
    const variants = layerVariants(this.#network, config, units[0]);
    for (const unit of units) await evaluator.evaluate(unit, variants);
    return variants.variants.length * units.reduce((sum, unit) => sum + unit.images, 0);
  }

  #openNetwork(checkpoint: number): { checkpoint: number; evaluator: Evaluator } {
    return { checkpoint, evaluator: new Evaluator(this.gpu, this.#network, this.#images, this.#config, this.options) };
  }
}
