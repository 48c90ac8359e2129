/** How far trainings are. */
import type { TrainedStep } from "../../train/training.js";
import { Bar } from "../bar.js";
import { clock, grouped } from "../terminal.js";

export interface ProgressOptions {
  stream: NodeJS.WriteStream;
  inits: number[];
  epochs: number;
  /** Images of all initialisations, and those of them that were learned from before. */
  images: number;
  done: number;
  now?: () => number;
}

/** Steps over which loss and accuracy are told. */
const RECENT = 50;

export class TrainingProgress {
  readonly #bar: Bar;
  readonly #now: () => number;
  readonly #start: number;
  #learned = 0;
  #init: number;
  #epoch = 1;
  #recent: TrainedStep[] = [];
  #testing = false;

  constructor(private readonly options: ProgressOptions) {
    this.#now = options.now ?? (() => performance.now());
    this.#start = this.#now();
    this.#init = options.inits[0];
    this.#bar = new Bar(options.stream, () => ({ text: this.text(), fraction: (options.done + this.#learned) / Math.max(1, options.images) }), this.#now);
  }

  /** Another initialisation begins, or the same one goes back to what it had saved. @param images learned from that are learned from again */
  begin(init: number, images = 0): void {
    this.#init = init;
    this.#recent = [];
    this.#learned -= images;
  }

  step(step: TrainedStep): void {
    this.#testing = false;
    this.#epoch = step.epoch;
    this.#learned += step.images;
    this.#recent = [...this.#recent, step].slice(-RECENT);
    this.#bar.redraw();
  }

  /** An epoch is over and its network is tested. */
  testing(): void {
    this.#testing = true;
    this.#bar.redraw(true);
  }

  /** A message that leaves the bar whole. */
  note(text: string): void {
    this.#bar.note(text);
  }

  end(): void {
    this.#bar.end();
  }

  /** `init 2, epoch 4/100, loss 0.0312, 98.9 % right, 5,120 images/s, 1:02 left` */
  text(): string {
    const { inits, epochs, images, done } = this.options;
    const seconds = (this.#now() - this.#start) / 1000;
    const rate = seconds > 0 ? this.#learned / seconds : 0;
    const sum = (value: (step: TrainedStep) => number): number => this.#recent.reduce((total, step) => total + value(step), 0);
    const of = sum((step) => step.images);
    return [
      ...(inits.length > 1 ? [`init ${this.#init}`] : []),
      `epoch ${this.#epoch}/${epochs}`,
      ...(of > 0 ? [`loss ${(sum((step) => step.loss * step.images) / of).toFixed(4)}`, `${((100 * sum((step) => step.correct)) / of).toFixed(1)} % right`] : []),
      ...(this.#testing ? ["testing"] : []),
      `${grouped(rate)} images/s`,
      rate > 0 ? `${clock((images - done - this.#learned) / rate)} left` : "time left unknown",
    ].join(", ");
  }
}
