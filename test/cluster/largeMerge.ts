/**
 * Measures `merge` on a sweep of any size, whose scores nobody computed: node dist/test/cluster/largeMerge.js [checkpoints]
 * [images] [shards]. The parts are those that as many machines would leave; rows and files are as large as real ones.
 */
import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { merge } from "../../src/cli/commands/merge.js";
import { architectureNamed } from "../../src/model/recognise.js";
import { identityHash, type RunIdentity } from "../../src/results/identity.js";
import { writeManifest, type Manifest } from "../../src/results/manifest.js";
import { encodeScores } from "../../src/results/record.js";
import { DEFAULT_CONFIG } from "../../src/sweep/config.js";
import { costOf } from "../../src/sweep/cost.js";
import { shardName, shardUnits } from "../../src/sweep/shards.js";
import { chunksOf, type Unit } from "../../src/sweep/units.js";
import { checkpoint, scoresOf } from "../support/parts.js";

const [checkpoints = 360, images = 10_000, count = 1000] = process.argv.slice(2).map(Number);

const architecture = architectureNamed("resnet18", { width: 64, channels: 1, classes: 10 });
const layers = architecture.layers.map(({ name }) => name);
const identity: RunIdentity = { packageVersion: "0.0.0", adapter: "none", driver: "", config: DEFAULT_CONFIG, dataset: { name: "mnist", split: "test", images, sha256: "", normalisation: null }, shard: null };
const records = Array.from({ length: checkpoints }, (_, i) => ({ ...checkpoint(i + 1), epoch: 10 }));
const cost = costOf(architecture.graph, { channels: 1, height: 28, width: 28 }, 2);
const units = records.flatMap((_, c) => layers.flatMap((layer, layerIndex) => chunksOf(images, DEFAULT_CONFIG).map((chunk): Unit => ({ checkpoint: c, layer, layerIndex, ...chunk, cost: cost(layer) * 75 * chunk.images }))));
const total = units.reduce((sum, unit) => sum + unit.cost, 0);

function frame(payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

const folder = mkdtempSync(join(tmpdir(), "inferlink-large-"));
let [most, bytes, opened] = [0, 0, 0];
for (let index = 1; index <= count; index++) {
  const own = shardUnits(units, { index, count });
  const part = join(folder, shardName({ index, count }));
  mkdirSync(part);
  const named = new Set(own.map((unit) => unit.checkpoint));
  const ownIdentity = { ...identity, shard: { index, count } };
  await writeManifest(part, {
    manifest_version: 1, status: "done", identity: ownIdentity, checkpoints: records.map((record, i) => (named.has(i) ? record : { ...record, sha256: null })),
    data: { files: [], normalisation: null }, adapter: { name: "none", vendor: "", architecture: "", description: "", backend: "", type: "software", software: true },
    versions: { package: "0.0.0", node: "", webgpu: "", arrow: "" }, units: own.length, cost: own.reduce((sum, unit) => sum + unit.cost, 0),
    sweep: { units: units.length, cost: total, layers: { ResNet18: layers } }, networks: checkpoints * layers.length * 75, tiles: {},
    started: "2026-01-01T00:00:00.000Z", resumed: [], ended: "2026-01-01T01:00:00.000Z", rows: null,
  } as Manifest);
  const journal = Buffer.concat([Buffer.from("INFLJRN2"), frame(identityHash(ownIdentity)), ...own.map((unit) => frame(encodeScores(scoresOf(unit, records[unit.checkpoint], ownIdentity), unit.cost, 0)))]);
  writeFileSync(join(part, "journal.bin"), journal);
  most = Math.max(most, own.reduce((sum, unit) => sum + unit.cost, 0));
  bytes += journal.length;
  opened = Math.max(opened, named.size);
}
console.log(`${units.length} units of ${checkpoints} checkpoints over ${count} shards: ${Math.round(bytes / 1e6)} MB of journals, at most ${opened} checkpoints in a shard`);
console.log(`largest shard: ${((100 * most * count) / total - 100).toFixed(2)} % above the mean`);

const [started, before] = [performance.now(), process.cpuUsage()];
const out = join(folder, "out");
const code = await merge({ parts: [folder], out, overwrite: false, mixedAdapters: false, report: false, json: false, quiet: true });
const { user, system } = process.cpuUsage(before);
const megabytes = (count: number): string => `${Math.round(count / 1e6)} MB`;
console.log(`merged in ${((performance.now() - started) / 1000).toFixed(1)} s (${((user + system) / 1e6).toFixed(1)} s of a core) with ${megabytes(1024 * process.resourceUsage().maxRSS)} of memory; results.arrow has ${megabytes(statSync(join(out, "results.arrow")).size)}`);
rmSync(folder, { recursive: true });
process.exitCode = code;
