/** Images as people have them: relatives of MNIST, rewritten CIFAR batches, CIFAR-100, rearranged Tiny ImageNet, files of arrays. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { openDataset } from "../src/io/datasets/dataset.js";
import type { Dataset } from "../src/io/types.js";
import { fixture, folder, idx, refuses, ROOT, safetensors, tarball } from "./support/io.js";
import { dict, int, list, numpyBytes, pickle, raw, text } from "./support/ioPickle.js";

const test1 = { split: "test" } as const;
const images = idx([3, 2, 2], [...Array(12).keys()]);
const labels = (...values: number[]): Buffer => idx([values.length], values);
/** Bytes again of a dataset that is normalised by nothing. */
const bytesOf = (data: Dataset): number[] => Array.from(data.normalisedBy!({ mean: [0], std: [1] }).read(0, data.images), (pixel) => Math.round(pixel * 255));
const summary = ({ name, classes, labels }: Dataset): unknown[] => [name, classes, [...labels]];

const MNISTS: Record<string, [files: Record<string, Uint8Array>, expected: unknown[]]> = {
  "folders that bear the files' names": [{ "t10k-images-idx3-ubyte/t10k-images-idx3-ubyte": images, "t10k-labels.idx1-ubyte/t10k-labels-idx1-ubyte": labels(1, 2, 3) }, ["mnist", 10, [1, 2, 3]]],
  "such folders beside the files": [{ "a/t10k-images.idx3-ubyte": images, "a/t10k-labels.idx1-ubyte": labels(1, 2, 3), "a/t10k-images-idx3-ubyte/t10k-images-idx3-ubyte": images, "a/t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte": labels(9, 9, 9) }, ["mnist", 10, [1, 2, 3]]],
  "more than ten classes": [{ "t10k-images-idx3-ubyte": images, "t10k-labels-idx1-ubyte": labels(0, 46, 3) }, ["mnist", 47, [0, 46, 3]]],
  "Fashion-MNIST": [{ "FashionMNIST/raw/t10k-images-idx3-ubyte.gz": gzipSync(images), "FashionMNIST/raw/t10k-labels-idx1-ubyte.gz": gzipSync(labels(1, 2, 3)) }, ["fashion-mnist", 10, [1, 2, 3]]],
  "KMNIST": [{ "KMNIST/raw/t10k-images-idx3-ubyte": images, "KMNIST/raw/t10k-labels-idx1-ubyte": labels(1, 2, 3) }, ["kmnist", 10, [1, 2, 3]]],
  "EMNIST balanced as its archive unpacks": [{ "gzip/emnist-balanced-test-images-idx3-ubyte.gz": gzipSync(images), "gzip/emnist-balanced-test-labels-idx1-ubyte.gz": gzipSync(labels(0, 46, 3)) }, ["emnist-balanced", 47, [0, 46, 3]]],
  "QMNIST, whose labels have eight columns": [{ "QMNIST/raw/qmnist-test-images-idx3-ubyte": images, "QMNIST/raw/qmnist-test-labels-idx2-int": idx([3, 2], [0, 0, 0, 4, 0, 0, 1, 0, 0, 0, 0, 5, 0, 0, 9, 9, 0, 0, 0, 6, 9, 9, 9, 9], 0xc02) }, ["qmnist", 10, [4, 5, 6]]],
};
for (const [what, [files, expected]] of Object.entries(MNISTS)) {
  test(`of MNIST's shape: ${what}`, async () => {
    const data = await openDataset(folder(files), test1);
    assert.equal(summary(data), expected);
    assert.equal(bytesOf(data), [...Array(12).keys()]);
    assert.equal(data.normalisation, { mean: [0.1307], std: [0.3081] });
  });
}

test("several sets in one folder are told apart by name, and a name fits files that lie elsewhere", async () => {
  const pair = (stem: string, label: number): Record<string, Uint8Array> => ({ [`${stem}-images-idx3-ubyte`]: images, [`${stem}-labels-idx1-ubyte`]: labels(label, label, label) });
  const dir = folder({ ...pair("MNIST/raw/t10k", 1), ...pair("FashionMNIST/raw/t10k", 2), ...pair("EMNIST/raw/emnist-letters-test", 3), ...pair("EMNIST/raw/emnist-digits-test", 4) });
  await refuses(() => openDataset(dir, test1), /holds .*fashion-mnist.*choose one with --dataset/);
  for (const [dataset, label] of [["mnist", 1], ["fashion-mnist", 2], ["emnist-letters", 3], ["emnist-digits", 4]] as const) assert.equal([(await openDataset(dir, { ...test1, dataset })).name, (await openDataset(dir, { ...test1, dataset })).labels[0]], [dataset, label]);
  assert.match((await openDataset(dir, { ...test1, dataset: "emnist-letters" })).notes!.join(), /transposed/);
  assert.is((await openDataset(folder(pair("t10k", 1)), { ...test1, dataset: "kmnist" })).name, "kmnist");
  await refuses(() => openDataset(folder(pair("t10k", 1)), { ...test1, dataset: "qmnist" }), /no dataset that is known/);
});

/** Two CIFAR images, as planes. */
const planes = Buffer.alloc(2 * 3072).map((_, i) => (i * 11) % 256);
const interleaved = Buffer.alloc(2 * 3072);
for (let i = 0; i < 2; i++) for (let p = 0; p < 1024; p++) for (let c = 0; c < 3; c++) interleaved[i * 3072 + 3 * p + c] = planes[i * 3072 + c * 1024 + p];
const int64 = (...values: number[]): Buffer => Buffer.from(BigInt64Array.from(values, BigInt).buffer);
const CIFARS: Record<string, Uint8Array> = {
  "as the originals": pickle(dict(raw("labels"), list(int(3), int(7)), raw("data"), numpyBytes([2, 3072], planes))),
  "labels in an array": pickle(dict(text("labels"), numpyBytes([2], int64(3, 7), "i8"), text("data"), numpyBytes([2, 3072], planes))),
  "labels as NumPy's numbers": pickle(dict(text("labels"), list(numpyBytes([], int64(3), "i8"), numpyBytes([], int64(7), "i8")), text("data"), numpyBytes([2, 3072], planes))),
  "[N, 3, 32, 32]": pickle(dict(text("labels"), list(int(3), int(7)), text("data"), numpyBytes([2, 3, 32, 32], planes))),
  "[N, 32, 32, 3]": pickle(dict(text("labels"), list(int(3), int(7)), text("data"), numpyBytes([2, 32, 32, 3], interleaved))),
};
for (const [what, batch] of Object.entries(CIFARS)) {
  test(`a CIFAR-10 batch: ${what}`, async () => {
    const data = await openDataset(folder({ "cifar-10-batches-py/test_batch": batch }), test1);
    assert.equal(summary(data), ["cifar10", 10, [3, 7]]);
    assert.equal(bytesOf(data), [...planes]);
  });
}

test("CIFAR-100: fine labels or coarse ones, pickled, binary or in its archive", async () => {
  const batch = pickle(dict(raw("fine_labels"), list(int(99), int(7)), raw("coarse_labels"), list(int(19), int(1)), raw("data"), numpyBytes([2, 3072], planes)));
  const binary = Buffer.concat([Buffer.from([19, 99]), planes.subarray(0, 3072), Buffer.from([1, 7]), planes.subarray(3072)]);
  const forms: Record<string, Uint8Array>[] = [{ "cifar-100-python/test": batch }, { "cifar-100-binary/test.bin": binary }, { "cifar-100-python.tar.gz": gzipSync(await tarball([["cifar-100-python/test", batch]])) }];
  for (const files of forms) {
    const dir = folder(files);
    const fine = await openDataset(dir, test1);
    assert.equal(summary(fine), ["cifar100", 100, [99, 7]]);
    assert.equal(bytesOf(fine), [...planes]);
    assert.equal(summary(await openDataset(dir, { ...test1, coarse: true })), ["cifar100", 20, [19, 1]]);
  }
  await refuses(() => openDataset(folder({ "cifar-100-python/test": CIFARS["as the originals"] }), { ...test1, coarse: true }), /does not hold the coarse_labels/);
  await refuses(() => openDataset(folder({ test_batch: CIFARS["as the originals"] }), { ...test1, coarse: true }), /coarse labels are CIFAR-100's/);
});

const ARRAYS = join(ROOT, "fixtures/io/arrays");
const PIXELS = Array.from({ length: 120 }, (_, i) => (i * 7) % 256);

for (const name of ["stored.npz", "deflated.npz", "x_test.npy"]) {
  test(`a file of arrays that NumPy wrote: ${name}`, async () => {
    const data = await openDataset(join(ARRAYS, name), test1);
    assert.equal(summary(data), ["arrays", 12, [3, 11]]);
    assert.equal([data.channels, data.height, data.width], [3, 4, 5]);
    assert.equal(bytesOf(data), PIXELS);
    assert.equal((await openDataset(join(ARRAYS, name), { ...test1, limit: 1 })).images, 1);
  });
}

test("one .npy of images and labels.npy beside it, as CIFAR-10-C has it", async () => {
  const dir = folder();
  cpSync(join(ARRAYS, "x_test.npy"), join(dir, "gaussian_noise.npy"));
  await refuses(() => openDataset(join(dir, "gaussian_noise.npy"), test1), /their labels lie in none of .*labels\.npy/);
  cpSync(join(ARRAYS, "y_test.npy"), join(dir, "labels.npy"));
  assert.equal([...(await openDataset(join(dir, "gaussian_noise.npy"), test1)).labels], [3, 11]);
  await refuses(() => openDataset(dir, test1), /name the one that holds the images, such as --data .*gaussian_noise\.npy/);
});

test("floats are taken as they are, or are pixels of 0 to 1 where a normalisation is asked for", async () => {
  const data = await openDataset(join(ARRAYS, "floats.npz"), test1);
  assert.is(data.normalisation, null);
  assert.equal(data.read(0, 2), Float32Array.from(PIXELS, (byte) => byte / 255));
  assert.match(data.notes!.join(), /taken as they are/);
  const other = data.normalisedBy!({ mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] });
  const plain = await openDataset(join(ARRAYS, "stored.npz"), test1);
  assert.equal(other.read(1, 1), plain.normalisedBy!({ mean: [0.1, 0.2, 0.3], std: [0.5, 0.25, 2] }).read(1, 1));
});

test("safetensors of images and labels", async () => {
  const body = Buffer.concat([Buffer.from(PIXELS), int64(3, 11)]);
  const dir = folder({ "set.safetensors": safetensors({ images: { dtype: "U8", shape: [2, 3, 4, 5], data_offsets: [0, 120] }, labels: { dtype: "I64", shape: [2], data_offsets: [120, 136] } }, body) });
  const data = await openDataset(join(dir, "set.safetensors"), test1);
  assert.equal([summary(data), bytesOf(data)], [["arrays", 12, [3, 11]], PIXELS]);
});

/** A .npy of this header. */
const npy = (header: string, data = Buffer.alloc(8)): Buffer => {
  const length = Buffer.alloc(2);
  length.writeUInt16LE(header.length);
  return Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY\x01\x00", "latin1"), length, Buffer.from(header), data]);
};
const HOSTILE: [header: string | Buffer, message: RegExp][] = [
  ["{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", /array of Python objects/],
  ["{'descr': '>i8', 'fortran_order': False, 'shape': (1,), }", /big-endian/],
  ["{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", /type c8/],
  ["{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", /damaged NumPy header, or an array of records/],
  ["__import__('os').system('touch executed')", /damaged NumPy header/],
  ["{'descr': '|u1', 'fortran_order': False, 'shape': (9007199254740993, 9007199254740993), }", /declares/],
  ["{'descr': '|u1', 'fortran_order': False, 'shape': (9,), }", /declares 9 numbers of 1 bytes and holds 8 bytes/],
  ["{'descr': '|u1', 'fortran_order': False, 'shape': (0, 28, 28), }", /declares 0x28x28/],
  [Buffer.concat([Buffer.from([0x93]), Buffer.from("NUMPY\x01\x00\xff\xff{}", "latin1")]), /damaged NumPy header/],
  [Buffer.from("PK\x03\x04 and no more"), /cut short/],
  [Buffer.from("neither"), /is a file that holds no images/],
];
for (const [i, [header, message]] of HOSTILE.entries()) {
  test(`a hostile file of arrays, ${i + 1}`, async () => {
    const dir = folder({ "x.npy": typeof header === "string" ? npy(header) : header, "y.npy": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (8,), }") });
    await refuses(() => openDataset(join(dir, "x.npy"), test1), message);
  });
}

test("arrays that are no images or no labels are refused", async () => {
  const dir = folder({ "x.npy": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2, 2), }"), "y.npy": npy("{'descr': '|u1', 'fortran_order': False, 'shape': (2, 4), }") });
  await refuses(() => openDataset(join(dir, "x.npy"), test1), /labels of shape 2x4/);
  await refuses(() => openDataset(join(ARRAYS, "y_test.npy"), test1), /labels lie in none|images of shape/);
  await refuses(() => openDataset(join(ARRAYS, "objects.npz"), test1), /array of Python objects.*images\.npy/);
  await refuses(() => openDataset(join(ARRAYS, "deflated.npz"), { split: "train" }), /holds x_test, y_test and no images with labels; name the arrays images and labels, or x_train and y_train/);
});

const WNIDS = ["n00000001", "n00000002", "n00000003"];
const jpeg = fixture("colour420.jpg");
const gray = fixture("gray.jpg");
const sorted = { "t/val/n00000002/a.JPEG": jpeg, "t/val/n00000003/b.JPEG": gray, "t/val/n00000003/._b.JPEG": Buffer.from("x") };

test("Tiny ImageNet's validation set, sorted into class folders or not, with wnids.txt or without", async () => {
  const list = "a.JPEG\tn00000002\t0\t0\t1\t1\nb.JPEG\tn00000003\t0\t0\t1\t1\n";
  const labelsOf = async (files: Record<string, Uint8Array | string>, at = ""): Promise<unknown[]> => {
    const data = await openDataset(join(folder(files), at), test1);
    return [data.name, [...data.labels], data.normalisation!.mean[0]];
  };
  assert.equal(await labelsOf({ ...sorted, "t/wnids.txt": WNIDS.join("\n") }), ["tiny-imagenet", [1, 2], 0.5]);
  assert.equal(await labelsOf({ ...sorted, "t/wnids.txt": WNIDS.join("\r\n"), "t/val/val_annotations.txt": list }), ["tiny-imagenet", [1, 2], 0.5]);
  assert.equal(await labelsOf({ ...sorted, "t/train/n00000001/images/x.JPEG": jpeg, "t/train/n00000002/images/x.JPEG": jpeg, "t/train/n00000003/images/x.JPEG": jpeg }), ["images", [0, 1], 0.5]);
  assert.equal(await labelsOf(Object.fromEntries(Object.entries(sorted).map(([name, file]) => [name.replace("t/", "tiny-imagenet-200/"), file]))), ["tiny-imagenet", [0, 1], 0.5]);
  const unsorted = { "t/val/val_annotations.txt": list, "t/val/images/a.JPEG": jpeg, "t/val/images/b.JPEG": gray };
  assert.equal(await labelsOf(unsorted), ["tiny-imagenet", [0, 1], 0.5]);
  assert.equal(await labelsOf(unsorted, "t/val"), ["tiny-imagenet", [0, 1], 0.5]);
  assert.equal(await labelsOf({ ...unsorted, "t/wnids.txt": WNIDS.join("\n") }, "t/val"), ["tiny-imagenet", [1, 2], 0.5]);
  const subset = await openDataset(folder({ ...sorted, "t/wnids.txt": WNIDS.join("\n") }), test1);
  assert.match(subset.notes!.join(), /1 of the classes of .*wnids\.txt have no folder/);
});

test.run();
