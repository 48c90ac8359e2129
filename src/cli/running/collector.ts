/** Takes finished units: writes each down at once, and each layer's rows as soon as its last unit is there. */
import type { ResultWriter } from "../../results/arrow/arrow.js";
import type { Journal } from "../../results/folder/journal.js";
import type { Row } from "../../sweep/row.js";
import type { FinishedUnits } from "../../sweep/finished.js";
import type { Evaluated } from "../../sweep/sweep.js";
import { unitKey, type Unit } from "../../sweep/units.js";

/** Where rows go as layers get whole. A shard has none: its layers get whole when the shards are merged. */
export interface LayerSink {
  units: FinishedUnits;
  writer: ResultWriter;
}

/** Records read at once. */
const AT_ONCE = 64;

export class Collector {
  readonly #finished = new Set<Unit>();

  constructor(
    /** What this folder is to hold in the end. */
    readonly units: Unit[],
    private readonly journal: Journal,
    private readonly layers: LayerSink | null,
    /** Throws where the folder isn't this process's any more. */
    private readonly verify: () => Promise<void>,
  ) {}

  /**
   * Takes over what an earlier process wrote down.
   * @param hashes SHA-256 of each checkpoint, null where it was never read
   */
  async restore(hashes: (string | null)[]): Promise<void> {
    const { contents } = this.journal.finished;
    const key = (unit: Unit): string => unitKey(hashes[unit.checkpoint] ?? "", unit.layer, unit.firstImage);
    const found = this.missing.filter((unit) => contents.units.has(key(unit)));
    for (const unit of found) this.#finished.add(unit);
    for (let at = 0; this.layers && at < found.length; at += AT_ONCE) {
      const units = found.slice(at, at + AT_ONCE);
      const scores = await this.journal.finished.read(units.map(key));
      for (const [i, unit] of units.entries()) await this.#add({ unit, scores: scores[i] }, false);
    }
  }

  /** Takes over one layer's rows from a result of fewer checkpoints. */
  async carryOver(checkpoint: number, rows: Row[]): Promise<void> {
    const { layer } = rows[0];
    for (const unit of this.units) if (unit.checkpoint === checkpoint && unit.layer === layer) this.#finished.add(unit);
    if (this.layers) await this.layers.writer.write(this.layers.units.orderOf({ checkpoint, layer }), rows, false);
  }

  /** A unit evaluated now. */
  async add(evaluated: Evaluated): Promise<void> {
    await this.verify();
    await this.journal.append(evaluated.scores, evaluated.unit.cost);
    this.#finished.add(evaluated.unit);
    await this.#add(evaluated, true);
  }

  /** Units still to be evaluated. */
  get missing(): Unit[] {
    return this.units.filter((unit) => !this.#finished.has(unit));
  }

  async #add(evaluated: Evaluated, durable: boolean): Promise<void> {
    const layer = this.layers?.units.add(evaluated);
    if (layer) await this.layers!.writer.write(layer.order, layer.rows, durable);
  }
}
