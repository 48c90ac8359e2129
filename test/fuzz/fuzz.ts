/** Throws damaged files at a parser: each is read, or refused by a typed error; nothing else may happen, and not slowly. */
import { existsSync } from "node:fs";
import fc from "fast-check";
import { InferlinkError } from "../../src/errors.js";
import { MOST_BYTES, MOST_SECONDS, peakMemory, processorSeconds, resetPeak, Watchdog } from "./guard.js";
import { cases, mutate } from "./mutate.js";
import { CANARY, type Parser } from "./parsers.js";

export interface Outcome {
  name: string;
  accepted: number;
  refused: number;
  /** Processor seconds of all cases, and of the slowest. */
  seconds: number;
  slowest: number;
  /** Bytes by which the largest resident set was above the one at the start. */
  growth: number;
}

/**
 * @param runs how many cases; the same seed gives the same ones
 * @throws Error with the seed and the smallest failing case that was found
 */
export async function fuzz({ name, inputs, tokens, parse }: Parser, runs: number, seed: number): Promise<Outcome> {
  for (const { bytes, dress } of inputs) await parse(dress ? dress(bytes) : bytes);
  const outcome: Outcome = { name, accepted: 0, refused: 0, seconds: 0, slowest: 0, growth: 0 };
  const watchdog = new Watchdog(`${name}, seed ${seed}`);
  resetPeak();
  const before = peakMemory();
  const began = processorSeconds();
  try {
    await fc.assert(fc.asyncProperty(cases, async (one) => {
      watchdog.next();
      const { dress } = inputs[one.seed % inputs.length];
      const damaged = mutate(one, inputs, tokens);
      const file = dress ? dress(damaged) : damaged;
      const started = processorSeconds();
      try {
        await parse(file);
        outcome.accepted++;
      } catch (error) {
        if (!(error instanceof InferlinkError) || error.exitCode !== 65) throw error;
        if (error.message.length > 1000 || error.message.includes("\n")) throw new Error(`a message of ${error.message.length} characters: ${error.message.slice(0, 200)}`);
        outcome.refused++;
      }
      const seconds = processorSeconds() - started;
      outcome.slowest = Math.max(outcome.slowest, seconds);
      if (seconds > MOST_SECONDS) throw new Error(`took ${seconds} s`);
      if (existsSync(CANARY)) throw new Error("was executed");
    }), { numRuns: runs, seed });
  } finally {
    await watchdog.end();
  }
  outcome.seconds = processorSeconds() - began;
  outcome.growth = peakMemory() - before;
  if (outcome.growth > MOST_BYTES) throw new Error(`${name}, seed ${seed}: grew by ${outcome.growth} bytes`);
  return outcome;
}
