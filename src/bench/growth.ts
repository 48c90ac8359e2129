/** How time and memory of a sweep grow with its size: pairs of sweeps, the smaller and the larger measured in turn. */
import type { AdapterSummary } from "../gpu/device.js";
import type { Filter } from "../sweep/row.js";
import { caseText, type Case, type SweepSize } from "./case.js";
import type { CaseFiles } from "./files.js";
import { engineError, PeerProcess } from "./peerProcess.js";
import type { Peer } from "./peers.js";
import type { AdapterHello, Sample } from "./protocol.js";
import { median } from "./statistics.js";

/** What is said to grow, from which size to which. */
interface Axis {
  grows: string;
  from: string;
  to: string;
  small: Case;
  large: Case;
  /** How many times as large. */
  size: number;
  /** How many times as long it may take. */
  limit: number;
}

/** One of the two sweeps. */
export interface Side {
  samples: Sample[];
  /** Median, in seconds. */
  seconds: number;
  /** Bytes that the process had at most. */
  peakMemory: number;
}

export interface Growth extends Omit<Axis, "small" | "large"> {
  small: Side & { case: Case };
  large: Side & { case: Case };
  /** Seconds over seconds. */
  time: number;
}

/** Linear growth may come out by so much more. */
const SLACK = 1.1;
/** All of a process, on ten thousand images. */
export const MEMORY_LIMIT = 2 * 2 ** 30;
const MANY_IMAGES = 10_000;
const FILTERS: Filter[] = ["h_a", "h_b", "h_c"];

/**
 * Images and networks grow linearly or slower; four times the thresholds cost less than four times as much, as equal masks are
 * evaluated once and what is in front of the filtered layer is shared; a second epsilon shares forward and gradient.
 * @param base one filter, one epsilon, 25 thresholds
 */
function axes(base: Case): Axis[] {
  const sweep = (changes: Partial<SweepSize>): Case => ({ ...base, sweep: { ...base.sweep!, ...changes } });
  const images = (batch: number): Case => ({ ...base, batch });
  const [epsilon] = base.sweep!.epsilons;
  const axis = (grows: string, from: string | number, to: string | number, large: Case, size: number, limit: number, small = base): Axis => ({ grows, from: `${from}`, to: `${to}`, small, large, size, limit });
  return [
    axis("images", base.batch, 2 * base.batch, images(2 * base.batch), 2, 2 * SLACK),
    axis("images", base.batch, 4 * base.batch, images(4 * base.batch), 4, 4 * SLACK),
    // Two at least: a single network would stay open from sample to sample.
    axis("networks", 2, 4, sweep({ networks: 4 }), 2, 2 * SLACK, sweep({ networks: 2 })),
    axis("thresholds", base.sweep!.thresholds, 4 * base.sweep!.thresholds, sweep({ thresholds: 4 * base.sweep!.thresholds }), 4, 4),
    axis("epsilons", 1, 2, sweep({ epsilons: [epsilon, epsilon / 2] }), 2, 1.5),
    axis("filters", "h_a", "h_a+h_b+h_c", sweep({ filters: FILTERS }), 3, 3),
  ];
}

/** Ten thousand images and more, one layer, one sample: for the memory. */
function manyImages(base: Case, layer: string): Axis {
  const times = Math.max(4, Math.ceil(MANY_IMAGES / base.batch));
  const of = (batch: number): Case => ({ ...base, batch, sweep: { ...base.sweep!, layers: [layer] } });
  return { grows: "images", from: `${base.batch}`, to: `${times * base.batch}`, small: of(base.batch), large: of(times * base.batch), size: times, limit: times * SLACK };
}

export interface GrowthOptions {
  repetitions: number;
  say(text: string): void;
}

/** @param layer whose sweep is done on many images */
export async function measureGrowth(base: Case, layer: string, engine: Peer, files: CaseFiles, options: GrowthOptions): Promise<{ adapter: AdapterSummary; growths: Growth[] }> {
  const growths: Growth[] = [];
  let adapter: AdapterSummary | null = null;
  for (const axis of axes(base)) growths.push(await pair(axis, options.repetitions));
  growths.push(await pair(manyImages(base, layer), 1));
  return { adapter: adapter!, growths };

  async function pair(axis: Axis, repetitions: number): Promise<Growth> {
    const { small, large, ...rest } = axis;
    options.say(`${axis.grows} from ${axis.from} to ${axis.to}: ${caseText(large)}`);
    const cases = [small, large];
    const processes = cases.map(() => new PeerProcess(engine.command));
    try {
      const slices: number[] = [];
      for (const [i, process] of processes.entries()) {
        adapter = ((await process.hello()) as AdapterHello).adapter;
        slices.push((await process.prepare(cases[i], files.write(cases[i]))).slices);
        await process.warm(cases[i].batch);
      }
      const samples: Sample[][] = [[], []];
      for (let repetition = 0; repetition < repetitions; repetition++) {
        for (const [i, process] of processes.entries()) samples[i].push(await whole(process, cases[i].batch, slices[i]));
      }
      const sides: Side[] = [];
      for (const [i, process] of processes.entries()) {
        sides.push({ samples: samples[i], seconds: median(samples[i].map(({ seconds }) => seconds)), peakMemory: (await process.end())!.peakMemory });
      }
      return { ...rest, small: { ...sides[0], case: small }, large: { ...sides[1], case: large }, time: sides[1].seconds / sides[0].seconds };
    } catch (error) {
      throw engineError(error);
    } finally {
      for (const process of processes) await process.end();
    }
  }
}

/** A sample of all slices. */
async function whole(process: PeerProcess, batch: number, slices: number): Promise<Sample> {
  const sum = { images: 0, seconds: 0 };
  for (let slice = 0; slice < slices; slice++) {
    const { images, seconds } = await process.run({ batch, batches: 1, slice });
    sum.images += images;
    sum.seconds += seconds;
  }
  return sum;
}
