/** The run's folder: whose it is, and who may work in it. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { FileSystemError, InferlinkError, TryAgainError, UsageError } from "../src/errors.js";
import type { CheckpointRecord } from "../src/results/folder/checkpoints.js";
import type { RunIdentity } from "../src/results/identity.js";
import { makeFolder } from "../src/results/folder/durable.js";
import { FolderLock, LOCK } from "../src/results/folder/lock.js";
import { readManifest, writeManifest } from "../src/results/manifest.js";
import { openRunFolder } from "../src/results/folder/runFolder.js";
import { DEFAULT_CONFIG } from "../src/sweep/config.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { writePart } from "./support/parts.js";

const identity: RunIdentity = { packageVersion: "0.1.0", adapter: "a", driver: "", config: DEFAULT_CONFIG, dataset: { name: "mnist", split: "test", images: 1, sha256: "", normalisation: null }, shard: null };
const checkpoint = (path: string, changes = {}): CheckpointRecord => ({ path, sha256: "ab", bytes: 1, modified: 1, network: "ResNet18", init: null, epoch: null, ...changes });
const request = (out: string | null, changes = {}) => ({ out, overwrite: false, identity, checkpoints: [checkpoint("a.ckpt")], hash: () => "fresh", ...changes });

async function refused(work: Promise<unknown>, type: new (...args: never[]) => InferlinkError, text: RegExp): Promise<void> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, type);
    assert.match((error as Error).message, text);
    return;
  }
  assert.unreachable("was not refused");
}

test("a new folder is named by time, network, dataset and chance", async () => {
  const before = process.cwd();
  process.chdir(temporaryFolder());
  try {
    const folder = await openRunFolder(request(null));
    assert.match(folder.path, /^runs\/\d{8}T\d{6}Z-ResNet18-mnist-[0-9a-f]{6}$/);
    await folder.lock.release();
  } finally {
    process.chdir(before);
  }
});

test("a folder with other things in it is refused and left as it was", async () => {
  const out = temporaryFolder();
  writeFileSync(join(out, "thesis.tex"), "");
  await refused(openRunFolder(request(out)), UsageError, /isn't empty.*thesis\.tex/);
  assert.equal(readdirSync(out), ["thesis.tex"]);
  for (const name of ["results.arrow", "scores.arrow", "scores-means.csv", "results.parquet"]) writeFileSync(join(out, name), "");
  const folder = await openRunFolder(request(out, { overwrite: true }));
  await folder.lock.release();
  assert.equal(readdirSync(out), ["thesis.tex"], "overwriting removes a run's own files only, and what was made of them");
});

test("the same run goes on, another one is refused with what differs", async () => {
  const out = temporaryFolder();
  const { manifest_version, data, adapter, versions } = (await readManifest(await writePart(temporaryFolder())))!;
  const work = { units: 1, cost: 1, sweep: { units: 1, cost: 1, layers: { ResNet18: ["fc"] } }, networks: 75, tiles: {} };
  const times = { started: "2026-01-01T00:00:00.000Z", resumed: [], ended: null, rows: null };
  await writeManifest(out, { manifest_version, status: "interrupted", identity, checkpoints: [checkpoint("a.ckpt")], data, adapter, versions, ...work, ...times });
  const folder = await openRunFolder(request(out));
  assert.is(folder.earlier?.status, "interrupted");
  await folder.lock.release();
  const other = { ...identity, config: { ...DEFAULT_CONFIG, thresholds: 3 } };
  await refused(openRunFolder(request(out, { identity: other })), UsageError, /thresholds: there 25, here 3/);
  assert.not.ok(readdirSync(out).includes(LOCK), "the lock is given back");
});

test("a folder that can't be made is the file system's fault", async () => {
  const out = temporaryFolder();
  writeFileSync(join(out, "file"), "");
  await refused(openRunFolder(request(join(out, "file", "run"))), FileSystemError, /file.run: a part of the path/);
});

test("many make the same folders at once", async () => {
  for (let round = 0; round < 10; round++) {
    const parent = join(temporaryFolder(), "sweep", "of", "shards");
    await Promise.all(Array.from({ length: 40 }, (_, i) => makeFolder(join(parent, `shard-${i % 10}`))));
    assert.is(readdirSync(parent).length, 10);
  }
});

test("a second process is refused, also a moment after the first let go", async () => {
  const folder = temporaryFolder();
  const lock = await FolderLock.acquire(folder);
  await refused(FolderLock.acquire(folder), TryAgainError, /process \d+ on .* is working/);
  await lock.release();
  await (await FolderLock.acquire(folder)).release();
});

test("of many that find a dead process's lock one gets it", async () => {
  const folder = join(temporaryFolder(), "run");
  mkdirSync(folder);
  for (const owner of [{ pid: 2 ** 22 + 1, host: hostname(), start: null }, { pid: process.pid, host: hostname(), start: "another boot:1" }]) {
    if (owner.start !== null && process.platform !== "linux") continue;
    writeFileSync(join(folder, LOCK), JSON.stringify(owner));
    const tries = await Promise.allSettled(Array.from({ length: 16 }, () => FolderLock.acquire(folder)));
    const got = tries.filter((entry) => entry.status === "fulfilled");
    assert.is(got.length, 1);
    assert.is((JSON.parse(readFileSync(join(folder, LOCK), "utf8")) as { pid: number }).pid, process.pid);
    await got[0].value.release();
    assert.equal(readdirSync(folder), []);
  }
});

test("a fresh lock of another machine holds", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, LOCK), JSON.stringify({ pid: 1, host: "elsewhere.invalid", start: null }));
  await refused(FolderLock.acquire(folder), TryAgainError, /process 1 on elsewhere\.invalid/);
});

test.run();
