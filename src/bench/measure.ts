/** Measures cases: every contender in its own process, sample by sample in turn, so that a noisy moment hits all alike. */
import { caseText, type Case } from "./case.js";
import type { CaseFiles } from "./files.js";
import { engineError, PeerError, PeerProcess } from "./peerProcess.js";
import type { Peer } from "./peers.js";
import type { AdapterHello, Hello, Refusal, Sample } from "./protocol.js";
import { summarise, type Summary } from "./statistics.js";

export interface MeasureOptions {
  repetitions: number;
  warmup: boolean;
  /** A sample repeats its batch until it takes about so long. */
  sampleSeconds: number;
  say(text: string): void;
}

/** A contender's samples of one case. */
export interface Measurement {
  case: Case;
  peer: Peer;
  name: string;
  version: string;
  device: string;
  /** What it did: a unit where the case is a sweep and it has none. */
  work: Case["work"];
  batch: number;
  samples: Sample[];
  /** Of the samples' rates. */
  rate: Summary;
  /** This engine's median over this one's; null for this engine itself. */
  ratio: number | null;
  /** Bytes. */
  peakMemory: number | null;
}

/** A contender that gave no samples, and why. */
export interface Absence {
  case: Case;
  peer: Peer;
  /** `missing`: can't be started. `unable`: has no such work, or nothing to run it on. `failed`: began and didn't end. */
  kind: "missing" | "unable" | "failed";
  reason: string;
}

export type Outcome = Measurement | Absence;

export const isMeasured = (outcome: Outcome): outcome is Measurement => "samples" in outcome;

/** Largest difference of logits, relative to the largest logit, up to which two programs compute the same. */
const SAME_LOGITS = 1e-3;
/** A batch is looked for among these, until one takes too long or two in a row gain nothing. */
const BATCHES = [16, 32, 64, 128, 256, 512, 1024, 2048, 4096];
const GAIN = 1.03;
const SLOWEST_BATCH_S = 5;
const SEARCH_S = 120;

interface Contender {
  peer: Peer;
  process: PeerProcess;
  hello: Hello;
  work: Case["work"];
  slices: number;
  batch: number;
  /** Batches a sample. */
  batches: number;
  samples: Sample[];
}

/**
 * @param peers this engine first
 * @returns per case an outcome of every peer, in their order
 * @throws InferlinkError when this engine itself fails
 */
export async function measure(cases: Case[], peers: Peer[], files: CaseFiles, options: MeasureOptions): Promise<{ adapter: AdapterHello["adapter"]; outcomes: Outcome[] }> {
  const refusals = new Map<Peer, Refusal>();
  const outcomes: Outcome[] = [];
  let adapter: AdapterHello["adapter"] | null = null;
  for (const of of cases) {
    const measured = await new CaseRun(of, peers, files, options, refusals).run();
    adapter ??= measured.adapter;
    outcomes.push(...measured.outcomes);
  }
  return { adapter: adapter!, outcomes };
}

class CaseRun {
  readonly #contenders: Contender[] = [];
  readonly #absent = new Map<Peer, Absence>();
  #logits: number[] = [];

  constructor(private readonly of: Case, private readonly peers: Peer[], private readonly files: CaseFiles, private readonly options: MeasureOptions, private readonly refusals: Map<Peer, Refusal>) {}

  async run(): Promise<{ adapter: AdapterHello["adapter"]; outcomes: Outcome[] }> {
    try {
      for (const peer of this.peers) await this.#attempt(peer, () => this.#start(peer));
      await this.#sample();
      const adapter = (this.#contenders[0].hello as AdapterHello).adapter;
      const found = new Map<Peer, Outcome>(this.#absent);
      for (const contender of this.#contenders) if (!found.has(contender.peer)) found.set(contender.peer, await this.#conclude(contender));
      return { adapter, outcomes: this.peers.map((peer) => found.get(peer)!) };
    } finally {
      for (const { process } of this.#contenders) await process.end();
    }
  }

  /** What goes wrong in a peer ends its part; in this engine, everything. */
  async #attempt(peer: Peer, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PeerError)) throw error;
      if (peer === this.peers[0]) throw engineError(error);
      this.#leave(peer, "failed", error.message);
    }
  }

  #leave(peer: Peer, kind: Absence["kind"], reason: string): void {
    this.#absent.set(peer, { case: this.of, peer, kind, reason });
  }

  #refuse(peer: Peer, refusal: Refusal): void {
    this.refusals.set(peer, refusal);
    if ("missing" in refusal) this.#leave(peer, "missing", refusal.missing);
    else this.#leave(peer, "unable", refusal.unable);
  }

  async #start(peer: Peer): Promise<void> {
    const known = this.refusals.get(peer);
    if (known) return this.#refuse(peer, known);
    this.options.say(`${caseText(this.of)}: starting ${peer.label}`);
    const process = new PeerProcess(peer.command);
    const contender: Contender = { peer, process, hello: { name: "", version: "", device: null, works: [] }, work: this.of.work, slices: 1, batch: this.of.batch, batches: 1, samples: [] };
    this.#contenders.push(contender);
    const hello = await process.hello().catch((error: Error): Refusal => {
      if (peer === this.peers[0] || !(error instanceof PeerError)) throw error;
      return { missing: error.message };
    });
    if (!("name" in hello)) return this.#refuse(peer, hello);
    contender.hello = hello;
    // A sweep repeats units: a peer without sweeps is given the cost of filtering and compared by its units.
    if (!hello.works.includes(this.of.work)) contender.work = "unit";
    if (!hello.works.includes(contender.work) || (contender.work !== this.of.work && this.of.work !== "sweep")) return this.#leave(peer, "unable", `does ${hello.works.join(", ")} only`);
    await this.#prepare(contender);
  }

  async #prepare(contender: Contender): Promise<void> {
    const { process, peer, hello } = contender;
    const of = contender.work === this.of.work ? this.of : { ...this.of, work: contender.work, sweep: null };
    const { slices, logits } = await process.prepare(of, this.files.write(this.of));
    if (this.#logits.length === 0) this.#logits = logits;
    const apart = difference(logits, this.#logits);
    if (!(apart <= SAME_LOGITS)) return this.#leave(peer, "failed", `computes something else: logits differ by ${apart.toPrecision(2)} of the largest`);
    contender.slices = slices;
    if (hello.batch !== undefined) contender.batch = hello.batch;
    if (!this.options.warmup) return;
    // A training of other batches is another training.
    if (peer === this.peers[0] || hello.batch !== undefined || contender.work === "train") {
      await process.warm(contender.batch);
      if (slices === 1) contender.batches = this.#batches(contender, rateOf(await process.run({ batch: contender.batch, batches: 1, slice: 0 })));
    } else {
      const best = await this.#fastest(process);
      contender.batch = best.batch;
      contender.batches = this.#batches(contender, best.rate);
    }
  }

  #batches({ batch }: Contender, rate: number): number {
    return Math.max(1, Math.round((this.options.sampleSeconds * rate) / batch));
  }

  /** The batch with which a peer is fastest; a slow one is not tried at all of them. */
  async #fastest(process: PeerProcess): Promise<{ batch: number; rate: number }> {
    let best = { batch: BATCHES[0], rate: 0 };
    let inVain = 0;
    const start = performance.now();
    for (const batch of BATCHES) {
      await process.warm(batch);
      let sample = await process.run({ batch, batches: 1, slice: 0 });
      const seconds = sample.seconds;
      const batches = Math.round(this.options.sampleSeconds / 2 / seconds);
      if (batches > 1) sample = await process.run({ batch, batches, slice: 0 });
      inVain = rateOf(sample) > GAIN * best.rate ? 0 : inVain + 1;
      if (rateOf(sample) > best.rate) best = { batch, rate: rateOf(sample) };
      if (inVain === 2 || seconds > SLOWEST_BATCH_S || performance.now() - start > SEARCH_S * 1000) break;
    }
    return best;
  }

  /** In turn, slice by slice: during a sweep the others are measured after every layer. */
  async #sample(): Promise<void> {
    const turns = (): Contender[] => this.#contenders.filter(({ peer }) => !this.#absent.has(peer));
    for (let repetition = 0; repetition < this.options.repetitions; repetition++) {
      this.options.say(`${caseText(this.of)}: sample ${repetition + 1} of ${this.options.repetitions}`);
      for (const contender of turns()) contender.samples.push({ images: 0, seconds: 0 });
      const slices = Math.max(...turns().map((contender) => contender.slices));
      for (let slice = 0; slice < slices; slice++) {
        for (const contender of turns()) {
          await this.#attempt(contender.peer, async () => {
            const { images, seconds } = await contender.process.run({ batch: contender.batch, batches: contender.batches, slice: slice % contender.slices });
            const sample = contender.samples[repetition];
            sample.images += images;
            sample.seconds += seconds;
          });
        }
      }
    }
  }

  async #conclude({ peer, process, hello, work, batch, samples }: Contender): Promise<Measurement> {
    const engine = this.#contenders[0];
    const rate = summarise(samples.map(rateOf));
    const ratio = peer === engine.peer ? null : summarise(engine.samples.map(rateOf)).median / rate.median;
    const end = await process.end();
    return { case: this.of, peer, name: hello.name, version: hello.version, device: hello.device ?? engine.hello.device!, work, batch, samples, rate, ratio, peakMemory: end?.peakMemory ?? null };
  }
}

export const rateOf = ({ images, seconds }: Sample): number => images / seconds;

function difference(logits: number[], expected: number[]): number {
  if (logits.length !== expected.length) return Infinity;
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...logits.map((value, i) => Math.abs(value - expected[i]))) / largest;
}
