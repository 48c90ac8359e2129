/** The package as a library: the same rows as the command line's, in order, and nothing left open on any way out. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { listAdapters, OptionError, readRows, sweep, type Row, type SweepOptions, type SweepProgress } from "../src/index.js";
import { PACKAGE_ROOT } from "../src/package.js";
import { DEMO_CHECKPOINT, DEMO_DATA, temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { refuses } from "./support/io.js";

const SMALL: SweepOptions = { limit: 16, thresholds: 2, layers: ["layer4.1.conv2", "fc"], filters: ["h_a"], epsilons: [0.1, 0.38] };

/** How many devices are open, opened and not yet destroyed, beside those of other tests in this process. */
let devices = 0;
await listAdapters(); // which puts WebGPU's classes in place
const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (...args) {
  devices += 1;
  return requestDevice.apply(this, args);
};
const { destroy } = GPUDevice.prototype;
GPUDevice.prototype.destroy = function () {
  devices -= 1;
  return destroy.apply(this);
};

/** A test that leaves no device open. */
function closing(name: string, act: () => Promise<void>): void {
  test(name, async () => {
    devices = 0;
    await act();
    assert.is(devices, 0, "every device is closed");
  });
}

/** What an iterator throws first. */
async function thrownBy(rows: AsyncIterable<Row>): Promise<unknown> {
  try {
    for await (const _ of rows) continue;
  } catch (error) {
    return error;
  }
  return assert.unreachable("nothing was thrown");
}

closing("rows are those that the command line writes, whoever reads them back", async () => {
  const folder = temporaryFolder();
  const run = await cli(["run", "--limit", "16", "--thresholds", "2", "--layers", "layer4.1.conv2,fc", "--filters", "h_a", "--epsilon", "0.1,0.38", "--out", "run"], { cwd: folder });
  assert.is(run.code, 0, run.stderr);
  const rows: Row[] = [];
  for await (const row of sweep(SMALL)) rows.push(row);
  assert.is(rows.length, 2 * 2 * 2);
  const float32 = (row: Row): Row => ({ ...row, alpha: Math.fround(row.alpha) });
  assert.equal(rows, rows.map(float32));
  assert.equal(await readRows(join(folder, "run")), rows);
  assert.equal(await readRows(join(folder, "run/results.arrow")), rows);
});

closing("a layer's rows come before the next layer is begun, with files and a tree alike", async () => {
  const trees: SweepOptions[] = [
    { checkpoints: DEMO_CHECKPOINT, data: DEMO_DATA },
    { savedModels: { folder: join(PACKAGE_ROOT, "fixtures/demo/Saved_models"), inits: [1], epochs: [2] }, data: DEMO_DATA, adapter: 0 },
  ];
  for (const inputs of trees) {
    const told: SweepProgress[] = [];
    const layers: string[] = [];
    for await (const row of sweep({ ...SMALL, ...inputs, onProgress: (progress) => told.push(progress) })) {
      assert.is(told.at(-1)!.layer, row.layer);
      if (!layers.includes(row.layer)) layers.push(row.layer);
    }
    assert.equal(layers, SMALL.layers);
    assert.equal(told.at(-1), { done: 2 * 2 * 16, total: 2 * 2 * 16, checkpoint: told[0].checkpoint, layer: "fc" });
  }
});

closing("break, an error of the loop and an error of a callback close the device", async () => {
  for await (const row of sweep(SMALL)) {
    assert.is(devices, 1);
    assert.is(row.layer, "layer4.1.conv2");
    break;
  }
  assert.is(devices, 0);
  const fail = (): never => {
    throw new RangeError("mine");
  };
  try {
    for await (const _ of sweep(SMALL)) fail();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, RangeError);
  }
  assert.is(devices, 0);
  assert.instance(await thrownBy(sweep({ ...SMALL, onProgress: fail })), RangeError);
});

closing("a signal ends it with its own reason", async () => {
  const controller = new AbortController();
  const reason = new Error("enough");
  const layers: string[] = [];
  const onProgress = ({ layer }: SweepProgress): void => {
    layers.push(layer);
    controller.abort(reason);
  };
  assert.is(await thrownBy(sweep({ ...SMALL, signal: controller.signal, onProgress })), reason);
  assert.equal(layers, ["layer4.1.conv2"]);
  assert.is(await thrownBy(sweep({ ...SMALL, checkpoints: "nowhere.ckpt", data: "nowhere", signal: AbortSignal.abort(reason) })), reason);
});

const WRONG: [object, RegExp][] = [
  [{ treshold: 3 }, /^treshold: is no option; did you mean thresholds\?$/],
  [{ thresholds: "25" }, /^thresholds: takes a whole number of at least 1, not "25"$/],
  [{ limit: 0 }, /^limit: takes .*, not 0$/],
  [{ epsilons: [Number.NaN] }, /^epsilons: .*not \["NaN"\]$/],
  [{ filters: ["minmax"] }, /^filters: takes some of h_a, h_b, h_c/],
  [{ alphas: [0.1] }, /^alphas: the pulse filter h_c needs delta/],
  [{ alphas: [0.1], thresholds: 2, filters: ["h_a"] }, /^alphas and thresholds: give one of them$/],
  [{ range: [-1, 1] }, /^range: belongs to scope global/],
  [{ scope: "global", layers: ["fc"] }, /^layers: goes with scope local/],
  [{ data: "x" }, /^data: needs networks/],
  [{ checkpoints: "x" }, /^data: is missing/],
  [{ checkpoints: "x", savedModels: "y", data: "z" }, /^checkpoints and savedModels: give one of them$/],
  [{ savedModels: { folder: "x", init: [1] }, data: "z" }, /^init: is no option; did you mean inits\?$/],
  [{ savedModels: { folder: "x", inits: [1.5] }, data: "z" }, /^savedModels\.inits: takes whole numbers/],
  [{ signal: {} }, /^signal: takes an AbortSignal/],
];

closing("wrong options are refused by name", async () => {
  for (const [options, message] of WRONG) {
    await refuses(() => sweep(options as SweepOptions).next(), message, 2);
    assert.instance(await thrownBy(sweep(options as SweepOptions)), OptionError);
  }
  await refuses(() => sweep({ layers: ["fd"] }).next(), /did you mean "fc"/, 2);
});

closing("wrong files and adapters are the command line's errors", async () => {
  await refuses(() => sweep({ checkpoints: "nowhere.ckpt", data: DEMO_DATA }).next(), /^nowhere\.ckpt: does not exist/, 65);
  await refuses(() => sweep({ checkpoints: DEMO_CHECKPOINT, data: "nowhere" }).next(), /^nowhere: does not exist/, 65);
  await refuses(() => sweep({ ...SMALL, adapter: "Voodoo2" }).next(), /no adapter matches "Voodoo2"/, 69);
  await refuses(() => readRows("nowhere"), /^nowhere: does not exist/, 74);
});

test.run();
