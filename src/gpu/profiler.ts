/** GPU time of every dispatch, by timestamp queries: what `--profile` prints and what tuning goes by. */
import { AdapterError } from "../errors.js";
import { settle, type Gpu } from "./device.js";
import type { DeviceMemory } from "./memory.js";

/** Dispatches of one name, added up. */
export interface ProfileEntry {
  name: string;
  calls: number;
  /** GPU time, and that of the quickest call. */
  ms: number;
  leastMs: number;
  /** On real pixels; 0 for kernels that do none. */
  multiplyAdds: number;
}

export interface Profile {
  /** By falling time. */
  entries: ProfileEntry[];
  /** From the first dispatch's start to the last one's end. */
  spanMs: number;
  /** In which a dispatch ran. */
  busyMs: number;
}

interface Recorded {
  name: string;
  multiplyAdds: number;
}

interface Recording {
  device: GPUDevice;
  queries: GPUQuerySet;
  resolved: GPUBuffer;
  staging: GPUBuffer;
  dispatches: Recorded[];
}

/** Queries of one set; a longer submission is refused. */
const MOST_DISPATCHES = 1024;

/** Times each dispatch in a pass of its own. One profiler serves many submissions, one after the other. */
export class Profiler {
  private readonly entries = new Map<string, ProfileEntry>();
  private readonly free: Recording[] = [];
  private readonly reading: Promise<void>[] = [];
  private first = Infinity;
  private last = -Infinity;
  private busy = 0;

  /** @throws AdapterError when the adapter has no timestamps */
  constructor(private readonly gpu: Gpu) {
    if (!gpu.device.features.has("timestamp-query")) throw new AdapterError(`${gpu.adapter.name}: has no timestamp queries, so kernels cannot be timed; choose another adapter by --adapter`);
  }

  /** Allocates for the next submission where nothing is left of an earlier one. @throws OutOfMemoryError, DeviceLostError */
  async reserve(memory: DeviceMemory): Promise<void> {
    this.dropStale();
    if (this.free.length === 0) this.free.push(await memory.guard(() => this.allocate(memory)));
  }

  /** Starts a submission. */
  begin(memory: DeviceMemory): Submission {
    this.dropStale();
    const recording = this.free.pop() ?? this.allocate(memory);
    // Times that a lost device took with it are not missed: its unit is computed, and timed, again.
    return new Submission(recording, () => void this.reading.push(this.read(recording).catch(() => undefined)));
  }

  private allocate(memory: DeviceMemory): Recording {
    const bytes = MOST_DISPATCHES * 16;
    return {
      device: this.gpu.device,
      queries: memory.queries({ type: "timestamp", count: MOST_DISPATCHES * 2 }),
      resolved: memory.buffer({ size: bytes, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC }),
      staging: memory.buffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST }),
      dispatches: [],
    };
  }

  /** What was made on a device that was lost is gone with it. */
  private dropStale(): void {
    while (this.free.length > 0 && this.free.at(-1)!.device !== this.gpu.device) this.free.pop();
  }

  private async read(recording: Recording): Promise<void> {
    const { staging, dispatches } = recording;
    await settle(this.gpu, staging.mapAsync(GPUMapMode.READ, 0, dispatches.length * 16));
    const stamps = new BigUint64Array(staging.getMappedRange(0, dispatches.length * 16).slice(0));
    staging.unmap();
    dispatches.forEach(({ name, multiplyAdds }, i) => {
      const [from, to] = [Number(stamps[2 * i]) / 1e6, Number(stamps[2 * i + 1]) / 1e6];
      const ms = Math.max(0, to - from);
      const entry = this.entries.get(name) ?? { name, calls: 0, ms: 0, leastMs: Infinity, multiplyAdds: 0 };
      this.entries.set(name, { name, calls: entry.calls + 1, ms: entry.ms + ms, leastMs: Math.min(entry.leastMs, ms), multiplyAdds: entry.multiplyAdds + multiplyAdds });
      this.busy += ms;
      this.first = Math.min(this.first, from);
      this.last = Math.max(this.last, to);
    });
    recording.dispatches = [];
    this.free.push(recording);
  }

  /** Waits for what has been submitted. */
  async result(): Promise<Profile> {
    await Promise.all(this.reading.splice(0));
    return { entries: [...this.entries.values()].sort((a, b) => b.ms - a.ms), spanMs: Math.max(0, this.last - this.first), busyMs: this.busy };
  }

  /** Forgets what was timed until now, once all of it is there. */
  async restart(): Promise<void> {
    await this.result();
    this.entries.clear();
    [this.first, this.last, this.busy] = [Infinity, -Infinity, 0];
  }

  close(): void {
    for (const { queries, resolved, staging } of this.free) for (const made of [queries, resolved, staging]) made.destroy();
    this.free.length = 0;
  }
}

/** The dispatches of one command encoder. */
class Submission {
  constructor(private readonly recording: Recording, private readonly submitted: () => void) {}

  /** @returns the pass's descriptor for the next dispatch */
  pass(name: string, multiplyAdds: number): GPUComputePassDescriptor {
    const at = this.recording.dispatches.push({ name, multiplyAdds }) - 1;
    if (at >= MOST_DISPATCHES) throw new Error(`more than ${MOST_DISPATCHES} dispatches in one submission`);
    return { timestampWrites: { querySet: this.recording.queries, beginningOfPassWriteIndex: 2 * at, endOfPassWriteIndex: 2 * at + 1 } };
  }

  /** Records the way of the timestamps to the host; call `read` behind the queue's submit. */
  end(encoder: GPUCommandEncoder): void {
    const { queries, resolved, staging, dispatches } = this.recording;
    encoder.resolveQuerySet(queries, 0, dispatches.length * 2, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, staging, 0, dispatches.length * 16);
  }

  read(): void {
    this.submitted();
  }
}
