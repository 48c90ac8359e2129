/** Cuts steps into submissions that stay short whatever the adapter's speed, and keeps a few of them in flight. */
import { settle } from "../gpu/device.js";
import type { GpuExecutor, PreparedStep } from "../run/gpu.js";

/**
 * A desktop's watchdog resets the GPU after about 2 s, and a display stutters long before: no submission should take
 * 250 ms. Half of that is aimed at, because adapters vary in speed from moment to moment.
 */
const TARGET_MS = 125;
const IN_FLIGHT = 3;
/** Multiply-adds per ms to begin with: low, so that the first submissions are short on any adapter. */
const FIRST_RATE = { software: 2e6, hardware: 2e8 };

export class Submitter {
  #rate: number;
  private readonly flying: Promise<void>[] = [];
  private lastDone = 0;
  /** Longest time the device spent on one submission, in ms. */
  longest = 0;

  constructor(private readonly executor: GpuExecutor) {
    this.#rate = executor.gpu.adapter.software ? FIRST_RATE.software : FIRST_RATE.hardware;
  }

  /** Multiply-adds per ms, as last measured. */
  get rate(): number {
    return this.#rate;
  }

  /** Submits the steps in order; `finish` is recorded behind the last one. */
  async run(steps: PreparedStep[], finish?: (encoder: GPUCommandEncoder) => void): Promise<void> {
    let batch: PreparedStep[] = [];
    let cost = 0;
    for (const prepared of steps) {
      if (batch.length > 0 && cost + prepared.step.cost > this.#rate * TARGET_MS) {
        await this.submit(batch, cost);
        batch = [];
        cost = 0;
      }
      batch.push(prepared);
      cost += prepared.step.cost;
    }
    await this.submit(batch, cost, finish);
  }

  private async submit(batch: PreparedStep[], cost: number, finish?: (encoder: GPUCommandEncoder) => void): Promise<void> {
    while (this.flying.length >= IN_FLIGHT) await settle(this.executor.gpu, this.flying[0]);
    this.executor.check();
    await this.executor.reserve();
    const start = performance.now();
    this.executor.submit(batch, finish);
    const finished = (): void => {
      const now = performance.now();
      const spent = Math.max(0.05, now - Math.max(start, this.lastDone));
      this.lastDone = now;
      this.longest = Math.max(this.longest, spent);
      // Down at once, up slowly: one submission too long is worse than several too short.
      const measured = cost / spent;
      this.#rate = measured < this.#rate ? measured : this.#rate * 0.8 + measured * 0.2;
    };
    const done: Promise<void> = this.executor.gpu.device.queue.onSubmittedWorkDone().then(finished).finally(() => void this.flying.splice(this.flying.indexOf(done), 1));
    // Whoever waits for it is told; nobody may be waiting when the device is lost.
    done.catch(() => undefined);
    this.flying.push(done);
  }

  /** Resolves when nothing is in flight. */
  async drain(): Promise<void> {
    await settle(this.executor.gpu, Promise.all(this.flying).then(() => undefined));
  }
}
