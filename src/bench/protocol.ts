/**
 * How the benchmark talks to what it measures: each is a process of its own that answers one JSON line with another.
 *
 *   {"id":1,"op":"hello"}                          name, version, device, which works it can do
 *   {"id":2,"op":"prepare","case":…,"files":…}     builds the network; logits of the first images, to be checked
 *   {"id":3,"op":"warm","batch":256}               whatever is only slow the first time
 *   {"id":4,"op":"run","batch":256,"batches":4}    measures itself: images and seconds
 *   {"id":5,"op":"end"}                            peak memory; the process ends
 *
 * This engine also answers `profile`: the adapter's time by kernel, over one sample; and `peak`: its multiply-adds a second at most.
 * An answer carries the request's id; {"id":…,"error":"…"} is a refusal. Lines that are no such JSON are ignored, as drivers
 * and libraries print what they like. Between requests a process sleeps.
 */
import { createInterface } from "node:readline";
import { InferlinkError } from "../errors.js";
import type { AdapterSummary } from "../gpu/device.js";
import type { Profile } from "../gpu/profiler.js";
import type { Case, Work } from "./case.js";

export interface Hello {
  name: string;
  version: string;
  /** Where it computes: an adapter's name, or the CPU with its threads; null for WebGPU's default adapter. */
  device: string | null;
  works: Work[];
  /** The one batch size it is measured with, where that belongs to what is compared. */
  batch?: number;
}

/** Said instead of hello: something isn't installed, or the machine has nothing to run it on. */
export type Refusal = { missing: string } | { unable: string };

/** What this engine says of its adapter beside hello. */
export interface AdapterHello extends Hello {
  device: string;
  adapter: AdapterSummary;
}

/** Files that hold what all processes compute on. */
export interface Files {
  /** safetensors by torchvision's names. */
  weights: string;
  /** safetensors: `images` [n, c, h, w], normalised, and `labels` [n]; all float32. Larger batches repeat them. */
  images: string;
}

export interface Prepared {
  /** Parts a sample consists of, measured one by one: a sweep's layers. */
  slices: number;
  /** Logits of the first CHECKED images. */
  logits: number[];
}

export interface RunRequest {
  batch: number;
  batches: number;
  slice: number;
}

/** One part of a sample; of unit and sweep, filtered networks x images. */
export interface Sample {
  images: number;
  seconds: number;
}

export interface End {
  /** Bytes of memory at most, over the process's life. */
  peakMemory: number;
}

/** TFLOP/s in float32, by a kernel that does nothing else. */
export interface Peak {
  tflops: number;
}

/** Images whose logits are compared between the processes. */
export const CHECKED = 2;

/** What a process does on request. */
export interface Server {
  hello(): Promise<Hello | Refusal>;
  prepare(request: { case: Case; files: Files | null }): Promise<Prepared>;
  warm(request: { batch: number }): Promise<void>;
  run(request: RunRequest): Promise<Sample>;
  profile?(): Promise<Profile>;
  peak?(): Promise<Peak>;
}

/** Answers requests on stdin until `end` or its end, then ends the process. */
export async function serve(server: Server): Promise<never> {
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, op, ...request } = JSON.parse(line) as { id: number; op: string };
    let answer: object;
    try {
      if (op === "hello") answer = await server.hello();
      else if (op === "prepare") answer = await server.prepare(request as never);
      else if (op === "warm") {
        await server.warm(request as never);
        answer = {};
      }
      else if (op === "run") answer = await server.run(request as never);
      else if (op === "profile") answer = await server.profile!();
      else if (op === "peak") answer = await server.peak!();
      else answer = { peakMemory: process.resourceUsage().maxRSS * 1024 } satisfies End;
    } catch (error) {
      answer = { error: error instanceof Error ? error.message : String(error), ...(error instanceof InferlinkError && { exitCode: error.exitCode }) };
    }
    await new Promise((written) => process.stdout.write(`${JSON.stringify({ id, ...answer })}\n`, written));
    if (op === "end") break;
  }
  process.exit(0);
}
