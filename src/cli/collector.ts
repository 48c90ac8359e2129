/** Takes finished units: writes each down at once, and each layer's rows as soon as its last unit is there. */
import type { ResultWriter } from "../results/arrow.js";
import type { Journal } from "../results/journal.js";
import { assembleRows, type SweepJob, type SweepPlan } from "../sweep/sweep.js";
import type { Unit, UnitScores } from "../sweep/units.js";

interface Group {
  /** Place in the sorted result. */
  order: number;
  units: number;
  scores: UnitScores[];
}

export class Collector {
  readonly #groups = new Map<string, Group>();
  readonly #finished = new Set<number>();

  constructor(
    private readonly job: SweepJob,
    private readonly plan: SweepPlan,
    private readonly journal: Journal,
    private readonly writer: ResultWriter,
  ) {
    for (const unit of plan.units) {
      const group = this.#groups.get(key(unit));
      if (group) group.units += 1;
      else this.#groups.set(key(unit), { order: this.#groups.size, units: 1, scores: [] });
    }
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
    return this.plan.units.filter((unit) => !this.#finished.has(unit.id));
  }

  async #collect(scores: UnitScores): Promise<void> {
    const unit = this.plan.units[scores.unit];
    const group = this.#groups.get(key(unit))!;
    group.scores.push(scores);
    this.#finished.add(unit.id);
    if (group.scores.length < group.units) return;
    await this.writer.write(group.order, assembleRows(this.job, this.plan, unit.checkpoint, unit.layer, group.scores));
    group.scores = [];
  }
}

const key = (unit: Unit): string => `${unit.checkpoint}/${unit.layer}`;
