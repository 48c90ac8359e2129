/** Which weights of one network are updated now: marks, those renewed on the way, and what is counted of them. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { completeCurves } from "../../analysis/completeness.js";
import type { Curve } from "../../analysis/curves.js";
import { MARKS, networkMarks, type Marks } from "../../analysis/marks.js";
import { chosenWeights, needsMarks, type Update } from "../../analysis/update.js";
import { InputError } from "../../errors.js";
import { encodeMarks, readMarks, thresholdsOf, type MarksSource } from "../../export/marks.js";
import type { Network } from "../../model/architecture.js";
import { parametersOf } from "../../model/graph.js";
import { layerOf } from "../../ops/common/step.js";
import { replaceFile } from "../../results/folder/durable.js";
import type { RetrainingRow } from "../../results/retraining/rows.js";
import type { TrainingTree } from "../../results/training/folder.js";
import { updatedNumbers, type Also } from "../../train/selective.js";

/** Of what marks are, but for the curves and weights they are made of. */
export type MarksOf = Omit<MarksSource, "thresholds">;

interface SelectionOptions {
  update: Update;
  also: Also[];
  /** Of weights chosen by chance. */
  seed: number;
  source: MarksOf;
  /** Where the curves come from, for messages. */
  file: string;
}

export type Counts = Pick<RetrainingRow, "weights" | "updated" | "updated_fragile" | "updated_robust" | "updated_antifragile" | "updated_uncovered">;

/** Raw weights by layer. */
const layersOf = ({ layers, tensors }: Network): Map<string, Float32Array> => new Map(layers.map(({ name }) => [name, tensors.get(`${name}.weight`)!.data]));

export class Selection {
  #marks: Marks = new Map();

  private constructor(private readonly network: Network, private readonly options: SelectionOptions, private readonly folder: string, private readonly tree: TrainingTree) {}

  /**
   * Marks as they were in the epoch that comes next, or the run's.
   * @param curves of the checkpoint at the strength that the marks go by, in the run
   * @param done epochs
   * @throws InputError where the run's curves give no marks and some are needed
   */
  static async open(network: Network, curves: Curve[], options: SelectionOptions, folder: string, tree: TrainingTree, done: number): Promise<Selection> {
    const selection = new Selection(network, options, folder, tree);
    let last = done;
    while (last > 0 && !selection.has(last)) last -= 1;
    if (done > 0 && selection.has(last)) selection.#marks = readMarks(join(folder, tree.marks(last)));
    else await selection.renew(network, curves, 0);
    return selection;
  }

  /** Whether marks were renewed behind so many epochs. */
  has(epoch: number): boolean {
    return existsSync(join(this.folder, this.tree.marks(epoch)));
  }

  /** Marks by other curves, those of the network as it is behind so many epochs; written down. */
  async renew(network: Network, curves: Curve[], epoch: number): Promise<void> {
    const { options, folder, tree } = this;
    const { marks, missing } = networkMarks(curves, layersOf(network), options.source);
    const [first] = missing;
    if (first && needsMarks(options.update)) throw new InputError(options.file, `gives no marks for ${missing.size} of ${network.layers.length} layers (${first[0]}: ${first[1]}); sweep all layers with the filter h_c, or choose another --update`);
    this.#marks = marks;
    const shapes = new Map(network.layers.map(({ name }) => [name, network.tensors.get(`${name}.weight`)!.shape]));
    if (marks.size > 0) await replaceFile(join(folder, tree.marks(epoch)), encodeMarks(marks, shapes, { ...options.source, thresholds: thresholdsOf(curves) }));
  }

  /** Of every layer; where there are no marks, and none are needed, all its weights count as uncovered. */
  #allMarks(): Marks {
    return new Map(parametersOf(this.network.graph).filter(({ filterable }) => filterable).map(({ tensor, shape }) => {
      const layer = layerOf(tensor);
      return [layer, this.#marks.get(layer) ?? new Uint8Array(shape.reduce((product, size) => product * size, 1))];
    }));
  }

  /** What the trainer updates, by tensor. */
  numbers(): Map<string, Uint8Array> {
    const { network, options: { update, seed, also } } = this;
    return updatedNumbers(network.graph, chosenWeights(this.#allMarks(), update, seed), also);
  }

  counts(): Counts {
    const { update, seed } = this.options;
    const marks = this.#allMarks();
    const by = MARKS.map(() => 0);
    let weights = 0;
    for (const [layer, chosen] of chosenWeights(marks, update, seed)) {
      const codes = marks.get(layer)!;
      weights += codes.length;
      chosen.forEach((isChosen, i) => (by[codes[i]] += isChosen));
    }
    const [uncovered, fragile, robust, antifragile] = by;
    return { weights, updated: by.reduce((a, b) => a + b, 0), updated_fragile: fragile, updated_robust: robust, updated_antifragile: antifragile, updated_uncovered: uncovered };
  }
}

/** Curves with all their thresholds, of one checkpoint at one strength. */
export const curvesAt = (curves: Curve[], checkpoint: string, epsilon: number): Curve[] => completeCurves(curves.filter((curve) => curve.checkpoint === checkpoint && curve.epsilon === epsilon), null).complete;

