/** Takes finished units: writes each down at once, and each layer's rows as soon as its last unit is there. */
import type { ResultWriter } from "../results/arrow.js";
import type { Journal } from "../results/journal.js";
import type { Row } from "../results/row.js";
import { FinishedUnits } from "../sweep/finished.js";
import type { Evaluated, SweepJob, SweepPlan } from "../sweep/sweep.js";
import { unitKey, type Unit } from "../sweep/units.js";

export class Collector {
  readonly #units: FinishedUnits;

  constructor(
    job: SweepJob,
    plan: SweepPlan,
    private readonly journal: Journal,
    private readonly writer: ResultWriter,
  ) {
    this.#units = new FinishedUnits(job, plan);
  }

  /**
   * Takes over what an earlier process wrote down.
   * @param hashes SHA-256 of each checkpoint, null where it was never read
   */
  async restore(hashes: (string | null)[]): Promise<void> {
    const { contents } = this.journal.finished;
    for (const unit of this.missing) {
      const key = unitKey(hashes[unit.checkpoint] ?? "", unit.layer, unit.firstImage);
      if (contents.units.has(key)) await this.#collect({ unit, scores: await this.journal.finished.read(key) }, false);
    }
  }

  /** Takes over one layer's rows from a result of fewer checkpoints. */
  async carryOver(checkpoint: number, rows: Row[]): Promise<void> {
    await this.writer.write(this.#units.skip({ checkpoint, layer: rows[0].layer }), rows, false);
  }

  /** A unit evaluated now. */
  async add(evaluated: Evaluated): Promise<void> {
    await this.journal.append(evaluated.scores);
    await this.#collect(evaluated);
  }

  /** Units still to be evaluated. */
  get missing(): Unit[] {
    return this.#units.missing;
  }

  async #collect(evaluated: Evaluated, durable = true): Promise<void> {
    const layer = this.#units.add(evaluated);
    if (layer) await this.writer.write(layer.order, layer.rows, durable);
  }
}
