import { join } from "node:path";
import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { test } from "uvu";
import { InferlinkError } from "../src/errors.js";
import { parseCheckpoint } from "../src/io/checkpoint.js";
import { openDataset } from "../src/io/dataset.js";
import { Unpickler } from "../src/io/pickle.js";
import { MemorySource } from "../src/io/source.js";
import { readNestedStorage } from "../src/io/torchLegacy.js";
import { fixture, folder, idx, tarball } from "./support/io.js";

const SEED = Number(process.env.INFERLINK_FUZZ_SEED ?? 1);
/** Times the number of mutations of each parser; 1 keeps the suite quick. */
const FACTOR = Number(process.env.INFERLINK_FUZZ_FACTOR ?? 1);

type Edit = { at: number; kind: "set" | "flip" | "cut" | "insert" | "erase" | "copy"; bytes: Uint8Array };

const edits = fc.array(
  fc.record({
    // Most structure lies near the start and the end of a file.
    at: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), fc.nat(400).map((i) => i + 2), fc.nat(200).map((i) => -1 - i)),
    kind: fc.constantFrom<Edit["kind"]>("set", "set", "set", "flip", "flip", "cut", "insert", "erase", "copy"),
    bytes: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.constantFrom(new Uint8Array(4).fill(255), new Uint8Array(8).fill(255), Uint8Array.of(0, 0, 0, 128))),
  }),
  { minLength: 1, maxLength: 4 },
);

function mutate(file: Uint8Array, changes: Edit[]): Buffer {
  let out = Buffer.from(file);
  for (const { at: where, kind, bytes } of changes) {
    if (out.length === 0) return out;
    const at = Math.max(0, Math.min(out.length - 1, where < 0 ? out.length + where : where < 1 ? Math.floor(where * out.length) : where));
    if (kind === "set") bytes.forEach((byte, i) => { if (at + i < out.length) out[at + i] = byte; });
    else if (kind === "flip") out[at] ^= 1 << (bytes[0] & 7);
    else if (kind === "cut") out = out.subarray(0, at);
    else if (kind === "insert") out = Buffer.concat([out.subarray(0, at), bytes, out.subarray(at)]);
    else if (kind === "erase") out = Buffer.concat([out.subarray(0, at), out.subarray(at + bytes.length)]);
    else out = Buffer.concat([out.subarray(0, at), out.subarray(Math.max(0, at - 30)), out.subarray(at)]);
  }
  return out;
}

/** Anything may be read or refused with a typed error; nothing else may happen, and not slowly. */
async function fuzz(good: Uint8Array, runs: number, parse: (bytes: Buffer) => unknown): Promise<void> {
  await parse(Buffer.from(good));
  await fc.assert(fc.asyncProperty(edits, async (changes) => {
    const started = performance.now();
    try {
      await parse(mutate(good, changes));
    } catch (error) {
      if (!(error instanceof InferlinkError) || error.exitCode !== 65) throw error;
    }
    if (performance.now() - started > 2000) throw new Error("took longer than 2 s");
  }), { numRuns: Math.ceil(runs * FACTOR), seed: SEED });
}

for (const [name, runs] of [["state_zip.ckpt", 3000], ["state_legacy.ckpt", 3000], ["state.safetensors", 3000]] as const) {
  test(`${name}, changed anyhow`, () => fuzz(fixture(name), runs, (bytes) => parseCheckpoint(new MemorySource(name, bytes))));
}

test("a state_dict behind its magic number, changed anyhow", async () => {
  const good = fixture("state_legacy.ckpt");
  await fuzz(good.subarray(21), 3000, (bytes) => parseCheckpoint(new MemorySource("x.ckpt", Buffer.concat([good.subarray(0, 21), bytes]))));
});

for (const name of ["cifar_p2", "cifar_p4", "cifar_p5", "tiny_labels_p4.pkl", "tiny_list_p4.pkl", "tiny_list_p2.pkl"]) {
  test(`${name}, changed anyhow`, () =>
    fuzz(fixture(name), 800, (bytes) => new Unpickler(new MemorySource(name, bytes), { nestedLoad: readNestedStorage }).load()));
}

const pixels = Buffer.alloc(3 * 16, 77);

/** Fuzzes one file of a folder that is otherwise good. */
async function fuzzFile(others: Record<string, Uint8Array>, name: string, good: Uint8Array, runs: number): Promise<void> {
  const dir = folder({ ...others, [name]: good });
  await fuzz(good, runs, async (bytes) => {
    writeFileSync(join(dir, name), bytes);
    const data = await openDataset(dir, { split: "test" });
    data.read(0, Math.min(2, data.images));
  });
}

test("idx images and labels, changed anyhow", async () => {
  const [images, labels] = [idx([3, 4, 4], pixels), idx([3], [1, 2, 3])];
  await fuzzFile({ "t10k-labels-idx1-ubyte": labels }, "t10k-images-idx3-ubyte", images, 1000);
  await fuzzFile({ "t10k-images-idx3-ubyte": images }, "t10k-labels-idx1-ubyte", labels, 1000);
});

test("MNIST's .pt and CIFAR-10's archive, changed anyhow", async () => {
  await fuzzFile({}, "processed/test.pt", fixture("mnist_legacy.pt"), 1000);
  await fuzzFile({}, "cifar-10-python.tar", await tarball([["cifar-10-batches-py/test_batch", fixture("cifar_p4")]]), 600);
});

test("Tiny ImageNet's pickle and JPEGs, changed anyhow", async () => {
  await fuzzFile({}, "test_set.pkl", fixture("tiny_list_p4.pkl"), 300);
  const rest = { "wnids.txt": Buffer.from("n00000001\n"), "val/val_annotations.txt": Buffer.from("a.JPEG\tn00000001\n") };
  await fuzzFile(rest, "val/images/a.JPEG", fixture("colour420.jpg"), 600);
});

test.run();
