/** Watches over cases: none may take 2 s of a processor's time, or 512 MB, or go on for ever. */
import { readFileSync, writeFileSync } from "node:fs";
import { Worker } from "node:worker_threads";

export const MOST_SECONDS = 2;
export const MOST_BYTES = 512 * 2 ** 20;
/** Of the clock, on a machine that is busy with other things: this one never comes back. */
const HANGING_SECONDS = 120;

/** Largest resident set since `resetPeak`, in bytes. */
export function peakMemory(): number {
  try {
    return 1024 * Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync("/proc/self/status", "latin1"))![1]);
  } catch {
    return 1024 * process.resourceUsage().maxRSS;
  }
}

/** Forgets larger peaks than the present one, where the system can. */
export function resetPeak(): void {
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // Then growth counts from the largest there ever was.
  }
}

/** Seconds that the process has spent on processors, in all its threads. */
export function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

const WATCH = `
const { workerData: { shared, name } } = require("node:worker_threads");
const started = new Float64Array(shared);
let [before, since] = [0, Date.now()];
setInterval(() => {
  if (started[0] !== before) [before, since] = [started[0], Date.now()];
  if (Date.now() - since < ${1000 * HANGING_SECONDS}) return;
  require("node:fs").writeSync(2, name + ": case " + before + " hangs; the process is ended\\n");
  process.kill(process.pid, "SIGKILL");
}, 1000);`;

/** Ends the process when a case goes round for ever; a test cannot do that itself. */
export class Watchdog {
  readonly #started = new Float64Array(new SharedArrayBuffer(8));
  readonly #worker: Worker;

  /** @param name what to say of the case beside its number */
  constructor(name: string) {
    this.#worker = new Worker(WATCH, { eval: true, workerData: { shared: this.#started.buffer, name } });
    this.#worker.unref();
  }

  /** A further case begins. */
  next(): void {
    this.#started[0]++;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}
