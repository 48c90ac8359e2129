/** How far something is: one bar on a terminal, a line every 30 s elsewhere (batch logs). */
import { isDrawable } from "./terminal.js";

const REDRAW_MS = 100;
const LINE_MS = 30_000;
const WIDTH = 24;

export class Bar {
  readonly #timer: NodeJS.Timeout | null;
  #drawn = 0;

  /** @param look what to show now; the fraction is from 0 to 1 */
  constructor(private readonly stream: NodeJS.WriteStream, private readonly look: () => { text: string; fraction: number }, private readonly now: () => number = () => performance.now()) {
    this.#timer = isDrawable(stream) ? null : setInterval(() => void stream.write(`${look().text}\n`), LINE_MS).unref();
    this.redraw(true);
  }

  /** Draws what there is to show, unless that was done a moment ago. */
  redraw(always = false): void {
    const now = this.now();
    if (!isDrawable(this.stream) || (!always && now - this.#drawn < REDRAW_MS)) return;
    this.#drawn = now;
    const { text, fraction } = this.look();
    const full = Math.round(WIDTH * fraction);
    const line = `${"█".repeat(full)}${"░".repeat(WIDTH - full)} ${text}`;
    this.stream.write(`\r\u001b[K${line.slice(0, Math.max(20, (this.stream.columns ?? 80) - 1))}`);
  }

  /** A message that leaves the bar whole. */
  note(text: string): void {
    this.stream.write(`${isDrawable(this.stream) ? "\r\u001b[K" : ""}${text}\n`);
    this.redraw(true);
  }

  end(): void {
    if (this.#timer) clearInterval(this.#timer);
    if (isDrawable(this.stream)) this.stream.write("\r\u001b[K");
  }
}
