/** How far a run is. */
import type { Unit } from "../../sweep/units.js";
import { Bar } from "../bar.js";
import { clock, grouped } from "../terminal.js";

export interface ProgressOptions {
  stream: NodeJS.WriteStream;
  /** What the folder is to hold, and what of it is to be evaluated now. */
  units: Unit[];
  left: Unit[];
  /** Filtered networks per unit. */
  variants: number;
  now?: () => number;
}

export class Progress {
  readonly #bar: Bar;
  readonly #now: () => number;
  readonly #start: number;
  /** Checkpoints in order. */
  readonly #checkpoints: number[];
  /** Multiply-adds to do now, and done of them. */
  readonly #work: number;
  #cost = 0;
  #done: number;
  #checkpoint: number;
  #networkImages = 0;

  constructor(private readonly options: ProgressOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    this.#checkpoints = [...new Set(options.units.map((unit) => unit.checkpoint))];
    this.#work = options.left.reduce((sum, unit) => sum + unit.cost, 0);
    this.#done = options.units.length - options.left.length;
    this.#checkpoint = options.left[0]?.checkpoint;
    this.#bar = new Bar(options.stream, () => ({ text: this.text(), fraction: this.#done / Math.max(1, options.units.length) }), this.#now);
  }

  /** Filtered networks x images evaluated since the last call. */
  advance({ unit, networkImages }: { unit: Unit; networkImages: number }): void {
    this.#networkImages += networkImages;
    this.#cost += (unit.cost * networkImages) / (unit.images * this.options.variants);
    this.#checkpoint = unit.checkpoint;
    this.#bar.redraw();
  }

  /** One more unit is written down. */
  unitDone(): void {
    this.#done += 1;
    this.#bar.redraw();
  }

  note(text: string): void {
    this.#bar.note(text);
  }

  end(): void {
    this.#bar.end();
  }

  /** `checkpoint 3/30, 12/42 units, 1,234 networks×images/s, 1:02 left` */
  text(): string {
    const seconds = (this.#now() - this.#start) / 1000;
    const rate = seconds > 0 ? this.#networkImages / seconds : 0;
    const left = this.#cost > 0 ? `${clock((seconds * (this.#work - this.#cost)) / this.#cost)} left` : "time left unknown";
    const several = this.#checkpoints.length > 1 ? `checkpoint ${this.#checkpoints.indexOf(this.#checkpoint) + 1}/${this.#checkpoints.length}, ` : "";
    return `${several}${this.#done}/${this.options.units.length} units, ${grouped(rate)} networks×images/s, ${left}`;
  }
}
