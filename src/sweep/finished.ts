/** Which units are finished, and each layer's rows as soon as its last unit is. */
import type { Row } from "./row.js";
import { assembleRows } from "./rows.js";
import type { Evaluated, SweepJob, SweepPlan } from "./sweep.js";
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

const key = ({ checkpoint, layer }: Pick<Unit, "checkpoint" | "layer">): string => `${checkpoint}/${layer}`;

export class FinishedUnits {
  readonly #groups = new Map<string, Group>();
  readonly #finished = new Set<Unit>();

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
  add({ unit, scores }: Evaluated): FinishedLayer | null {
    const group = this.#groups.get(key(unit))!;
    group.scores.push(scores);
    this.#finished.add(unit);
    if (group.scores.length < group.units) return null;
    const { path, network, dataset, init, epoch } = this.job.checkpoints[unit.checkpoint];
    const rows = assembleRows({ checkpoint: path, network, dataset, init, epoch }, this.job.config, this.plan.images, group.scores);
    group.scores = [];
    return { order: group.order, rows };
  }

  /** A layer's place in the sorted result. */
  orderOf(layer: Pick<Unit, "checkpoint" | "layer">): number {
    return this.#groups.get(key(layer))!.order;
  }

  /** Units still to be evaluated. */
  get missing(): Unit[] {
    return this.plan.units.filter((unit) => !this.#finished.has(unit));
  }
}
