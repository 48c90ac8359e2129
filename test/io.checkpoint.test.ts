import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { findCheckpoints, parseCheckpointName } from "../src/io/checkpoints/checkpoint.js";
import { expected, fixture, folder, refuses } from "./support/io.js";
import { parse } from "./support/weights.js";

const FORMATS = { "state_zip.ckpt": "torch-zip", "state_legacy.ckpt": "torch-legacy", "state.safetensors": "safetensors", "wrapped.ckpt": "torch-zip" };

for (const [name, format] of Object.entries(FORMATS)) {
  test(`${name} reads as PyTorch wrote it, whatever its name`, async () => {
    const checkpoint = parse(fixture(name), "weights.bin");
    assert.is(checkpoint.format, format);
    assert.is(checkpoint.path, "weights.bin");
    assert.is(checkpoint.sha256, createHash("sha256").update(fixture(name)).digest("hex"));
    // A tensor without axes is no weight.
    const weights = Object.entries(expected.tensors).filter(([, { shape }]) => shape.length > 0);
    assert.equal([...checkpoint.tensors.keys()].sort(), weights.map(([key]) => key).sort());
    for (const [key, { shape, data }] of weights) {
      const tensor = checkpoint.tensors.get(key)!;
      assert.equal(tensor.shape, shape, key);
      assert.ok(tensor.data instanceof Float32Array);
      assert.equal([...tensor.data], data.map(Math.fround), key);
    }
  });
}

test("a missing checkpoint is bad input and a folder is not a file", async () => {
  const dir = folder();
  await refuses(() => readCheckpoint(join(dir, "none.ckpt")), /none\.ckpt: does not exist/);
  await refuses(() => readCheckpoint(dir), /is not a regular file/);
});

test("the path says network, dataset, init and epoch", () => {
  assert.equal(parseCheckpointName("/a/Init_12/ResNet18_MNIST_30epochs.ckpt"), { network: "ResNet18", dataset: "MNIST", init: 12, epoch: 30 });
  assert.equal(parseCheckpointName("ShuffleNet_V2_TinyImageNet_1epochs.pt"), { network: "ShuffleNet_V2", dataset: "TinyImageNet", init: null, epoch: 1 });
  assert.equal(parseCheckpointName("init_3/best.ckpt"), { network: null, dataset: null, init: 3, epoch: null });
});

const tree = folder(Object.fromEntries(
  ["Init_2/ResNet18_MNIST_10epochs", "Init_2/ResNet18_MNIST_9epochs", "Init_10/ResNet18_MNIST_10epochs", "Init_2/notes"]
    .map((name) => [`ResNet18/MNIST/${name}.ckpt`, "x"])));

test("a tree is searched by number, not by letter", () => {
  const found = findCheckpoints(tree, { network: "resnet18", dataset: "mnist" });
  assert.equal(found.map(({ init, epoch }) => [init, epoch]), [[2, 9], [2, 10], [10, 10]]);
  assert.equal(found[0].path, join(tree, "ResNet18/MNIST/Init_2/ResNet18_MNIST_9epochs.ckpt"));
  assert.equal([found[0].network, found[0].dataset], ["ResNet18", "MNIST"]);
  assert.is(findCheckpoints(tree, { network: "ResNet18", dataset: "MNIST", init: [2], epoch: [10] }).length, 1);
});

test("what a tree lacks is named", async () => {
  const find = (query: object) => () => findCheckpoints(tree, { network: "ResNet18", dataset: "MNIST", ...query });
  await refuses(find({ network: "ResNet50" }), /has no network "ResNet50"; there is ResNet18/);
  await refuses(find({ dataset: "CIFAR10" }), /has no dataset "CIFAR10"; there is MNIST/);
  await refuses(find({ init: [3] }), /has no Init 3; there is 2, 10/);
  await refuses(find({ epoch: [9] }), /Init_10: has no epoch 9; there is 10/);
  await refuses(() => findCheckpoints(join(tree, "none"), { network: "a", dataset: "b" }), /does not exist/);
  await refuses(() => findCheckpoints(folder({ "A/B/Init_1/x.txt": "" }), { network: "A", dataset: "B" }), /holds no checkpoints/);
});

test.run();
