/** A device that goes away in the middle: opened again up to three times, the same rows; then an error that says to try again. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { EXIT, InferlinkError } from "../src/errors.js";
import type { Gpu } from "../src/gpu/device.js";
import { Profiler } from "../src/gpu/profiler.js";
import { openDevice } from "../src/run/open.js";
import { RESULTS } from "../src/results/arrow/arrow.js";
import { readManifest } from "../src/results/manifest.js";
import type { Row } from "../src/sweep/row.js";
import type { Fault } from "../src/sweep/recovery.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli, losing, type Ended } from "./support/cliProcess.js";
import { demoJob, rowsOf } from "./support/demoSweep.js";

const config = { layers: ["fc"], thresholds: 4, epsilons: [0.1, 0.38] };
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
  const when = new Set(Array.from({ length: 2 }, () => 1 + Math.floor(next() * submissions)));
  const faults: Fault[] = [];
  beforeSubmissions((count) => void (when.has(count) && device.device.destroy()));
  assert.equal(await sweepOn(device, faults), whole, `lost before the submissions ${[...when].join(", ")} of ${submissions}`);
  assert.is(faults.length, when.size);
  assert.ok(faults.every(({ kind }) => kind === "device-lost"));
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

test("lost while kernels are timed: the same rows, and times of what came after", async () => {
  const profiler = new Profiler(device);
  beforeSubmissions((count) => void (count === 6 && device.device.destroy()));
  assert.equal(await rowsOf(device, await demoJob(config, IMAGES), { ...cut, profiler }), whole);
  const { entries } = await profiler.result();
  assert.ok(entries.some(({ name, ms }) => name.startsWith("conv") && ms > 0));
  profiler.close();
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
  GPUQueue.prototype.submit = submit;
  await device.renew();
});

test("a real loss: the driver gives up on a texture of 4 GiB (skipped where it doesn't)", async () => {
  const { createTexture } = GPUDevice.prototype;
  const width = device.device.limits.maxTextureDimension2D;
  beforeSubmissions((count) => void (count === 5 && createTexture.call(device.device, { size: [width, width], format: "rgba32float", usage: GPUTextureUsage.STORAGE_BINDING }).destroy()));
  const faults: Fault[] = [];
  assert.equal(await sweepOn(device, faults), whole);
  if (faults.length === 0) console.log("skipped: this adapter survives a texture of 4 GiB");
  else assert.ok(faults.some(({ kind }) => kind === "device-lost"));
});

const folder = temporaryFolder();
const run = (out: string, env: NodeJS.ProcessEnv = {}): Promise<Ended> => cli(["run", "--limit", "16", "--thresholds", "2", "--layers", "layer4.1.conv2,fc", "--out", out], { cwd: folder, env });
const bytesOf = (out: string): Buffer => readFileSync(join(folder, out, RESULTS));

test("the program goes on after a loss, and says so", async () => {
  assert.is((await run("whole")).code, 0);
  const ended = await run("lost", losing("4"));
  assert.is(ended.code, 0, ended.stderr);
  assert.ok(bytesOf("lost").equals(bytesOf("whole")));
  assert.match(ended.stderr, /the device was lost: .*; opening it again \(1 of 3\)/);
  assert.equal((await readManifest(join(folder, "lost")))?.faults?.map(({ kind }) => kind), ["device-lost"]);
});

test("the program gives up after three devices with exit 75, and the same command completes the run", async () => {
  const ended = await run("again", losing("4-"));
  assert.is(ended.code, 75, ended.stderr);
  assert.is(ended.errors.length, 1);
  assert.match(ended.stderr, /To go on: wgpu-inferlink run .*--out again\n.*lost.*opened again 3 times; run the same command again/);
  assert.not.ok(existsSync(join(folder, "again", RESULTS)));
  assert.is((await readManifest(join(folder, "again")))?.status, "interrupted");
  assert.is((await run("again")).code, 0);
  assert.ok(bytesOf("again").equals(bytesOf("whole")));
});

test.run();
