/** Every reader of files that others may have made, with good files of its kind to damage. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, gzipSync } from "node:zlib";
import { openDataset } from "../../src/io/datasets/dataset.js";
import { OP } from "../../src/io/checkpoints/pickleOps.js";
import { MemorySource } from "../../src/io/source.js";
import { parseCheckpoint } from "../../src/inputs/weights.js";
import { networkOf } from "../../src/model/checkpoint.js";
import { inferShapes } from "../../src/model/graph.js";
import type { DatasetName } from "../../src/io/types.js";
import { readResults } from "../../src/results/arrow/arrow.js";
import { streamBatch, streamHead, toBatch } from "../../src/results/arrow/batch.js";
import { JOURNAL, JournalReader } from "../../src/results/folder/journal.js";
import { lockHolder, LOCK } from "../../src/results/folder/lock.js";
import { MANIFEST, readManifest } from "../../src/results/manifest.js";
import { resultSchema } from "../../src/results/arrow/schema.js";
import { fileBytes } from "../../src/tables/arrow.js";
import { row } from "../support/cliRows.js";
import { EVERY_NODE, exportedFile, meta } from "../support/exportedFile.js";
import { fixture, idx, tarball, zip } from "../support/io.js";
import { call, dict, global, int, list, numpyBytes, op, pickle, raw, text } from "../support/ioPickle.js";
import { IDENTITY, writePart } from "../support/parts.js";
import { parse as parseWeights, whatever } from "../support/weights.js";
import type { Seed } from "./mutate.js";
import { pickleMarks } from "./pickleMarks.js";

/** A seed, and the container that is made whole again around what it becomes. */
export interface Input extends Seed {
  dress?: (bytes: Buffer) => Buffer;
}

export interface Parser {
  name: string;
  inputs: Input[];
  /** What files of its kind are written with, and what hostile ones would be. */
  tokens: Buffer[];
  /** Anything at all means something. */
  takesAll?: boolean;
  /** Reads a whole file, and of what was accepted all that a run would read. */
  parse(file: Buffer): unknown;
}

const scratch = mkdtempSync(join(tmpdir(), "inferlink-fuzz-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
/** Made by whoever executes what is in a pickle. */
export const CANARY = join(scratch, "executed");
let folders = 0;

/** A folder of good files but for one. @returns what writes that one and gives the folder */
function folderWith(name: string, others: Record<string, Uint8Array | string> = {}): (file: Buffer) => string {
  const folder = mkdtempSync(join(scratch, `${folders++}-`));
  for (const [other, content] of Object.entries(others)) writeFileSync(join(folder, other), content);
  return (file) => {
    writeFileSync(join(folder, name), file);
    return folder;
  };
}

const dataset = (name: DatasetName, write: (file: Buffer) => string) => async (file: Buffer): Promise<void> => {
  const data = await openDataset(write(file), { dataset: name, split: "test" });
  data.read(0, data.images);
};

const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: number): Buffer => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
const every = (bytes: Buffer, step: number): number[] => Array.from({ length: Math.floor(bytes.length / step) }, (_, i) => i * step);
const texts = (...values: string[]): Buffer[] => values.map((value) => Buffer.from(value, "latin1"));
const plain = (bytes: Buffer, marks: number[] = []): Input => ({ bytes, marks });
const pickled = (bytes: Buffer, start = 0): Input => plain(bytes, pickleMarks(bytes, start));

const system = `touch ${CANARY}`;
const PICKLE_TOKENS = [
  ...Object.values(OP).map((code) => Buffer.of(code)),
  ...texts("cposix\nsystem\n", "c__builtin__\neval\n", "cbuiltins\ngetattr\n", "i", "o", "\x81", "\x92", "\x82\x01", "\x97", "P0\n", "I1\n", "S'a'\n", "ctorch._utils\n_rebuild_tensor_v2\n"),
  ...["storage", "__proto__", "constructor", "latin1", "\u0100", "labels"].map((value) => text(value)),
  call(global("posix", "system"), text(system)), call(global("os", "system"), text(system)), op(text("posix"), text("system"), 0x93, text(system), 0x85, "R"),
  op("(", text(system), "iposix\nsystem\n"), op(")", Buffer.alloc(64, 0x85)), Buffer.alloc(64, "("), op(0x8a, 9, Buffer.alloc(8), 1), op("G", 0x7f, 0xf0, 0, 0, 0, 0, 0, 0), op(0x95, Buffer.alloc(8, 255)), op("r", 255, 255, 255, 127),
];
const JSON_TOKENS = texts('"__proto__":', '"constructor":', "{", "}", "[", "]", ":", ",", '"', "\\", "null", "true", "-1", "0.5", "1e999", "9007199254740993", "18446744073709551615", '"\\ud800"', '"\\u0000"', "[[[[[[[[[[[[[[[[", '{"a":{"a":{"a":', "  ", '"F32"', '"shape":[1]', '"data_offsets":[0,4]', "\xff");
const PK = texts("PK\x03\x04", "PK\x01\x02", "PK\x05\x06\0\0\0\0", "PK\x06\x06", "PK\x06\x07", "data.pkl", "../", "\0\0\0\0", "\xff\xff\xff\xff");

const stateZip = fixture("state_zip.ckpt");
const stateLegacy = fixture("state_legacy.ckpt");
const oldTar = fixture("old_tar.pth");
const rezipped = fixture("rezipped.pt");
const tensors = fixture("state.safetensors");
const headerEnd = 8 + Number(tensors.readBigUInt64LE());

/** Entries of a good zip archive. */
function entriesOf(file: Buffer): [name: string, content: Buffer][] {
  const entries: [string, Buffer][] = [];
  for (let at = file.indexOf("PK\x01\x02"); at >= 0; at = file.indexOf("PK\x01\x02", at + 4)) {
    const [size, nameLength, start] = [file.readUInt32LE(at + 24), file.readUInt16LE(at + 28), file.readUInt32LE(at + 42)];
    const from = start + 30 + file.readUInt16LE(start + 26) + file.readUInt16LE(start + 28);
    entries.push([file.toString("utf8", at + 46, at + 46 + nameLength), file.subarray(from, from + size)]);
  }
  return entries;
}

/** The pickle in a zip that torch.save wrote, and the zip around it. */
function pickleInZip(file: Buffer): Input {
  const entries = entriesOf(file);
  const [name, content] = entries.find(([entry]) => entry.endsWith("/data.pkl"))!;
  return { ...pickled(Buffer.from(content)), dress: (bytes) => zip(entries.map(([entry, old]) => [entry, entry === name ? bytes : old])) };
}

const zipMarks = (file: Buffer): number[] => ["PK\x03\x04", "PK\x01\x02", "PK\x06\x06", "PK\x06\x07", "PK\x05\x06"].flatMap((signature) => {
  const marks: number[] = [];
  for (let at = file.indexOf(signature, 0, "latin1"); at >= 0; at = file.indexOf(signature, at + 4, "latin1")) for (let field = 0; field < 46; field += 2) marks.push(at + field);
  return marks;
});

const jsonMarks = (json: Buffer): number[] => [...json.toString("latin1").matchAll(/["{}[\]:,]|\d+/g)].map(({ index }) => index);

function checkpoint(name: string, inputs: Input[], tokens: Buffer[]): Parser {
  return {
    name, inputs, tokens,
    parse(file) {
      for (const [tensor, { shape, data }] of parseWeights(file, name, whatever).tensors) {
        if (data.length !== shape.reduce((product, size) => product * size, 1)) throw new Error(`${tensor} has ${data.length} elements of ${shape.join("x")}`);
        if (!data.every(Number.isFinite)) throw new Error(`${tensor} is not finite`);
      }
    },
  };
}

const exported = exportedFile({ nodes: EVERY_NODE, metas: { a: meta([2, 2, 5, 5]) } });
const EXPORTED_TOKENS = [...JSON_TOKENS, ...texts('{"as_tensor":{"name":"x"}}', '{"as_int":-1}', '{"as_ints":[0,-1]}', '{"as_ints":[9223372036854775807]}', '"as_float":NaN', '{"as_none":true}', '"name":"conv"', '"y"', "aten.relu_.default", "aten.view.default", "aten.chunk.default", "aten.conv2d.default", "Infinity")];

/** One of an exported program's parts that ends so, and the archive around it. */
function partOf(ending: string): Input {
  const entries = entriesOf(exported);
  const [name, content] = entries.find(([entry]) => entry.endsWith(ending))!;
  return { ...plain(Buffer.from(content), jsonMarks(content)), dress: (bytes) => zip(entries.map(([entry, old]) => [entry, entry === name ? bytes : old])) };
}

const lightImage = (type: string, bytes: number): Buffer => numpyBytes([3, 64, 64], Buffer.alloc(bytes, 0x11), type);
const tinyDict = (...images: Buffer[]): Buffer => pickle(dict(text("labels"), list(...images.map((_, i) => int(i))), text("images"), list(...images)));
const cifarDict = pickle(dict(raw("labels"), list(int(1)), raw("data"), numpyBytes([1, 3072], Buffer.alloc(3072, 7))));
const record = Buffer.concat([Buffer.of(3), Buffer.alloc(3072, 9)]);
const pixels = Buffer.alloc(3 * 25, 77);
const images = idx([3, 5, 5], pixels);
const labels = idx([3], [1, 2, 3]);

/** A tar archive whose headers' checksums are right again. */
function checkedTar(bytes: Buffer): Buffer {
  const tar = Buffer.from(bytes);
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    tar.fill(32, at + 148, at + 156);
    const sum = tar.subarray(at, at + 512).reduce((a, b) => a + b, 0);
    tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  }
  return tar;
}

const tar = await tarball([["cifar-10-batches-py/batches.meta", Buffer.from("meta")], ["cifar-10-batches-py/test_batch", cifarDict]]);
const tarMarks = every(tar, 512).flatMap((at) => [0, 100, 124, 136, 148, 156, 157, 257, 345].map((field) => at + field)).filter((at) => at < tar.length);
const TAR_TOKENS = texts("ustar\x0000", "ustar  \0", "x", "g", "L", "K", "2", "00000000000 ", "77777777777 ", "\x80\0\0\0\0\0\0\0\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "19 path=test_batch\n", "30 size=99999999999999999999\n", "-9 a=b\n", "cifar-10-batches-py/test_batch");

const schema = resultSchema({ packageVersion: "0.1.0", adapter: "llvmpipe", batchNorm: "running", epsilonSpace: "input", normalisation: null, datasetSha256: "ab", checkpointSha256: { a: "b" } });
const batches = [toBatch(schema, [row(), row({ init: 3, filter: "h_c", delta: 0.5 })]), toBatch(schema, [row({ layer: "fc", epoch: null })])];
const arrowFile = Buffer.from(fileBytes(schema, batches));
const arrowStream = Buffer.concat([streamHead(schema), ...batches.map((batch) => streamBatch(streamHead(schema), batch))]);

const part = await writePart(mkdtempSync(join(scratch, "part-")), { finished: 2 });
const manifest = Buffer.from(JSON.stringify(await readManifest(part)));
const { contents } = (await JournalReader.open(part, IDENTITY))!;
const [firstEntry] = contents.units.values();
const journal = readFileSync(join(part, JOURNAL));
const journalHead = journal.subarray(0, 48);
const unit = journal.subarray(firstEntry.at, firstEntry.at + firstEntry.length);

const readJournal = (write: (file: Buffer) => string) => async (file: Buffer): Promise<void> => {
  const reader = (await JournalReader.open(write(file), IDENTITY))!;
  await reader.read([...reader.contents.units.keys()]);
};

const arrow = (name: string, inputs: Input[], write = folderWith("a.arrow")): Parser => ({ name, inputs, tokens: texts("ARROW1", "\xff\xff\xff\xff", "\0\0\0\0\0\0\0\0", "schema_version", "h_a"), parse: (file) => readResults(join(write(file), "a.arrow")) });
const annotations = "a.JPEG\tn00000001\t0\t0\t1\t1\nb.JPEG\tn00000002\t0\t0\t1\t1\n";
const jpegs = ["colour420.jpg", "gray.jpg", "progressive.jpg"].map(fixture);
const jpegMarks = (file: Buffer): number[] => [...file.keys()].filter((at) => file[at] === 0xff && file[at + 1] > 0 && at < 700).flatMap((at) => [at, at + 2, at + 4, at + 5, at + 9]);

export const PARSERS: Parser[] = [
  checkpoint("torch.save's zip archive", [plain(stateZip, zipMarks(stateZip)), plain(fixture("wrapped.ckpt")), plain(rezipped, zipMarks(rezipped))], [...PK, ...PICKLE_TOKENS]),
  checkpoint("the pickle in torch.save's zip archive", [pickleInZip(stateZip), pickleInZip(fixture("wrapped.ckpt")), pickleInZip(fixture("objects_p4.pt")), pickleInZip(fixture("norms.pt"))], PICKLE_TOKENS),
  checkpoint("torch.save's older stream", [
    pickled(stateLegacy), { ...pickled(stateLegacy.subarray(21)), dress: (bytes) => Buffer.concat([stateLegacy.subarray(0, 21), bytes]) },
    pickled(fixture("old_stream.pth")), { ...plain(oldTar, every(oldTar, 512)), dress: checkedTar },
  ], PICKLE_TOKENS),
  checkpoint("safetensors", [plain(tensors, jsonMarks(tensors.subarray(0, headerEnd))), {
    ...plain(tensors.subarray(8, headerEnd), jsonMarks(tensors.subarray(8, headerEnd))),
    dress: (bytes) => Buffer.concat([u64(bytes.length), bytes, tensors.subarray(headerEnd)]),
  }], JSON_TOKENS),
  {
    name: "exported programs", inputs: [plain(exported, zipMarks(exported)), partOf("model.json"), partOf("weights_config.json")], tokens: EXPORTED_TOKENS,
    parse(file) {
      const read = parseCheckpoint(new MemorySource("x", file));
      const { graph, image } = networkOf(read.choice.chosen.architecture, read);
      inferShapes(graph, image!);
    },
  },
  { name: "CIFAR-10's pickled batches", inputs: [...["cifar_p2", "cifar_p4", "cifar_p5"].map((name) => pickled(fixture(name))), pickled(cifarDict)], tokens: PICKLE_TOKENS, parse: dataset("cifar10", folderWith("test_batch")) },
  { name: "CIFAR-10's binary batches", inputs: [plain(record), plain(Buffer.concat([record, record]))], tokens: [record, record.subarray(1)], parse: dataset("cifar10", folderWith("test_batch.bin")) },
  {
    name: "CIFAR-10's archive",
    inputs: [plain(tar, tarMarks), { ...plain(tar, tarMarks), dress: checkedTar }, { ...plain(tar, tarMarks), dress: (bytes) => gzipSync(checkedTar(bytes), { level: 1 }) }, plain(gzipSync(tar))],
    tokens: TAR_TOKENS, parse: dataset("cifar10", folderWith("cifar-10-python.tar.gz")),
  },
  {
    name: "Tiny ImageNet's pickles",
    inputs: [pickled(tinyDict(lightImage("f2", 24576))), pickled(tinyDict(lightImage("f4", 49152))), pickled(fixture("tiny_list_p4.pkl")), pickled(fixture("tiny_list_p2.pkl")), pickled(fixture("tiny_stack_p5.pkl"))],
    tokens: [...PICKLE_TOKENS, lightImage("f2", 24576)], parse: dataset("tiny-imagenet", folderWith("test_set.pkl")),
  },
  {
    name: "Tiny ImageNet's lists of classes and images",
    inputs: [{ ...plain(Buffer.from("n00000001\nn00000002\n")), dress: (bytes) => Buffer.concat([Buffer.of(0), bytes]) }, { ...plain(Buffer.from(annotations)), dress: (bytes) => Buffer.concat([Buffer.of(1), bytes]) }],
    tokens: texts("\t", "\n", "\r\n", "\0", "../", "n00000001", "a.JPEG", "/etc/passwd", "\xff\xfe"), parse: tinyLists(),
  },
  { name: "JPEG", inputs: jpegs.map((file) => plain(file, jpegMarks(file))), tokens: texts("\xff\xd8\xff", "\xff\xd9", "\xff\xc0", "\xff\xc2", "\xff\xc4", "\xff\xda", "\xff\xdb", "\xff\xe1\0\x10Exif\0\0", "\xff\xee\0\x0eAdobe", "\0\x01\0\x01"), parse: oneJpeg() },
  { name: "idx", inputs: [plain(images, [0, 4, 8, 12])], tokens: [u32(0x03080000), labels], parse: dataset("mnist", folderWith("t10k-images-idx3-ubyte", { "t10k-labels-idx1-ubyte": labels })) },
  {
    name: "gzip around idx", inputs: [plain(gzipSync(images), [0, 3, 4, 8, 10]), { ...plain(images, [0, 4, 8, 12]), dress: (bytes) => gzipSync(bytes, { level: 1 }) }],
    tokens: texts("\x1f\x8b\x08", "\x1f\x8b\x08\x1f", "\0\0\xff\xff"), parse: dataset("mnist", folderWith("t10k-images-idx3-ubyte.gz", { "t10k-labels-idx1-ubyte": labels })),
  },
  { name: "MNIST's .pt", inputs: [pickled(fixture("mnist_legacy.pt")), pickleInZip(fixture("mnist_zip.pt")), plain(fixture("mnist_zip.pt"), zipMarks(fixture("mnist_zip.pt")))], tokens: [...PICKLE_TOKENS, ...PK], parse: dataset("mnist", folderWith("test.pt")) },
  arrow("results.arrow", [plain(arrowFile, every(arrowFile, 4))]),
  arrow("results.partial.arrows", [plain(arrowStream, every(arrowStream, 4))]),
  {
    name: "journal.bin",
    inputs: [plain(journal, every(journal, 4)), { ...plain(unit, [0, ...jsonMarks(unit.subarray(0, 4 + unit.readUInt32LE(0)))]), dress: (bytes) => Buffer.concat([journalHead, u32(bytes.length), u32(crc32(bytes)), bytes]) }],
    tokens: [...JSON_TOKENS, unit], parse: readJournal(folderWith(JOURNAL)),
  },
  { name: "manifest.json", inputs: [plain(manifest, jsonMarks(manifest))], tokens: JSON_TOKENS, parse: readerOf(folderWith(MANIFEST), readManifest) },
  { name: "run.lock", inputs: [plain(Buffer.from(JSON.stringify({ pid: 1, host: "a", space: null, start: "b:1", nonce: "c" })))], tokens: JSON_TOKENS, takesAll: true, parse: readerOf(folderWith(LOCK), lockHolder) },
];

function readerOf(write: (file: Buffer) => string, read: (folder: string) => Promise<unknown>) {
  return (file: Buffer): Promise<unknown> => read(write(file));
}

/** Tiny ImageNet's stock folders with two images. */
function tinyFolder(): (name: string, content: Uint8Array | string) => string {
  const folder = mkdtempSync(join(scratch, `${folders++}-`));
  mkdirSync(join(folder, "val/images"), { recursive: true });
  const write = (name: string, content: Uint8Array | string): string => {
    writeFileSync(join(folder, name), content);
    return folder;
  };
  write("wnids.txt", "n00000001\nn00000002\n");
  write("val/val_annotations.txt", annotations);
  for (const name of ["a", "b"]) write(`val/images/${name}.JPEG`, jpegs[0]);
  return write;
}

/** The first byte says which of the lists is the damaged one. */
function tinyLists(): Parser["parse"] {
  const [wnids, val] = [tinyFolder(), tinyFolder()];
  return dataset("tiny-imagenet", (file) => (file[0] === 0 ? wnids("wnids.txt", file.subarray(1)) : val("val/val_annotations.txt", file.subarray(1))));
}

function oneJpeg(): Parser["parse"] {
  const write = tinyFolder();
  return dataset("tiny-imagenet", (file) => write("val/images/a.JPEG", file));
}
