/** Files of a run's folder that somebody changed: each is refused by name, nothing waits for ever, nothing fills memory. */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { Schema } from "apache-arrow";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readLayers, readResults } from "../src/results/arrow/arrow.js";
import { toBatch } from "../src/results/arrow/batch.js";
import { JOURNAL, JournalReader } from "../src/results/folder/journal.js";
import { FolderLock, LOCK } from "../src/results/folder/lock.js";
import { MANIFEST, readManifest, type Manifest } from "../src/results/manifest.js";
import { openPart } from "../src/results/folder/parts.js";
import { encodeScores } from "../src/results/record.js";
import type { Row } from "../src/sweep/row.js";
import { resultSchema, type ResultMetadata } from "../src/results/arrow/schema.js";
import { runStatus } from "../src/results/status.js";
import { fileBytes } from "../src/tables/arrow.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { row } from "./support/cliRows.js";
import { refuses } from "./support/io.js";
import { checkpoint, IDENTITY, scoresOf, unitsOf, writePart } from "./support/parts.js";

const METADATA: ResultMetadata = { packageVersion: "0.1.0", adapter: "llvmpipe", batchNorm: "running", epsilonSpace: "input", normalisation: null, datasetSha256: "ab", checkpointSha256: {} };
const schema = resultSchema(METADATA);
const arrow = (rows: Row[], of: Schema = schema): Buffer => Buffer.from(fileBytes(of, [toBatch(of, rows)]));
/** 77 rows: a number that stands nowhere else. */
const good = arrow(Array.from({ length: 77 }, (_, i) => row({ threshold_index: i, images: 1000 + i })));
const u32 = (value: number): Buffer => Buffer.from(Uint32Array.of(value).buffer);
const u64 = (value: bigint): Buffer => Buffer.from(BigUint64Array.of(value).buffer);

/** Every place where the bytes stand, changed. */
function changed(file: Buffer, from: Buffer, to: Buffer, first = false): Buffer {
  const copy = Buffer.from(file);
  let found = 0;
  for (let at = copy.indexOf(from); at >= 0 && !(first && found > 0); at = copy.indexOf(from, at + to.length), found++) to.copy(copy, at);
  assert.ok(found > 0, "there is nothing to change");
  return copy;
}

const cut = good.length;
const hostileArrow: Record<string, [file: Buffer, message: RegExp]> = {
  "empty.arrow": [Buffer.alloc(0), /is empty/],
  "magic-alone.arrow": [Buffer.from("ARROW1\0\0ARROW1"), /no Arrow file of results/],
  "cut.arrow": [good.subarray(0, cut - 1), /no Arrow file of results/],
  "footer-longer-than-the-file.arrow": [Buffer.concat([good.subarray(0, cut - 10), u32(cut), good.subarray(cut - 6)]), /no Arrow file of results/],
  "footer-of-minus-one.arrow": [Buffer.concat([good.subarray(0, cut - 10), u32(0xffffffff), good.subarray(cut - 6)]), /no Arrow file of results/],
  "footer-root-outside.arrow": [((): Buffer => {
    const copy = Buffer.from(good);
    copy.writeUInt32LE(0x7fffffff, cut - 10 - copy.readUInt32LE(cut - 10));
    return copy;
  })(), /no Arrow file of results/],
  "rows-2e40.arrow": [changed(good, u64(77n), u64(2n ** 40n)), /no Arrow file of results/],
  "rows-2e63.arrow": [changed(good, u64(77n), u64(2n ** 63n)), /no Arrow file of results/],
  "rows-78.arrow": [changed(good, u64(77n), u64(78n)), /no Arrow file of results/],
  "rows-of-one-column.arrow": [changed(good, u64(77n), u64(76n), true), /no Arrow file of results/],
  "columns-2e31.arrow": [changed(good, u32(24), u32(0x7fffffff)), /no Arrow file of results/],
  "buffers-2e31.arrow": [changed(good, u32(24 * 2 + 6), u32(0x7fffffff)), /no Arrow file of results/],
  "text-goes-back.arrow": [changed(good, Buffer.concat([u32(8), u32(16)]), Buffer.concat([u32(0x7fffffff), u32(16)])), /no Arrow file of results/],
  "text-outside.arrow": [changed(good, Buffer.concat([u32(76 * 8), u32(77 * 8)]), Buffer.concat([u32(76 * 8), u32(0x7fffffff)])), /no Arrow file of results/],
  "another-version.arrow": [arrow([row()], new Schema(schema.fields, new Map([...schema.metadata, ["schema_version", "3"]]))), /has schema version 3, this program reads versions 1 and 2/],
  "attack-of-others.arrow": [arrow([row({ attack: "deepfool" as "fgsm" })]), /attack "deepfool"/],
  "other-columns.arrow": [changed(good, Buffer.from("threshold_index"), Buffer.from("thresh\0ld_index")), /other columns/],
  "column-proto.arrow": [changed(good, Buffer.from("loss_clean"), Buffer.from("__proto__\0")), /other columns/],
  "filter-of-others.arrow": [arrow([row({ filter: "h_x" as "h_a" })]), /layer "conv1" with filter "h_x"/],
  "scope-of-others.arrow": [arrow([row({ scope: "\u001b[31m" as "local" })]), /scope "\\u001b\[31m"/],
  "more-removed-than-there.arrow": [arrow([row({ removed: 785 })]), /more weights removed than the 784/],
  "more-correct-than-images.arrow": [arrow([row({ correct_adv: 257 })]), /more correct images than the 256/],
  "accuracy-2.arrow": [arrow([row({ accuracy_clean: 2 })]), /not from 0 to 1/],
  "density-nan.arrow": [arrow([row({ density: NaN })]), /not from 0 to 1/],
  "alpha-infinite.arrow": [arrow([row({ alpha: Infinity })]), /not finite/],
  "index-below-zero.arrow": [arrow([row({ threshold_index: -1 })]), /index below zero/],
};

for (const [name, [file, message]] of Object.entries(hostileArrow)) {
  test(`${name} is refused`, async () => {
    const path = join(temporaryFolder(), "a.arrow");
    writeFileSync(path, file);
    await refuses(() => readResults(path), message);
  });
}

test("a result whose layers are mixed is not carried over", async () => {
  const path = join(temporaryFolder(), "results.arrow");
  writeFileSync(path, arrow([row(), row({ layer: "fc" })]));
  await refuses(() => readLayers(path), /not one batch of rows each/);
  writeFileSync(path, fileBytes(schema, [toBatch(schema, [row()]), toBatch(schema, [row()])]));
  await refuses(() => readLayers(path), /not one batch of rows each/);
});

const part = await writePart(temporaryFolder());
const manifest = JSON.parse(readFileSync(join(part, MANIFEST), "utf8")) as Manifest;
const { config, dataset } = manifest.identity;
const withIdentity = (changes: object): string => JSON.stringify({ ...manifest, identity: { ...manifest.identity, ...changes } });
const deep = `${"[".repeat(100_000)}${"]".repeat(100_000)}`;

const hostileManifests: Record<string, [text: string, message: RegExp]> = {
  "null": ["null", /\(the whole\)/],
  "a-list": ["[]", /\(the whole\)/],
  "cut": [JSON.stringify(manifest).slice(0, -1), /no JSON/],
  "deep": [deep, /no JSON/],
  "deep-inside": [JSON.stringify(manifest).replace('"config":{', `"config":{"a":${deep},`), /no JSON/],
  "images-2e53": [withIdentity({ dataset: { ...dataset, images: 2 ** 53 } }), /\(identity\.dataset\.images\)/],
  "images-none": [withIdentity({ dataset: { ...dataset, images: 0 } }), /\(identity\.dataset\.images\)/],
  "batch-of-none": [withIdentity({ config: { ...config, batchSize: 0 } }), /\(identity\.config\.batchSize\)/],
  "config-missing": [withIdentity({ config: undefined }), /\(identity\.config\.scope\)/],
  "config-proto": [JSON.stringify(manifest).replace('"config":{', '"config":{"__proto__":{"thresholds":1},').replace('"thresholds":2,', ""), /\(identity\.config\.thresholds\)/],
  "shard-2e30": [withIdentity({ shard: { index: 1, count: 2 ** 30 } }), /\(identity\.shard\.count\)/],
  "network-constructor": [JSON.stringify({ ...manifest, checkpoints: [{ ...manifest.checkpoints[0], network: "constructor" }] }), /\(checkpoints\[0\]\.network\)/],
  "layers-a-number": [JSON.stringify({ ...manifest, sweep: { ...manifest.sweep, layers: { ResNet18: 5 } } }), /\(sweep\.layers\[…\]\)/],
  "units-beyond-number": [JSON.stringify({ ...withImages(), checkpoints: Array(1000).fill(manifest.checkpoints[0]), sweep: { ...manifest.sweep, layers: { ResNet18: Array(1000).fill("a") } } }), /\(sweep\.layers\)/],
  "time-of-nobody": [JSON.stringify({ ...manifest, started: "yesterday" }), /\(started\)/],
  "resumed-missing": [JSON.stringify({ ...manifest, resumed: undefined }), /\(resumed\)/],
  "faults-a-text": [JSON.stringify({ ...manifest, faults: "many" }), /\(faults\)/],
  "megabytes": [JSON.stringify({ ...manifest, more: "x".repeat(9_000_000) }), /at most 8388608 are expected/],
};

function withImages(): Manifest {
  return { ...manifest, identity: { ...manifest.identity, dataset: { ...dataset, images: 2 ** 22 } } };
}

for (const [name, [text, message]] of Object.entries(hostileManifests)) {
  test(`manifest ${name} is refused`, async () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, MANIFEST), text);
    await refuses(() => readManifest(folder), message);
  });
}

test("the manifest and the rows that the hostile ones are made from are good", async () => {
  assert.equal(await readManifest(part), manifest);
  const path = join(temporaryFolder(), "results.arrow");
  writeFileSync(path, good);
  assert.is((await readResults(path)).rows.length, 77);
});

/** A journal of the part's run with one more record whose checksum is right. */
function journal(payload: Buffer): string {
  const folder = temporaryFolder();
  copyFileSync(join(part, MANIFEST), join(folder, MANIFEST));
  const start = readFileSync(join(part, JOURNAL)).subarray(0, 8 + 8 + 32);
  writeFileSync(join(folder, JOURNAL), Buffer.concat([start, u32(payload.length), u32(crc32(payload)), payload]));
  return folder;
}

const record = encodeScores(scoresOf(unitsOf([checkpoint(1)])[0], checkpoint(1)), 1, 1);
const headLength = record.readUInt32LE(0);
/** The record with another head in front of the same columns. */
const withHead = (text: string): Buffer => Buffer.concat([u32(Buffer.byteLength(text)), Buffer.from(text), record.subarray(4 + headLength)]);
const head = JSON.parse(record.toString("utf8", 4, 4 + headLength)) as Record<string, unknown>;

const hostileRecords: Record<string, [record: Buffer, message: RegExp]> = {
  "head-longer-than-the-record": [Buffer.concat([u32(0xffffffff), record.subarray(4)]), /doesn't write/],
  "head-null": [withHead("null"), /doesn't write/],
  "head-deep": [withHead("[".repeat(4000)), /doesn't write/],
  "variants-2e31": [withHead(JSON.stringify({ ...head, variants: 2 ** 31 - 1 })), /doesn't write/],
  "epsilons-2e31": [withHead(JSON.stringify({ ...head, epsilons: 2 ** 31 - 1 })), /doesn't write/],
  "variants-missing": [withHead(JSON.stringify({ ...head, variants: undefined })), /doesn't write/],
  "time-beyond-dates": [withHead(JSON.stringify({ ...head, time: 1e300 })), /doesn't write/],
  "cost-negative": [withHead(JSON.stringify({ ...head, cost: -1 })), /doesn't write/],
  "columns-cut": [record.subarray(0, -4), /doesn't write/],
  "image-of-no-unit": [withHead(JSON.stringify({ ...head, firstImage: 600 })), /none of its run's/],
  "other-epsilons": [encodeScores(scoresOf(unitsOf([checkpoint(1)])[0], checkpoint(1), { ...IDENTITY, config: { ...IDENTITY.config, epsilons: [0.1] } }), 1, 1), /none of its run's/],
};

for (const [name, [payload, message]] of Object.entries(hostileRecords)) {
  test(`a journal's record ${name} is refused`, async () => {
    const folder = journal(payload);
    await refuses(() => openPart(folder), message);
    await refuses(() => runStatus(folder), message);
  });
}

test("a journal that goes on with a terabyte of zeros ends before them", async () => {
  const folder = journal(record);
  const { length } = readFileSync(join(folder, JOURNAL));
  truncateSync(join(folder, JOURNAL), 1e12);
  const { whole, units } = (await JournalReader.open(folder, IDENTITY))!.contents;
  assert.equal([whole, units.size], [length, 1]);
});

test("a record with a filter that can't be is refused when its scores are read", async () => {
  const bad = Buffer.from(record);
  bad.writeInt32LE(4, 4 + headLength);
  const reader = (await JournalReader.open(journal(bad), IDENTITY))!;
  await refuses(() => reader.read([...reader.contents.units.keys()]), /filters that can't be/);
  const whole = (await JournalReader.open(journal(record), IDENTITY))!;
  assert.is((await whole.read([...whole.contents.units.keys()])).length, 1);
});

const owner = { pid: process.pid, host: "elsewhere", space: null, start: null, nonce: "a" };
for (const text of ["", "null", "5", '"x"', "[]", "{}", deep.slice(0, 4000), JSON.stringify({ ...owner, pid: -1 }), JSON.stringify({ ...owner, pid: "1" }), JSON.stringify({ ...owner, host: {} })]) {
  test(`a lock that says ${text.slice(0, 40)} belongs to somebody for a moment, then to nobody`, async () => {
    const folder = temporaryFolder();
    const path = join(folder, LOCK);
    writeFileSync(path, text);
    await refuses(() => FolderLock.acquire(folder), /another process is working/, 75);
    execFileSync("touch", ["-d", "1 minute ago", path]);
    await (await FolderLock.acquire(folder)).release();
  });
}

/** What may lie in a file's place, and not be read for ever. */
const strange: [what: string, make: (path: string) => void][] = [
  ["a FIFO", (path) => void execFileSync("mkfifo", [path])],
  ["a folder", (path) => mkdirSync(path)],
  ["a link to /dev/zero", (path) => symlinkSync("/dev/zero", path)],
  ["a terabyte of nothing", (path) => {
    writeFileSync(path, "");
    truncateSync(path, 1e12);
  }],
];
for (const [what, make] of process.platform === "win32" ? [] : strange) {
  test(`${what} in the place of each file is refused at once`, async () => {
    for (const [name, read] of [["results.arrow", (folder) => readResults(join(folder, "results.arrow"))], [MANIFEST, readManifest], [JOURNAL, (folder) => openPart(folder)], [LOCK, (folder) => FolderLock.acquire(folder)]] as [string, (folder: string) => Promise<unknown>][]) {
      const folder = temporaryFolder();
      if (name !== MANIFEST) copyFileSync(join(part, MANIFEST), join(folder, MANIFEST));
      make(join(folder, name));
      // A journal is read record by record, and of these there is none.
      if (name === JOURNAL && what.startsWith("a terabyte")) continue;
      await refuses(() => read(folder), /regular file|folder|is no (journal|lock)|expected|usable path/);
    }
  });
}

test("what checkpoints and layers are called cannot command a terminal", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "results.arrow"), arrow([row({ checkpoint: "\u001b[2Ja\u202eb\u009b", threshold_index: 0 }), row({ checkpoint: "\u001b[2Ja\u202eb\u009b", threshold_index: 1 }), row({ layer: "\u001b[31m", threshold_index: 0 }), row({ layer: "\u001b[31m", threshold_index: 1 })]));
  const { code, stdout, stderr } = await cli(["score", folder]);
  assert.is(code, 0, stderr);
  assert.match(stdout, /\\u001b\[2Ja\\u202eb\\u009b/);
  assert.not.match(stdout + stderr, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
});

test("the commands that read results refuse a hostile file with exit code 65, and say so in a line", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "results.arrow"), hostileArrow["rows-2e40.arrow"][0]);
  for (const args of [["score", folder], ["plot", folder], ["export", folder, "--format", "csv", "--out", join(folder, "a.csv")]]) {
    const { code, errors, stdout } = await cli(args);
    assert.is(code, 65, `${args[0]}: ${errors.join()}`);
    assert.is(errors.length, 1);
    assert.is(stdout, "");
  }
});

test.run();
