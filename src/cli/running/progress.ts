/** How far a run is: one bar on a terminal, a line every 30 s elsewhere (batch logs), nothing when quiet. */
import type { Unit } from "../../sweep/units.js";
import { clock, grouped, isDrawable } from "../terminal.js";

const REDRAW_MS = 100;
const LINE_MS = 30_000;
const BAR = 24;

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
  readonly #timer: NodeJS.Timeout | null;
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
  #drawn = 0;

  constructor(private readonly options: ProgressOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    this.#checkpoints = [...new Set(options.units.map((unit) => unit.checkpoint))];
    this.#work = options.left.reduce((sum, unit) => sum + unit.cost, 0);
    this.#done = options.units.length - options.left.length;
    this.#checkpoint = options.left[0]?.checkpoint;
    this.#timer = isDrawable(options.stream) ? null : setInterval(() => this.#line(), LINE_MS).unref();
    this.#redraw(true);
  }

  /** Filtered networks x images evaluated since the last call. */
  advance({ unit, networkImages }: { unit: Unit; networkImages: number }): void {
    this.#networkImages += networkImages;
    this.#cost += (unit.cost * networkImages) / (unit.images * this.options.variants);
    this.#checkpoint = unit.checkpoint;
    this.#redraw(false);
  }

  /** One more unit is written down. */
  unitDone(): void {
    this.#done += 1;
    this.#redraw(false);
  }

  /** A message that leaves the bar whole. */
  note(text: string): void {
    this.options.stream.write(`${isDrawable(this.options.stream) ? "\r\u001b[K" : ""}${text}\n`);
    this.#redraw(true);
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer);
    if (isDrawable(this.options.stream)) this.options.stream.write("\r\u001b[K");
  }

  /** `checkpoint 3/30, 12/42 units, 1,234 networks×images/s, 1:02 left` */
  text(): string {
    const seconds = (this.#now() - this.#start) / 1000;
    const rate = seconds > 0 ? this.#networkImages / seconds : 0;
    const left = this.#cost > 0 ? `${clock((seconds * (this.#work - this.#cost)) / this.#cost)} left` : "time left unknown";
    const several = this.#checkpoints.length > 1 ? `checkpoint ${this.#checkpoints.indexOf(this.#checkpoint) + 1}/${this.#checkpoints.length}, ` : "";
    return `${several}${this.#done}/${this.options.units.length} units, ${grouped(rate)} networks×images/s, ${left}`;
  }

  #line(): void {
    this.options.stream.write(`${this.text()}\n`);
  }

  #redraw(always: boolean): void {
    const now = this.#now();
    if (!isDrawable(this.options.stream) || (!always && now - this.#drawn < REDRAW_MS)) return;
    this.#drawn = now;
    const full = Math.round((BAR * this.#done) / Math.max(1, this.options.units.length));
    const line = `${"█".repeat(full)}${"░".repeat(BAR - full)} ${this.text()}`;
    this.options.stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (this.options.stream.columns ?? 80) - 1))}`);
  }
}
