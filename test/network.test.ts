/** The whole network on the real device against golden arrays that PyTorch made. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/io/checkpoint.js";
import { describeCheckpoint } from "../src/model/resnet.js";
import { softmaxLoss } from "../src/ops/softmax_loss.js";
import { ACCUMULATORS } from "../src/ops/convTile.js";
import { blockLayout, fromBlocks, toBlocks } from "../src/plan/layout.js";
import { planUnit } from "../src/plan/plan.js";
import { GpuExecutor } from "../src/run/gpu.js";
import { NetworkResources } from "../src/sweep/resources.js";
import { assertClose } from "./support/close.js";
import { gpu } from "./support/kernel.js";

const FOLDER = new URL("../../fixtures/golden/", import.meta.url);

interface Golden {
  checkpoint: string;
  labels: number[];
  arrays: Record<string, { file: string; shape: number[] }>;
}

const golden = (name: string): Golden => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) as Golden;
const array = ({ arrays }: Golden, name: string): Float32Array => {
  const bytes = readFileSync(new URL(arrays[name].file, FOLDER));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
};

/** Signs of the gradient must agree where it is not negligible; see the definition of "the same answer" in the README. */
function assertSigns(actual: Float32Array, expected: Float32Array): void {
  const largest = expected.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
  let [counted, wrong] = [0, 0];
  expected.forEach((g, i) => {
    if (Math.abs(g) <= 1e-6 * largest) return;
    counted++;
    if (Math.sign(g) !== Math.sign(actual[i])) wrong++;
  });
  assert.ok(wrong <= 0.001 * counted, `${wrong} of ${counted} signs differ`);
}

interface Options {
  filtered?: string[];
  batchNorm?: "running" | "batch";
  shuffle?: boolean;
  /** Added to the images. */
  offset?: Float32Array;
}

/** Logits, losses and input gradients of `images`, computed for two stacked variants that filter nothing. */
async function run(name: string, { filtered = ["conv1"], batchNorm = "running", shuffle, offset }: Options = {}) {
  const data = golden(name);
  const network = describeCheckpoint(await readCheckpoint(fileURLToPath(new URL(data.checkpoint, FOLDER))));
  const device = await gpu();
  const executor = new GpuExecutor(device);
  const resources = new NetworkResources(executor, network, batchNorm);
  const [images, channels, height, width] = data.arrays["x"].shape;
  const blocks = (Math.ceil(images / 64) * 64) / device.lanes;
  const image = { channels, height, width };
  const attack = { epsilon: [0, 0, 0, 0], low: [0, 0, 0, 0], high: [0, 0, 0, 0] };
  const plan = planUnit(network, { image, filtered, variants: 2, blocksPerVariant: blocks, images, attacks: [attack], clamp: false, batchNorm, maxTextureWidth: device.maxTextureWidth, lanes: device.lanes, accumulators: ACCUMULATORS.software, shuffle: shuffle ?? device.shuffle });
  plan.body = plan.body.slice(0, plan.body.findIndex(({ kernel }) => kernel === "fgsm"));
  const prepared = executor.prepare(plan, resources.lookup(plan));
  executor.writeTexture(prepared.texture(`clean/${network.graph.input}`), toBlocks(plan.input, array(data, "x").map((v, i) => v + (offset?.[i] ?? 0)), blocks));
  const labels = new Uint32Array(blocks * device.lanes);
  labels.set(data.labels);
  resources.writeLabels(labels);
  const nothing = filtered.map(() => ({ low: 1, high: -1 }));
  resources.writeIntervals(filtered, [nothing, nothing]);
  executor.submit([...prepared.prefix, ...prepared.body]);
  const read = async (resource: string, shape: typeof image) => {
    const layout = blockLayout(shape, device);
    const texels = await executor.readTexture(prepared.texture(resource));
    return [0, 1].map((variant) => fromBlocks(layout, texels.subarray(variant * blocks * layout.fold * layout.texels * 4), images));
  };
  const logits = await read("clean/fc", { channels: network.classes, height: 1, width: 1 });
  const gradient = await read(`grad/${network.graph.input}`, image);
  resources.close();
  executor.close();
  return { data, logits, gradient };
}

function compare({ data, logits, gradient }: Awaited<ReturnType<typeof run>>, suffix = ""): void {
  for (const variant of [0, 1]) {
    assertClose(logits[variant], array(data, `logits${suffix}`), 1e-4, "logits");
    assertClose(gradient[variant], array(data, `grad${suffix}`), 1e-3, "input gradient");
    assertSigns(gradient[variant], array(data, `grad${suffix}`));
  }
}

test("28x28x1, the demo's trained network", async () => compare(await run("demo")));
test("32x32x3", async () => compare(await run("random32")));
test("64x64x3, 200 classes", async () => compare(await run("random64")));
test("32x32x3, batch norm over the batch", async () => compare(await run("random32", { batchNorm: "batch" }), "_bn_batch"));
test("a layer in the middle filtered: the part in front of it is shared", async () => compare(await run("demo", { filtered: ["layer3.0.downsample.0"] })));
test("weights without subgroups", async () => compare(await run("random32", { shuffle: false })));

test("the gradient is the slope of the loss (finite differences along its sign)", async () => {
  const { data, gradient } = await run("random32");
  const step = 1e-4;
  const total = async (by: number): Promise<number> => {
    const { logits } = await run("random32", { offset: gradient[0].map((g) => by * Math.sign(g)) });
    return softmaxLoss(logits[0], data.labels, 10).loss.reduce((a, b) => a + b, 0);
  };
  const slope = ((await total(step)) - (await total(-step))) / (2 * step);
  const expected = gradient[0].reduce((sum, g) => sum + Math.abs(g), 0);
  assert.ok(Math.abs(slope / expected - 1) < 0.02, `slope ${slope}, gradient's ${expected}`);
});

test.run();
