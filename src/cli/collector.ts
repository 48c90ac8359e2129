/** Takes finished units: writes each down at once, and each layer's rows as soon as its last unit is there. */
import type { ResultWriter } from "../results/arrow.js";
import type { Journal } from "../results/journal.js";
import { FinishedUnits } from "../sweep/finished.js";
import type { SweepJob, SweepPlan } from "../sweep/sweep.js";
import type { Unit, UnitScores } from "../sweep/units.js";

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

  /** Takes over what an earlier process wrote down. */
  async restore(): Promise<void> {
    for (const scores of this.journal.finished) await this.#collect(scores);
  }

  /** A unit evaluated now. */
  async add(scores: UnitScores): Promise<void> {
    await this.journal.append(scores);
    await this.#collect(scores);
  }

  /** Units still to be evaluated. */
  get missing(): Unit[] {
    return this.#units.missing;
  }

  async #collect(scores: UnitScores): Promise<void> {
    const layer = this.#units.add(scores);
    if (layer) await this.writer.write(layer.order, layer.rows);
  }
}
