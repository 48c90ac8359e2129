/** Which units are finished, and each layer's rows as soon as its last unit is. */
import type { Row } from "../results/row.js";
import { assembleRows, type SweepJob, type SweepPlan } from "./sweep.js";
import type { Unit, UnitScores } from "./units.js";

/** All rows of one layer of one checkpoint. */
export interface FinishedLayer {
  /** Place in the sorted result. */
  order: number;
  rows: Row[];
}

interface Group {
  order: number;
  units: number;
  scores: UnitScores[];
}

const key = (unit: Unit): string => `${unit.checkpoint}/${unit.layer}`;

export class FinishedUnits {
  readonly #groups = new Map<string, Group>();
  readonly #finished = new Set<number>();

  constructor(
    private readonly job: SweepJob,
    private readonly plan: SweepPlan,
  ) {
    for (const unit of plan.units) {
      const group = this.#groups.get(key(unit));
      if (group) group.units += 1;
      else this.#groups.set(key(unit), { order: this.#groups.size, units: 1, scores: [] });
    }
  }

  /** Takes a unit's scores, in any order. @returns the layer that they completed, or null */
  add(scores: UnitScores): FinishedLayer | null {
    const unit = this.plan.units[scores.unit];
    const group = this.#groups.get(key(unit))!;
    group.scores.push(scores);
    this.#finished.add(unit.id);
    if (group.scores.length < group.units) return null;
    const rows = assembleRows(this.job, this.plan, unit.checkpoint, unit.layer, group.scores);
    group.scores = [];
    return { order: group.order, rows };
  }

  /** Units still to be evaluated. */
  get missing(): Unit[] {
    return this.plan.units.filter((unit) => !this.#finished.has(unit.id));
  }
}
