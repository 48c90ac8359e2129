/** A device that computes nonsense is refused when it is opened, and when it is opened again. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { AdapterError, EXIT } from "../src/errors.js";
import { openDevice } from "../src/run/open.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";

async function assertRefused(work: Promise<unknown>): Promise<void> {
  const error = await work.then(() => null, (thrown: unknown) => thrown);
  assert.instance(error, AdapterError);
  assert.is((error as AdapterError).exitCode, EXIT.noAdapter);
  assert.match((error as Error).message, /computes nonsense: \d+ of \d+ values .*--adapter/);
}

test("Dawn's null back end, which does nothing", async () => {
  const out = join(temporaryFolder(), "run");
  const ended = await cli(["run", "--limit", "8", "--layers", "fc", "--out", out], { env: { WGPU_INFERLINK_DAWN: "backend=null" } });
  assert.is(ended.code, 69, ended.stderr);
  assert.is(ended.errors.length, 1);
  assert.match(ended.errors[0], /null-backend: computes nonsense/);
  assert.not.ok(existsSync(out));
});

const { getMappedRange } = GPUBuffer.prototype;
const { writeTexture } = GPUQueue.prototype;
test.after.each(() => {
  GPUBuffer.prototype.getMappedRange = getMappedRange;
  GPUQueue.prototype.writeTexture = writeTexture;
});

test("one value in the result that is off by one", async () => {
  GPUBuffer.prototype.getMappedRange = function (...args) {
    const range = getMappedRange.apply(this, args);
    const values = new Float32Array(range);
    values[values.findIndex((value) => value !== 0)] += 1;
    return range;
  };
  await assertRefused(openDevice());
});

test("a weight that never arrives, on the device that takes a lost one's place", async () => {
  const gpu = await openDevice();
  gpu.device.destroy();
  GPUQueue.prototype.writeTexture = function (to, data, layout, size) {
    const values = (data as Float32Array).slice();
    values[values.findIndex((value) => Math.abs(value) > 2)] = 0;
    return writeTexture.call(this, to, values, layout, size);
  };
  await assertRefused(gpu.renew());
  gpu.close();
});

test.run();
