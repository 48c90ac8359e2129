/** The journal: units come back bit for bit, however the file ends. */
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { InputError } from "../src/errors.js";
import { differences, type RunIdentity } from "../src/results/identity.js";
import { Journal, JOURNAL } from "../src/results/folder/journal.js";
import { decodeScores, encodeScores } from "../src/results/record.js";
import { DEFAULT_CONFIG } from "../src/sweep/config.js";
import type { Variant } from "../src/sweep/filters.js";
import type { UnitScores } from "../src/sweep/units.js";
import { temporaryFolder } from "./support/cliFiles.js";

const IDENTITY: RunIdentity = {
  packageVersion: "0.1.0",
  adapter: "llvmpipe (vulkan)",
  driver: "Mesa",
  config: { ...DEFAULT_CONFIG, thresholds: 1, epsilons: [0.1, 0.2] },
  dataset: { name: "mnist", split: "test", images: 4096, sha256: "ab", normalisation: null },
  shard: { index: 1, count: 2 },
};

const VARIANTS: Variant[] = [
  { filter: "h_a", thresholdIndex: 0, alpha: Math.fround(-0.1), delta: null, weights: 99, removed: 1, zeros: 2 },
  { filter: "h_c", thresholdIndex: 24, alpha: 0.25, delta: Math.fround(1e-3), weights: 99, removed: 98, zeros: 99 },
  { filter: "h_b", thresholdIndex: 1, alpha: -0, delta: null, weights: 99, removed: 0, zeros: 0 },
];

const scores = (unit: number): UnitScores => ({
  sha256: "cd",
  layer: "conv1",
  layerIndex: 0,
  firstImage: unit * 256,
  variants: VARIANTS,
  correctClean: Int32Array.of(unit, 2, 3),
  lossClean: Float64Array.of(0.1, Number.MAX_VALUE, unit / 3),
  correctAdv: [Int32Array.of(4, 5, 6), Int32Array.of(7, 8, 9)],
  lossAdv: [Float64Array.of(1, 2, 3), Float64Array.of(-0, 5e-324, 9)],
});

const finished = (journal: Journal): Promise<UnitScores[]> => journal.finished.read([...journal.finished.contents.units.keys()]);

test("scores survive their encoding", () => {
  assert.equal(decodeScores("journal", encodeScores(scores(7), 1e12, 0)), scores(7));
});

test("every cut of the last record leaves the ones before it, and the journal goes on from there", async () => {
  const folder = temporaryFolder();
  const path = join(folder, JOURNAL);
  let journal = await Journal.open(folder, IDENTITY);
  await journal.append(scores(0), 1);
  const one = readFileSync(path).length;
  await journal.append(scores(1), 1);
  await journal.close();
  const two = readFileSync(path);
  for (let length = one; length < two.length; length += 7) {
    writeFileSync(path, two);
    truncateSync(path, length);
    journal = await Journal.open(folder, IDENTITY);
    assert.equal(await finished(journal), [scores(0)]);
    await journal.append(scores(2), 1);
    await journal.close();
    journal = await Journal.open(folder, IDENTITY);
    assert.equal(await finished(journal), [scores(0), scores(2)]);
    await journal.close();
  }
});

test("garbage behind the last record is cut off", async () => {
  const folder = temporaryFolder();
  let journal = await Journal.open(folder, IDENTITY);
  await journal.append(scores(0), 1);
  await journal.close();
  appendFileSync(join(folder, JOURNAL), Buffer.alloc(999, 0x41));
  journal = await Journal.open(folder, IDENTITY);
  assert.equal(await finished(journal), [scores(0)]);
  await journal.close();
});

test("a journal of another run is refused", async () => {
  const folder = temporaryFolder();
  await (await Journal.open(folder, IDENTITY)).close();
  try {
    await Journal.open(folder, { ...IDENTITY, adapter: "another" });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, InputError);
  }
});

test("differences of two runs are named with both values", () => {
  assert.equal(differences(IDENTITY, structuredClone(IDENTITY)), []);
  const other = { ...IDENTITY, config: { ...DEFAULT_CONFIG, thresholds: 10, epsilons: [0.38] }, shard: null };
  assert.equal(differences(IDENTITY, other), ["thresholds: there 1, here 10", "epsilons: there [0.1,0.2], here [0.38]", "shard.index: there 1, here nothing", "shard.count: there 2, here nothing", "shard: there nothing, here null"]);
});

test.run();
