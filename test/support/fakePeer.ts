/** A process that speaks the benchmark's protocol and computes nothing: `fakePeer.js JSON`, see Fake. */
import { appendFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Peer } from "../../src/bench/peers.js";

export interface Fake {
  /** What hello answers beside the name. */
  hello?: object;
  /** Answered instead. */
  refusal?: object;
  slices?: number;
  logits?: number[];
  /** Images a second that it claims. */
  rate?: number;
  /** Every request is appended to this file as `name op`. */
  log?: string;
  /** Dies at this request. */
  dieAt?: string;
}

/** The fake as a peer. */
export function fakePeer(id: string, fake: Fake, install: string | null = "install it"): Peer {
  return { id, label: id, command: [process.execPath, fileURLToPath(import.meta.url), JSON.stringify({ id, ...fake })], install };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { id: name, hello, refusal, slices = 1, logits = [1, -2], rate = 1000, log, dieAt } = JSON.parse(process.argv[2]) as Fake & { id: string };
  for await (const line of createInterface({ input: process.stdin })) {
    const { id, op, batch, batches } = JSON.parse(line) as { id: number; op: string; batch: number; batches: number };
    if (log) appendFileSync(log, `${name} ${op}\n`);
    if (op === dieAt) {
      console.error("first words\nlast words");
      process.exit(3);
    }
    console.log("a driver says something\n{ and something like JSON");
    const images = batch * batches;
    const answers: Record<string, object> = {
      hello: refusal ?? { name, version: "1", device: "thin air", works: ["forward", "unit", "sweep"], ...hello },
      prepare: { slices, logits },
      warm: {},
      run: { images, seconds: images / rate },
      end: { peakMemory: 1 << 20 },
    };
    console.log(JSON.stringify({ id, ...answers[op] }));
    if (op === "end") break;
  }
  process.exit();
}
