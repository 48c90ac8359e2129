/** What may lie in a file's place, files that change while they are read, files of gigabytes, and small files that would cost much. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, symlinkSync, truncateSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readCheckpoint } from "../src/inputs/weights.js";
import { openDataset } from "../src/io/datasets/dataset.js";
import { Unpickler } from "../src/io/checkpoints/pickle.js";
import { FileSource, MemorySource } from "../src/io/source.js";
import { readNestedStorage } from "../src/io/checkpoints/torchLegacy.js";
import { fixture, folder, idx, refuses, safetensors } from "./support/io.js";
import { parse } from "./support/weights.js";
import { call, dict, global, int, list, numpyBytes, op, pickle, text, tuple } from "./support/ioPickle.js";

const strange: [what: string, make: (path: string) => void][] = [
  ["a FIFO", (path) => void execFileSync("mkfifo", [path])],
  ["a folder", (path) => mkdirSync(path)],
  ["a link to /dev/zero", (path) => symlinkSync("/dev/zero", path)],
  ["a link to the kernel's messages", (path) => symlinkSync("/proc/kmsg", path)],
  ["a link to itself", (path) => symlinkSync(path, path)],
  ["a terabyte of nothing", (path) => {
    writeFileSync(path, "");
    truncateSync(path, 1e12);
  }],
];

const labels = idx([1], [1]);
const jpeg = fixture("colour420.jpg");
/** Where a file is looked for, and the good files around it. */
const places: [name: string, others: Record<string, Uint8Array | string>][] = [
  ["t10k-images-idx3-ubyte", { "t10k-labels-idx1-ubyte": labels }],
  ["t10k-labels-idx1-ubyte.gz", { "t10k-images-idx3-ubyte": idx([1, 5, 5], Buffer.alloc(25)) }],
  ["processed/test.pt", {}],
  ["cifar-10-batches-py/test_batch", {}],
  ["cifar-10-batches-bin/test_batch.bin", {}],
  ["test_set.pkl", {}],
  ["wnids.txt", { "val/val_annotations.txt": "a.JPEG\tn00000001\n", "val/images/a.JPEG": jpeg }],
  ["val/val_annotations.txt", { "wnids.txt": "n00000001\n", "val/images/a.JPEG": jpeg }],
  ["val/images/a.JPEG", { "wnids.txt": "n00000001\n", "val/val_annotations.txt": "a.JPEG\tn00000001\n" }],
];

for (const [what, make] of process.platform === "linux" ? strange : []) {
  test(`${what} in a file's place is refused at once`, async () => {
    for (const name of ["a.ckpt", "a.safetensors"]) {
      const path = join(folder(), name);
      make(path);
      await refuses(() => readCheckpoint(path), /regular file|folder|empty|usable path|are expected/);
    }
    // A link to itself is a file that is not there, and where images lie need not be one.
    for (const [name, others] of what === "a link to itself" ? [] : places) {
      const dir = folder(others);
      mkdirSync(dirname(join(dir, name)), { recursive: true });
      make(join(dir, name));
      await refuses(() => openDataset(dir, { split: "test" }), /regular file|folder|empty|are expected/);
    }
  });
}

test("an archive of a terabyte is refused after 200 MB", async () => {
  if (process.platform !== "linux") return;
  const dir = folder({ "cifar-10-python.tar": "" });
  truncateSync(join(dir, "cifar-10-python.tar"), 1e12);
  await refuses(() => openDataset(dir, { split: "test" }), /unpacks to far more/);
});

test("a file that becomes shorter while it is read is refused", async () => {
  const dir = folder({ a: Buffer.alloc(100_000, 7) });
  using source = new FileSource(join(dir, "a"), Infinity);
  assert.is(source.read(0, 10).length, 10);
  truncateSync(join(dir, "a"), 50_000);
  assert.is(source.read(40_000, 10_000).length, 10_000);
  await refuses(() => source.read(40_000, 20_000), /became shorter while it was read/);
});

test("Tiny ImageNet's pickles may have gigabytes: offsets beyond 2^31 and 2^32", async () => {
  if (process.platform === "win32") return;
  const dir = folder({ "test_set.pkl": "" });
  const image = (value: number): Buffer => numpyBytes([3, 64, 64], Buffer.from(new Float32Array(12288).fill(value).buffer), "f4");
  const file = openSync(join(dir, "test_set.pkl"), "w");
  let at = 0;
  const write = (bytes: Buffer): void => void (at += writeSync(file, bytes, 0, bytes.length, at));
  /** Bytes that are made, dropped and never read: a hole in the file. */
  const gap = (size: number): void => {
    write(op(0x8e, Buffer.from(BigUint64Array.of(BigInt(size)).buffer)));
    at += size;
    write(op("0"));
  };
  write(op(0x80, 4, "}(", text("labels"), list(int(1), int(2), int(3)), text("images"), "](", image(1)));
  gap(2.5 * 2 ** 30);
  write(image(2));
  gap(2.5 * 2 ** 30);
  write(op(image(3), "eu."));
  closeSync(file);
  const data = await openDataset(dir, { split: "test" });
  assert.equal([0, 1, 2].map((i) => data.read(i, 1)[12287]), [1, 2, 3]);
  assert.equal([...data.labels], [1, 2, 3]);
});

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const repeated = (bytes: Buffer, count: number): Buffer => Buffer.concat(Array<Buffer>(count).fill(bytes));
const load = (file: Buffer): unknown => new Unpickler(new MemorySource("x", file), { nestedLoad: readNestedStorage }).load();

test("a pickle that asks for a name again and again is refused", () =>
  refuses(() => load(op(0x80, 2, repeated(global("torch._utils", "_rebuild_tensor_v2"), 2_000_000), ".")), /more objects than any/));

test("bytes that are a dict's key again and again are refused", () =>
  refuses(() => load(op(0x80, 2, "T", u32(512), Buffer.alloc(512, "k"), "q", 0, "}(", repeated(op("h", 0, "h", 0), 2_000_000), "u.")), /more objects than any/));

test("a storage's stream that is read again and again is refused", async () => {
  const magic = fixture("state_legacy.ckpt").subarray(0, 21);
  const storage = op(tuple(text("storage"), global("torch", "FloatStorage"), text("0"), text("cpu"), int(0), op("N")), "Q");
  // The padding moves the stream away from where latin-1 is indexed, so that each read decodes 60 kB.
  const stream = Buffer.concat([op(0x80, 2, "B", u32(60_000), Buffer.alloc(60_000), "0"), magic.subarray(2), pickle(op("}")), op(0x80, 2, storage, "."), pickle(list(text("0"))), Buffer.alloc(8)]);
  const encoded = Buffer.from(stream.toString("latin1"));
  const bytes = call(global("_codecs", "encode"), op("X", u32(encoded.length), encoded), text("latin1"));
  const file = op(0x80, 2, bytes, "q", 0, 0x85, "q", 1, "0", global("torch.storage", "_load_from_bytes"), "q", 2, repeated(op("h", 2, "h", 1, "R0"), 100_000), op("N."));
  await refuses(() => load(file), /more bytes than it has/);
});

test("a safetensors header of megabytes is refused by what is wrong in it, not by what it takes", async () => {
  const bodies = { "lists in lists": `{"a":${"[".repeat(2e7)}`, "many lists": `{"a":[${"[],".repeat(5e6)}`, "many names": `{${Array.from({ length: 100_001 }, (_, i) => `"${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`).join()}}`, "one long text": `{"__metadata__":{"a":"${"x".repeat(2e7)}"}}` };
  for (const [what, header] of Object.entries(bodies)) await refuses(() => parse(safetensors(header), what), /not JSON of its format|over 100000 tensors|holds no tensors/);
});

test("one dict for all its keys", () => {
  const map = load(pickle(dict(text("__proto__"), int(1), text("constructor"), int(2)))) as Map<string, number>;
  assert.equal([...map], [["__proto__", 1], ["constructor", 2]]);
  assert.is(({} as Record<string, unknown>).polluted, undefined);
});

test.run();
