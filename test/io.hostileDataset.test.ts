import { chmodSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import { openDataset } from "../src/io/datasets/dataset.js";
import { fixture, folder, idx, refuses, tarball, zip } from "./support/io.js";
import { call, dict, global, int, list, numpyBytes, op, pickle, raw, tensor, text, tuple } from "./support/ioPickle.js";

type Files = Record<string, Uint8Array | string>;

const IMAGES = "t10k-images-idx3-ubyte";
const LABELS = "t10k-labels-idx1-ubyte";
const pixels = Buffer.alloc(2 * 4, 9);
const mnist = (images: Uint8Array, labels: Uint8Array = idx([2], [1, 2])): Files => ({ [IMAGES]: images, [LABELS]: labels });
const goodImages = idx([2, 2, 2], pixels);
const record = (label: number): Buffer => Buffer.concat([Buffer.from([label]), Buffer.alloc(3072)]);
const cifar = (...items: Uint8Array[]): Files => ({ test_batch: pickle(dict(...items)) });
const array = (shape: Uint8Array): Buffer => call(global("numpy.core.numeric", "_frombuffer"), raw(Buffer.alloc(8)), call(global("numpy", "dtype"), text("u1")), shape, text("C"));
const row = numpyBytes([1, 3072], Buffer.alloc(3072));
const tar = async (...files: Parameters<typeof tarball>[0]): Promise<Files> => ({ "cifar-10-python.tar.gz": gzipSync(await tarball(files)) });
const bytesTensor = (key: string, ...shape: number[]): Buffer =>
  tensor({ key, storage: "ByteStorage", numel: shape[0], shape: tuple(...shape.map(int)), strides: tuple(...shape.map(() => int(1))) });
/** An archive whose first header was changed, its checksum right again or left as it was. */
async function tarWith(change: (header: Buffer, all: Buffer) => unknown, right = true): Promise<Files> {
  const all = await tarball([["cifar-10-batches-py/test_batch", fixture("cifar_p4")]]);
  const header = all.subarray(0, 512);
  change(header, all);
  if (right) {
    header.fill(32, 148, 156);
    header.write(header.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0"), 148, "latin1");
  }
  return { "cifar-10-python.tar": all };
}
const tiny = (file: Uint8Array): Files => ({ "test_set.pkl": file });
const jpeg = fixture("colour420.jpg");
const val = (image: Uint8Array | string, line = "val_0.JPEG\tn00000001\t0\t0\t1\t1\n", wnids = "n00000001\n"): Files =>
  ({ "wnids.txt": wnids, "val/val_annotations.txt": line, "val/images/val_0.JPEG": image });
const flipped = (file: Buffer, at: number): Buffer => {
  const copy = Buffer.from(file);
  copy[at] ^= 0xff;
  return copy;
};

const hostile: Record<string, [files: Files | Promise<Files>, message: RegExp]> = {
  // MNIST
  "idx-images-empty": [mnist(Buffer.alloc(0)), /idx3-ubyte: is empty/],
  "idx-images-of-3-bytes": [mnist(Buffer.alloc(3)), /cut short inside its header/],
  "idx-header-cut": [mnist(goodImages.subarray(0, 10)), /cut short inside its header/],
  "idx-wrong-magic": [mnist(idx([2, 2, 2], pixels, 0x803 + 1)), /starts with 0x00000804 where idx images start with 0x00000803/],
  "idx-labels-for-images": [mnist(idx([2], [1, 2])), /starts with 0x00000801/],
  "idx-cut": [mnist(goodImages.subarray(0, -1)), /declares 2x2x2 bytes and holds 7; it is cut short/],
  "idx-too-long": [mnist(Buffer.concat([goodImages, pixels])), /too long/],
  "idx-overflow": [mnist(idx([0xffffffff, 0xffffffff, 0xffffffff], pixels)), /declares 4294967295x/],
  "idx-no-images": [mnist(idx([0, 28, 28], []), idx([0], [])), /holds no images/],
  "idx-no-pixels": [mnist(idx([2, 0, 5], [])), /images without pixels/],
  "idx-three-labels": [mnist(goodImages, idx([3], [1, 2, 3])), /holds 3 labels and .* holds 2 images/],
  "idx-without-labels": [{ [IMAGES]: goodImages }, /without its labels/],
  "gzip-cut": [{ [`${IMAGES}.gz`]: gzipSync(goodImages).subarray(0, 20), [LABELS]: idx([2], [1, 2]) }, /damaged gzip/],
  "gzip-changed": [{ [`${IMAGES}.gz`]: flipped(gzipSync(goodImages), 14), [LABELS]: idx([2], [1, 2]) }, /damaged gzip/],
  "gzip-bomb": [{ [`${IMAGES}.gz`]: gzipSync(Buffer.alloc(300 << 20), { level: 1 }), [LABELS]: idx([2], [1, 2]) }, /unpacks to far more/],
  "idx-a-million-labels": [mnist(goodImages, idx([1_000_000], Buffer.alloc(1_000_000))), /at most 1000000 are expected/],
  "pt-a-million-labels": [{ "processed/test.pt": zip([["a/data.pkl", pickle(tuple(bytesTensor("0", 1_000_001, 1, 1), bytesTensor("1", 1_000_001)))], ["a/data/0", Buffer.alloc(1_000_001)], ["a/data/1", Buffer.alloc(1_000_001)]]) }, /far more than a set like MNIST/],
  "pt-not-torch": [{ "processed/test.pt": "hello" }, /does not hold the pair/],
  "pt-of-a-state-dict": [{ "processed/test.pt": fixture("state_zip.ckpt") }, /does not hold the pair/],
  "pt-cut": [{ "processed/test.pt": fixture("mnist_legacy.pt").subarray(0, 900) }, /more than the file can hold/],
  // CIFAR-10
  "bin-cut": [{ "test_batch.bin": record(1).subarray(0, 3000) }, /no whole number of records/],
  "bin-label-10": [{ "test_batch.bin": record(10) }, /label 10/],
  "bin-batch-missing": [{ "data_batch_1.bin": record(1) }, /holds the train split and no test split/],
  "py-os-system": [{ test_batch: pickle(call(global("os", "system"), text("false"))) }, /test_batch: asks for os\.system, .*nothing was executed/],
  "py-numpy-loads": [{ test_batch: pickle(call(global("numpy", "loads"), text("x"))) }, /numpy\.loads/],
  "py-no-data": [cifar(raw("labels"), list(int(1))), /does not hold the labels and data/],
  "py-two-labels": [cifar(raw("labels"), list(int(1), int(2)), raw("data"), row), /holds 1 images and 2 labels/],
  "py-label-negative": [cifar(raw("labels"), list(int(-1)), raw("data"), row), /label -1/],
  "py-label-text": [cifar(raw("labels"), list(text("1")), raw("data"), row), /label "1", and labels go/],
  "py-label-huge": [cifar(raw("labels"), list(op(0x8a, 9, Buffer.alloc(8), 1)), raw("data"), row), /label 18446744073709551616, and/],
  "py-label-deep": [cifar(raw("labels"), list(op(")", Buffer.alloc(1_000_000, 0x85))), raw("data"), row), /label of another type/],
  "py-label-wide": [cifar(raw("labels"), list(op("](", Buffer.alloc(1_000_000, "N"), "e")), raw("data"), row), /label of another type/],
  "py-shape-huge": [cifar(raw("data"), array(tuple(op(0x8a, 9, Buffer.alloc(8), 1)))), /without a type, shape and bytes/],
  "py-shape-deep": [cifar(raw("data"), array(tuple(op(")", Buffer.alloc(1_000_000, 0x85))))), /without a type, shape and bytes/],
  "py-persistent-id": [{ test_batch: pickle(text("0"), op("Q")) }, /data outside the pickle/],
  "py-second-pickle": [{ test_batch: Buffer.concat([pickle(dict(raw("labels"), list(int(1)), raw("data"), row)), pickle(call(global("os", "system"), text("false")))]) }, /goes on for/],
  "py-big-endian": [cifar(raw("data"), call(global("numpy.core.numeric", "_frombuffer"), raw("ab"), op(call(global("numpy", "dtype"), text("i2")), tuple(int(3), text("=")), "b"))), /not little-endian/],
  "py-too-large": [{ test_batch: Buffer.alloc((1 << 25) + 1) }, /at most 33554432 are expected/],
  "py-data-short": [cifar(raw("labels"), list(int(1)), raw("data"), numpyBytes([1, 3072], Buffer.alloc(3000))), /reaches outside its storage/],
  "py-data-long": [cifar(raw("labels"), list(int(1)), raw("data"), numpyBytes([1, 3072], Buffer.alloc(4000))), /shape 1x3072 with 4000 bytes/],
  "py-data-floats": [cifar(raw("labels"), list(int(1)), raw("data"), numpyBytes([1, 3072], Buffer.alloc(4 * 3072), "f4")), /type float32 where uint8/],
  "py-data-objects": [cifar(raw("labels"), list(int(1)), raw("data"), numpyBytes([1, 3072], Buffer.alloc(3072), "O8")), /type "O8"/],
  "py-cut": [{ test_batch: fixture("cifar_p4").subarray(0, 3000) }, /is cut short/],
  "tar-cut": [{ "cifar-10-python.tar.gz": gzipSync(fixture("cifar_p4")).subarray(0, 99) }, /damaged/],
  "tar-of-something-else": [{ "cifar-10-python.tar.gz": gzipSync(Buffer.alloc(5000, "x")) }, /damaged tar/],
  "tar-without-batch": [tar(["cifar-10-batches-py/batches.meta", pixels]), /has no test_batch in it/],
  "tar-escaping-name": [tar(["../cifar-10-batches-py/test_batch", fixture("cifar_p2")]), /has no test_batch in it/],
  "tar-symlink": [tar(["cifar-10-batches-py/test_batch", pixels, "symlink"]), /as a link/],
  "tar-twice": [tar(["cifar-10-batches-py/test_batch", fixture("cifar_p4")], ["./cifar-10-batches-py/test_batch", pixels]), /twice/],
  "tar-size-binary": [tarWith((header) => header.set([0xd8], 124)), /damaged tar archive/],
  "tar-size-negative": [tarWith((header) => header.fill(0xff, 124, 136)), /damaged tar archive/],
  "tar-size-words": [tarWith((header) => header.write("zweihundert ", 124, "latin1")), /damaged tar archive/],
  "tar-size-beyond-the-end": [tarWith((header) => header.write("00077777777 ", 124, "latin1")), /damaged tar archive/],
  "tar-size-of-gigabytes": [tarWith((header) => header.write("77777777777 ", 124, "latin1")), /far more than is expected/],
  "tar-checksum": [tarWith((header) => (header[0] ^= 1), false), /damaged tar archive/],
  "tar-without-an-end": [tarWith((_, all) => all.fill(1, all.length - 1024)), /damaged tar archive/],
  "tar-hard-link": [tarWith((header) => header.write("1", 156, "latin1")), /as a link/],
  "tar-long-name": [tarWith((header) => header.write("L", 156, "latin1")), /as a link/],
  "tar-large-batch": [tar(["cifar-10-batches-py/test_batch", Buffer.alloc((1 << 25) + 1)]), /far more than is expected/],
  "tar-bomb": [tar(["junk", Buffer.alloc(300 << 20)]), /unpacks to far more/],
  // Tiny ImageNet
  "tiny-os-system": [tiny(pickle(call(global("subprocess", "Popen"), text("false")))), /subprocess\.Popen.*nothing was executed/],
  "tiny-list": [tiny(pickle(list(int(1)))), /dict with labels and images/],
  "tiny-empty": [tiny(pickle(dict(text("labels"), list(), text("images"), list()))), /holds no images/],
  "tiny-label-200": [tiny(pickle(dict(text("labels"), list(int(200)), text("images"), list(numpyBytes([3, 64, 64], Buffer.alloc(49152), "f4"))))), /label 200/],
  "tiny-counts": [tiny(pickle(dict(text("labels"), list(int(1)), text("images"), list()))), /holds 0 images and 1 labels/],
  "tiny-image-is-text": [tiny(pickle(dict(text("labels"), list(int(1)), text("images"), list(text("x"))))), /not a tensor/],
  "tiny-image-28": [tiny(pickle(dict(text("labels"), list(int(1)), text("images"), list(numpyBytes([28, 28], Buffer.alloc(784)))))), /uint8 and shape 28x28/],
  "tiny-one-image-twice": [tiny(pickle(dict(text("labels"), list(int(1), int(1)), text("images"), list(op(numpyBytes([3, 64, 64], Buffer.alloc(49152), "f4"), "q", 0, "h", 0))))), /together are larger than the file/],
  "tiny-a-million-labels": [tiny(pickle(dict(text("labels"), list(Buffer.alloc(1_000_000, "N")), text("images"), list()))), /0 images and 1000000 labels/],
  "tiny-cut": [tiny(fixture("tiny_list_p4.pkl").subarray(0, 60_000)), /is cut short/],
  "tiny-nested-os-system": [tiny(pickle(dict(text("images"), call(global("torch.storage", "_load_from_bytes"),
    raw(Buffer.concat([fixture("state_legacy.ckpt").subarray(0, 21), pickle(op("}")), pickle(call(global("os", "system"), text("false")))])))))), /os\.system/],
  "tiny-nested-not-a-storage": [tiny(pickle(call(global("torch.storage", "_load_from_bytes"), raw(fixture("state_legacy.ckpt"))))), /without a storage/],
  "tiny-text-bytes-cut": [tiny(pickle(call(global("_codecs", "encode"), text(`${"a".repeat(3000)}\u0100`), text("latin1")))), /text where bytes are expected/],
  "wnids-too-long": [val(jpeg, undefined, "n00000001\n".repeat(2_000_000)), /at most 16777216 are expected/],
  "jpeg-empty": [val(""), /val_0\.JPEG: is empty/],
  "jpeg-is-html": [val("<html>"), /neither a JPEG nor a PNG/],
  "jpeg-is-svg": [val("<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>"), /neither a JPEG nor a PNG/],
  "jpeg-cut": [val(jpeg.subarray(0, 1500)), /damaged JPEG/],
  "jpeg-header-only": [val(jpeg.subarray(0, 100)), /neither a JPEG nor a PNG image, or is cut short/],
  "jpeg-too-large-a-file": [val(Buffer.concat([jpeg, Buffer.alloc(2 << 20)])), /at most 1048576 are expected/],
  "jpeg-other-size": [val(fixture("small.jpg")), /64x32 pixels where 64x64/],
  "jpeg-cmyk": [val(fixture("cmyk.jpg")), /4 colour components/],
  "jpeg-65500-pixels-wide": [val(((): Buffer => {
    const copy = Buffer.from(jpeg);
    copy.writeUInt32BE(0xffdcffdc, copy.indexOf(Buffer.from([0xff, 0xc0])) + 5);
    return copy;
  })()), /65500x65500 pixels/],
  "annotation-escapes": [val(jpeg, "../../../etc/passwd\tn00000001\n"), /line 1 does not name an image/],
  "annotation-of-another-class": [val(jpeg, "val_0.JPEG\tn00000002\n"), /line 1 does not name an image and a class/],
  "annotation-twice": [val(jpeg, "val_0.JPEG\tn00000001\nval_0.JPEG\tn00000001\n"), /line 2 names val_0\.JPEG a second time/],
  "annotation-without-image": [val(jpeg, "val_1.JPEG\tn00000001\n"), /val_1\.JPEG: does not exist/],
  "annotation-empty": [val(jpeg, "\n"), /holds no images/],
  "wnids-twice": [val(jpeg, undefined, "n00000001\nn00000001\n"), /2 classes, 1 of them different/],
  "wnids-escape": [val(jpeg, undefined, "../..\n"), /where a class such as n01443537/],
};

for (const [name, [files, message]] of Object.entries(hostile)) {
  test(`${name} is refused`, async () => {
    const dir = folder(await files);
    await refuses(() => openDataset(dir, { split: "test" }), message);
  });
}

test("a file that may not be read is an I/O error", async () => {
  if (process.getuid?.() === 0 || process.platform === "win32") return;
  const dir = folder(mnist(goodImages));
  chmodSync(join(dir, IMAGES), 0);
  await refuses(() => openDataset(dir, { split: "test" }), /may not be read/, 74);
});

test.run();
