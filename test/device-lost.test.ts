/** A device that goes away in the middle: opened again up to three times, the same rows; then an error that says to try again. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EXIT, InferlinkError } from "../src/errors.js";
import type { Gpu } from "../src/gpu/device.js";
import { openDevice } from "../src/run/open.js";
import type { Row } from "../src/results/row.js";
import type { Fault } from "../src/sweep/recovery.js";
import { demoJob, rowsOf } from "./support/demoSweep.js";

const config = { layers: ["layer4.1.conv2", "fc"], thresholds: 4, epsilons: [0.1, 0.38] };
const IMAGES = 70;
/** Several tiles and chunks, so that there is something in flight and something finished. */
const cut = { tileImages: 64, variants: 3 };

const submit = GPUQueue.prototype.submit;
test.after.each(() => void (GPUQueue.prototype.submit = submit));

/** Calls `at` before the submission of that number. */
function beforeSubmissions(at: (count: number) => void): void {
  let count = 0;
  GPUQueue.prototype.submit = function (buffers) {
    at((count += 1));
    return submit.call(this, buffers);
  };
}

async function sweepOn(gpu: Gpu, faults: Fault[] = []): Promise<Row[]> {
  return rowsOf(gpu, await demoJob(config, IMAGES), { ...cut, onFault: (fault) => void faults.push(fault) });
}

let whole: Row[] = [];
let submissions = 0;
let device: Gpu;
test.before(async () => {
  device = await openDevice();
  beforeSubmissions((count) => (submissions = count));
  whole = await sweepOn(device);
});
test.after(() => device.close());

/** The same sequence on every run of the tests. */
function random(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

test("destroyed at random submissions: the same rows", async () => {
  const next = random(20);
  for (let times = 1; times <= 3; times++) {
    const when = new Set(Array.from({ length: times }, () => 1 + Math.floor(next() * submissions)));
    const faults: Fault[] = [];
    beforeSubmissions((count) => void (when.has(count) && device.device.destroy()));
    assert.equal(await sweepOn(device, faults), whole, `lost before the submissions ${[...when].join(", ")} of ${submissions}`);
    assert.is(faults.length, when.size);
    assert.ok(faults.every(({ kind }) => kind === "device-lost"));
  }
});

test("destroyed while the results are waited for: the same rows", async () => {
  const map = GPUBuffer.prototype.mapAsync;
  try {
    let count = 0;
    GPUBuffer.prototype.mapAsync = function (...args) {
      const mapped = map.apply(this, args);
      if (++count === 3) device.device.destroy();
      return mapped;
    };
    const faults: Fault[] = [];
    assert.equal(await sweepOn(device, faults), whole);
    assert.is(faults.length, 1);
  } finally {
    GPUBuffer.prototype.mapAsync = map;
  }
});

test("lost again and again: three devices are opened, then exit 75", async () => {
  beforeSubmissions((count) => void (count % 2 === 0 && device.device.destroy()));
  const faults: Fault[] = [];
  try {
    await sweepOn(device, faults);
    assert.unreachable("ended without an error");
  } catch (error) {
    assert.instance(error, InferlinkError);
    assert.is((error as InferlinkError).exitCode, EXIT.tryAgain);
    assert.match((error as Error).message, /lost.*opened again 3 times.*run the same command again/);
  }
  assert.is(faults.length, 3);
  await device.renew();
});

test.run();
