/** This engine as a process that the benchmark measures: `process.js cached|anew KERNELS stores|products [ADAPTER]`, KERNELS being those for the adapter where it is `own`, then what bounds the work. */
import type { Gpu } from "../gpu/device.js";
import { Profiler, type Profile } from "../gpu/profiler.js";
import type { Kernels } from "../layout/blocks.js";
import { PACKAGE_VERSION } from "../package.js";
import { openDevice } from "../run/open.js";
import { tilesFor, type Tuning } from "../sweep/tiles.js";
import { WORKS, type Case, type Work } from "./case.js";
import { randomNetwork } from "./networks.js";
import { CHECKED, serve, type AdapterHello, type Peak, type Prepared, type RunRequest, type Sample, type Server } from "./protocol.js";
import { Pass } from "./pass.js";
import { measurePeak } from "./peak.js";
import { SweepWork } from "./sweepWork.js";
import { TrainWork } from "./trainWork.js";
import type { Measured, WorkOptions } from "./works.js";

const MEASURED: Record<Work, new (gpu: Gpu, of: Case, options: WorkOptions) => Measured> = { forward: Pass, gradient: Pass, unit: SweepWork, sweep: SweepWork, train: TrainWork };

const openWork = (gpu: Gpu, of: Case, options: WorkOptions): Measured => new MEASURED[of.work](gpu, of, options);

class Ours implements Server {
  #gpu: Gpu | null = null;
  #work: Measured | null = null;
  /** The same work with its dispatches timed. */
  #profiled: ((profiler: Profiler) => Measured) | null = null;

  /** @param tuning settings of the kernels: those measured before, or measured anew and kept */
  constructor(private readonly tuning: Tuning, private readonly kernels: Kernels | undefined, private readonly boundByStores: boolean, private readonly adapter: string | undefined) {}

  async #open(): Promise<Gpu> {
    return (this.#gpu ??= await openDevice({ adapter: this.adapter, kernels: this.kernels, boundByStores: this.boundByStores }));
  }

  async hello(): Promise<AdapterHello> {
    const { adapter } = await this.#open();
    return { name: "wgpu-inferlink", version: PACKAGE_VERSION, device: adapter.name, works: WORKS, adapter };
  }

  async prepare({ case: of }: { case: Case }): Promise<Prepared> {
    const gpu = await this.#open();
    const tiles = await tilesFor(gpu, [randomNetwork(of, 0)], of.input, "running", this.tuning);
    const pass = new Pass(gpu, { ...of, work: "forward", batch: CHECKED }, { tiles });
    const logits = await pass.logits(CHECKED);
    await pass.close();
    this.#work = openWork(gpu, of, { tiles });
    this.#profiled = (profiler) => openWork(gpu, of, { tiles, profiler });
    return { slices: this.#work.slices, logits };
  }

  async warm(): Promise<void> {
    await this.#work!.warm();
  }

  async run({ batches, slice }: RunRequest): Promise<Sample> {
    let images = 0;
    const start = performance.now();
    for (let i = 0; i < batches; i++) images += await this.#work!.run(slice);
    return { images, seconds: (performance.now() - start) / 1000 };
  }

  async peak(): Promise<Peak> {
    return { tflops: (2 * (await measurePeak(await this.#open()))) / 1e12 };
  }

  async profile(): Promise<Profile> {
    const profiler = new Profiler(await this.#open());
    const work = this.#profiled!(profiler);
    // The first time around, each kernel also waits for the system to find the pages it writes to.
    await work.warm();
    await profiler.restart();
    for (let slice = 0; slice < work.slices; slice++) await work.run(slice);
    return profiler.result();
  }
}

const [tuning, kernels, bound, adapter] = process.argv.slice(2);
await serve(new Ours(tuning as Tuning, kernels === "own" ? undefined : (kernels as Kernels), bound === "stores", adapter));
