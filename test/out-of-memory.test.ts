/** An adapter that runs out of memory: smaller pieces and the same rows, or an error; never a wrong number. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EXIT, OutOfMemoryError } from "../src/errors.js";
import { Profiler } from "../src/gpu/profiler.js";
import type { Row } from "../src/sweep/row.js";
import type { Fault } from "../src/sweep/recovery.js";
import { demoJob, rowsOf } from "./support/demoSweep.js";
import { gpu } from "./support/kernel.js";
import { canRunOut, failAllocations, type Allocation } from "./support/outOfMemory.js";

const device = await gpu();
const exhaustible = await canRunOut(device);
if (!exhaustible) console.log("skipped: this adapter gives even the largest buffer, so its memory cannot be made to run out");
const when = exhaustible ? test : test.skip;

interface Outcome {
  rows: Row[];
  faults: Fault[];
  error: unknown;
  allocations: number;
}

async function sweep(limit: number, fails: (allocation: Allocation) => boolean, profiler: Profiler | null = null): Promise<Outcome> {
  const faults: Fault[] = [];
  const failing = failAllocations(fails);
  try {
    const rows = await rowsOf(device, await demoJob({ layers: ["fc"], thresholds: 2 }, limit), { profiler, onFault: (fault) => void faults.push(fault) });
    return { rows, faults, error: null, allocations: failing.allocations() };
  } catch (error) {
    return { rows: [], faults, error, allocations: failing.allocations() };
  } finally {
    failing.restore();
  }
}

function assertRefused({ error, rows }: Outcome, what: string): void {
  assert.instance(error, OutOfMemoryError, `${what}: ${(error as Error | null)?.stack}`);
  assert.is((error as OutOfMemoryError).exitCode, EXIT.noAdapter);
  assert.match((error as Error).message, /out of memory for .* even with the smallest pieces of work/, what);
  assert.is(rows.length, 0);
}

when("the Nth allocation fails, for every N: the same rows from smaller pieces", async () => {
  const whole = await sweep(8, () => false);
  assert.is(whole.error, null);
  let outcome = whole;
  for (let n = 1; n <= whole.allocations; n++) {
    outcome = await sweep(8, ({ count }) => count === n);
    assert.is(outcome.error, null, `allocation ${n}`);
    assert.equal(outcome.rows, whole.rows, `allocation ${n}`);
    assert.equal(outcome.faults.map(({ kind }) => kind), ["out-of-memory"], `allocation ${n}`);
  }
  assert.ok(whole.allocations > 50, "the sweep allocates");
});

when("the same while kernels are timed, with every seventh", async () => {
  const whole = await sweep(8, () => false, new Profiler(device));
  const timed = whole.allocations - (await sweep(8, () => false)).allocations;
  assert.ok(timed > 0, "timing allocates");
  for (let n = 1; n <= whole.allocations; n += 7) {
    const outcome = await sweep(8, ({ count }) => count === n, new Profiler(device));
    assert.is(outcome.error, null, `allocation ${n}: ${String((outcome.error as Error | null)?.stack)}`);
    assert.equal(outcome.rows, whole.rows, `allocation ${n}`);
    assert.equal(outcome.faults.map(({ kind }) => kind), ["out-of-memory"], `allocation ${n}`);
  }
});

when("every allocation from the Nth on fails: an error, no rows, and the device works afterwards", async () => {
  const whole = await sweep(8, () => false);
  for (const n of [1, 2, 40, whole.allocations - 1, whole.allocations]) {
    assertRefused(await sweep(8, ({ count }) => count >= n), `from allocation ${n} on`);
  }
  assert.equal((await sweep(8, () => false)).rows, whole.rows);
});

when("an adapter of little memory: what does not fit is cut until it does", async () => {
  const largest = { bytes: 0 };
  const whole = await sweep(150, ({ bytes }) => ((largest.bytes = Math.max(largest.bytes, bytes)), false));
  const small = await sweep(150, ({ bytes }) => bytes > largest.bytes / 5);
  assert.is(small.error, null, String(small.error));
  assert.equal(small.rows, whole.rows);
  assert.ok(small.faults.length >= 2 && small.faults.every(({ kind }) => kind === "out-of-memory"));
  assertRefused(await sweep(150, ({ bytes }) => bytes > largest.bytes / 500), "a five-hundredth");
});

test.run();
