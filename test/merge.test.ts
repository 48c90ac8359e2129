/** Parts put together: whole and the same bytes however they were cut and given, or refused with what is wrong named. */
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { IncompleteError, UsageError } from "../src/errors.js";
import { merge, type MergeOptions } from "../src/cli/commands/merge.js";
import { readRows } from "../src/results/arrow/arrow.js";
import { examine } from "../src/results/folder/examine.js";
import type { Manifest } from "../src/results/manifest.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { checkpoint, IDENTITY, LAYERS, writePart } from "./support/parts.js";

const OPTIONS: Omit<MergeOptions, "parts" | "out"> = { overwrite: false, mixedAdapters: false, report: false, json: false, quiet: true };
const merged = (parts: string[], out: string | null = null, options: Partial<MergeOptions> = {}): Promise<number> => merge({ ...OPTIONS, parts, out, ...options });
const bytesOf = (folder: string): Buffer => readFileSync(join(folder, "results.arrow"));
const shards = (folder: string, count: number): Promise<string[]> => Promise.all(Array.from({ length: count }, (_, i) => writePart(folder, { shard: { index: i + 1, count } })));
const found = async (parts: string[], mixedAdapters = false): Promise<string[]> => (await examine(parts, { mixedAdapters })).problems.map(({ kind, message }) => `${kind}: ${message}`);

async function refused(work: Promise<unknown>, type: typeof IncompleteError | typeof UsageError, message: RegExp): Promise<void> {
  try {
    await work;
  } catch (error) {
    assert.instance(error, type);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable(`was not refused: ${message}`);
}

test("rows are sums over the chunks in image order", async () => {
  const folder = temporaryFolder();
  await merged([await writePart(folder)], join(folder, "out"));
  const rows = await readRows(join(folder, "out", "results.arrow"));
  assert.is(rows.length, 2 * LAYERS.length * 4 * 2);
  const row = rows.find((r) => r.init === 2 && r.layer === "fc" && r.filter === "h_c" && r.threshold_index === 1 && r.epsilon === 0.3)!;
  // Layer 2 of checkpoint 2, variant 3, epsilon 1: by hand.
  const chunk = (k: number): number => 3 * 4 * 10 ** (4 * k) * (1 / 3 + (2 + 2 + k));
  assert.is(row.loss_adv, (0 + chunk(0) + chunk(1) + chunk(2)) / 600);
  assert.is(row.correct_clean, (4 * 7 + 3) % 257 + ((5 * 7 + 3) % 257) + ((6 * 7 + 3) % 89));
  assert.equal([row.images, row.removed, row.zeros, row.density, row.layer_index, row.delta], [600, 10, 11, 0.999, 2, 0.25]);
});

test("any cut, any order, parts given twice: the bytes of one piece", async () => {
  const folder = temporaryFolder();
  await merged([await writePart(folder)], join(folder, "whole"));
  const [three, five, many] = [await shards(join(folder, "3"), 3), await shards(join(folder, "5"), 5), await shards(join(folder, "40"), 40)];
  const ways = [many, three, three.toReversed(), [...five, ...three, ...five], [three[0], ...five.slice(1)], [join(folder, "5")], [join(folder, "3"), join(folder, "5")]];
  for (const [i, parts] of ways.entries()) {
    assert.is(await merged(parts, join(folder, `out${i}`)), 0);
    assert.ok(bytesOf(join(folder, `out${i}`)).equals(bytesOf(join(folder, "whole"))), `way ${i}`);
  }
});

test("the folder of the shards is where the result goes, and merging again changes nothing", async () => {
  const folder = temporaryFolder();
  await shards(folder, 4);
  await merged([folder]);
  const files = (): Buffer[] => ["results.arrow", "manifest.json"].map((name) => readFileSync(join(folder, name)));
  const before = files();
  await merged([folder]);
  assert.equal(files(), before);
  const manifest = JSON.parse(before[1].toString()) as Manifest;
  assert.is(manifest.status, "done");
  assert.is(manifest.identity.shard, null);
  assert.equal(manifest.merged!.map(({ shard }) => shard!.index), [1, 2, 3, 4]);
  assert.ok(manifest.checkpoints.every(({ sha256 }) => sha256));
  assert.equal(readdirSync(folder).filter((name) => !name.startsWith("shard-")).sort(), ["manifest.json", "results.arrow"]);
});

test("what is missing is named: shards without a part, unfinished ones, ones that have only begun", async () => {
  const folder = temporaryFolder();
  const parts = await shards(folder, 6);
  rmSync(parts[1], { recursive: true });
  rmSync(parts[2], { recursive: true });
  rmSync(join(parts[4], "manifest.json"));
  rmSync(parts[5], { recursive: true });
  await writePart(folder, { shard: { index: 6, count: 6 }, finished: 1 });
  const problems = await found(readdirSync(folder).map((name) => join(folder, name)));
  assert.equal(problems.map((text) => text.replaceAll(folder, "F")), [
    "missing: F/shard-5-of-6: no manifest yet; run its command",
    "missing: shards 2-3, 5 of 6: no part (shard-2-of-6)",
    "missing: F/shard-6-of-6: has 1 of its 3 units (not finished: run its command again)",
    "missing: 11 of 18 units are in no part; the first is of layer1.0.conv1 of Init_1/net.ckpt",
  ]);
  await refused(merged([folder]), IncompleteError, /11 of 18 units are missing/);
  assert.not.ok(existsSync(join(folder, "results.arrow")), "nothing is written");
});

test("unfinished parts do where others have what they lack", async () => {
  const folder = temporaryFolder();
  const parts = [await writePart(join(folder, "a"), { finished: 10 }), await writePart(join(folder, "b"), { shard: { index: 2, count: 2 } })];
  await merged(parts, join(folder, "out"));
  await merged([await writePart(join(folder, "c"))], join(folder, "whole"));
  assert.ok(bytesOf(join(folder, "out")).equals(bytesOf(join(folder, "whole"))));
});

test("damage is named: cut, flipped and foreign journals, manifests that are none", async () => {
  const folder = temporaryFolder();
  const [cut, flipped, foreign, broken] = await shards(folder, 4);
  const journal = (part: string): string => join(part, "journal.bin");
  truncateSync(journal(cut), readFileSync(journal(cut)).length - 5);
  const bytes = readFileSync(journal(flipped));
  bytes[bytes.length >> 1] ^= 1;
  writeFileSync(journal(flipped), bytes);
  writeFileSync(journal(foreign), readFileSync(journal(cut)));
  writeFileSync(join(broken, "manifest.json"), "{");
  const problems = (await found([folder].flatMap(() => [cut, flipped, foreign, broken]))).map((text) => text.replaceAll(folder, "F"));
  assert.match(problems.join("\n"), /damaged: F\/shard-1-of-4\/journal\.bin: is damaged behind byte \d+ of \d+/);
  assert.match(problems.join("\n"), /damaged: F\/shard-2-of-4\/journal\.bin: is damaged behind byte/);
  assert.match(problems.join("\n"), /damaged: F\/shard-3-of-4\/journal\.bin: is damaged at its start or of another run/);
  assert.match(problems.join("\n"), /damaged: F\/shard-4-of-4\/manifest\.json: is no JSON/);
  assert.match(problems.join("\n"), /damaged: F\/shard-1-of-4: has \d of its \d units \(and was done\)/);
  await refused(merged([folder]), IncompleteError, /units are missing, 7 damaged/);
});

test("every byte of a part may flip: merged the same, or refused, never merged otherwise", async () => {
  const folder = temporaryFolder();
  const [part, rest] = await shards(folder, 2);
  await merged([part, rest], join(folder, "whole"));
  const path = join(part, "journal.bin");
  const whole = readFileSync(path);
  for (let at = 0; at < whole.length; at += 101) {
    const bytes = Buffer.from(whole);
    bytes[at] ^= 1 << (at % 8);
    writeFileSync(path, bytes);
    const { missing, problems } = await examine([part, rest], { mixedAdapters: false });
    assert.ok(missing > 0 && problems.some(({ kind }) => kind === "damaged"), `byte ${at}`);
  }
  writeFileSync(path, Buffer.concat([whole, Buffer.alloc(100, 7)]));
  await merged([part, rest], join(folder, "again"));
  assert.ok(bytesOf(join(folder, "again")).equals(bytesOf(join(folder, "whole"))), "garbage behind the last record is no loss");
  appendFileSync(path, whole.subarray(8));
  await merged([part, rest], join(folder, "again"));
});

test("parts of another configuration are named with what differs, whatever comes first", async () => {
  const folder = temporaryFolder();
  const parts = await shards(join(folder, "a"), 3);
  const others = [
    await writePart(join(folder, "clamp"), { identity: { ...IDENTITY, config: { ...IDENTITY.config, clamp: true } } }),
    await writePart(join(folder, "version"), { identity: { ...IDENTITY, packageVersion: "0.2.0" } }),
    await writePart(join(folder, "data"), { identity: { ...IDENTITY, dataset: { ...IDENTITY.dataset, sha256: "cd" } } }),
    await writePart(join(folder, "more"), { checkpoints: [checkpoint(1), checkpoint(2), checkpoint(3)] }),
    await writePart(join(folder, "weights"), { checkpoints: [checkpoint(1), { ...checkpoint(2), sha256: "f".repeat(64) }] }),
  ];
  const expected = [/clamp: there false, here true/, /packageVersion: there "0.1.0", here "0.2.0"/, /dataset\.sha256: there "ab", here "cd"/, /checkpoint Init_3\/net\.ckpt: only here/, /Init_2\/net\.ckpt: SHA-256 there 000000000000, here ffffffffffff/];
  for (const [i, other] of others.entries()) {
    for (const given of [[...parts, other], [other, ...parts]]) {
      const problems = await found(given);
      assert.is(problems.length, 1, problems.join("\n"));
      assert.match(problems[0], /^different: /);
      assert.match(problems[0], expected[i]);
    }
    await refused(merged([...parts, other], join(folder, "out")), IncompleteError, /0 of 18 units are missing, 1 of another run/);
  }
});

test("parts of different adapters or drivers only when asked for, and marked", async () => {
  const folder = temporaryFolder();
  const [one, two] = [{ index: 1, count: 2 }, { index: 2, count: 2 }];
  const parts = [await writePart(folder, { shard: one }), await writePart(folder, { shard: two, identity: { ...IDENTITY, adapter: "A100 (vulkan)", driver: "535" } })];
  assert.match((await found(parts)).join(), /adapter: there .*A100|adapter: there "llvmpipe/);
  await refused(merged(parts, join(folder, "out")), IncompleteError, /another run/);
  await merged(parts, join(folder, "out"), { mixedAdapters: true });
  const manifest = JSON.parse(readFileSync(join(folder, "out", "manifest.json"), "utf8")) as Manifest;
  assert.is(manifest.identity.adapter, "A100 (vulkan) + llvmpipe (vulkan)");
  assert.equal(manifest.merged!.map(({ adapter }) => adapter), ["llvmpipe (vulkan)", "A100 (vulkan)"]);
});

test("a result of another run is not replaced unasked, nor a folder of something else used", async () => {
  const folder = temporaryFolder();
  const [part, other] = [await writePart(join(folder, "a")), await writePart(join(folder, "b"), { identity: { ...IDENTITY, config: { ...IDENTITY.config, clamp: true } } })];
  const out = join(folder, "out");
  await merged([part], out);
  await refused(merged([other], out), UsageError, /holds another run \(clamp: there false, here true\)/);
  await merged([other], out, { overwrite: true });
  writeFileSync(join(folder, "a", "thesis.tex"), "");
  await refused(merged([part], join(folder, "a")), UsageError, /thesis\.tex|part/);
  await refused(merged([part], part), UsageError, /is one of the parts/);
  await refused(merged([part, other]), UsageError, /--out/);
});

test.run();
