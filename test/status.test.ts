/** Status, read off folders in every state a run can be in. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Journal } from "../src/results/folder/journal.js";
import { LOCK } from "../src/results/folder/lock.js";
import { runStatus } from "../src/results/status.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { cli } from "./support/cliProcess.js";
import { checkpoint, IDENTITY, scoresOf, unitsOf, writePart } from "./support/parts.js";

const lock = (folder: string, owner: object): void => writeFileSync(join(folder, LOCK), JSON.stringify(owner));

test("a run's states: done, interrupted, killed, running here and elsewhere", async () => {
  const folder = temporaryFolder();
  const done = await writePart(join(folder, "done"));
  assert.is((await runStatus(done))!.state, "done");
  const part = await writePart(folder, { finished: 7, manifest: { status: "running", ended: null } });
  assert.is((await runStatus(part))!.state, "killed");
  lock(part, { pid: 2 ** 22 + 1, host: hostname(), start: null });
  assert.is((await runStatus(part))!.state, "killed", "a dead process's lock");
  lock(part, { pid: process.pid, host: hostname(), start: null });
  const running = (await runStatus(part))!;
  assert.equal([running.state, running.process], ["running", { pid: process.pid, host: hostname() }]);
  lock(part, { pid: 1, host: "elsewhere.invalid", start: null });
  assert.equal((await runStatus(part))!.process, { pid: 1, host: "elsewhere.invalid" });
  rmSync(join(part, LOCK));
  assert.is((await runStatus(await writePart(join(folder, "c"), { finished: 3 })))!.state, "interrupted");
  mkdirSync(join(folder, "empty"));
  assert.is(await runStatus(join(folder, "empty")), null);
});

test("units, checkpoints, fraction, rate and time left come from the journal", async () => {
  const folder = await writePart(temporaryFolder(), { finished: 0, manifest: { status: "running", ended: null, started: new Date(Date.now() - 3_600_000).toISOString(), resumed: [new Date(Date.now() - 10_000).toISOString()] } });
  const checkpoints = [checkpoint(1), checkpoint(2)];
  const units = unitsOf(checkpoints);
  const journal = await Journal.open(folder, IDENTITY);
  for (const unit of units.slice(0, 10)) await journal.append(scoresOf(unit, checkpoints[unit.checkpoint]), unit.cost);
  await journal.close();
  const status = (await runStatus(folder))!;
  assert.equal(status.units, { done: 10, left: 8, total: 18 });
  assert.equal(status.checkpoints, { done: 1, total: 2 });
  const cost = (n: number): number => units.slice(0, n).reduce((sum, unit) => sum + unit.cost, 0);
  assert.is(status.fraction, cost(10) / cost(18));
  // Written in a moment, ten seconds after the start: 4 variants on as many images as the units cost here.
  const seconds = (Date.parse(status.updated!) - Date.now()) / 1000 + 10;
  assert.ok(Math.abs(status.rate! / ((4 * cost(10)) / seconds) - 1) < 0.2, `${status.rate}`);
  assert.ok(Math.abs(status.secondsLeft! / ((seconds * (cost(18) - cost(10))) / cost(10)) - 1) < 0.2, `${status.secondsLeft}`);
});

test("the command: text and JSON, one run and shards, errors counted with the last one told", async () => {
  const folder = temporaryFolder();
  const faults = [
    { time: "2026-01-01T00:10:00.000Z", kind: "device-lost", message: "the device was lost", action: "opening it again (1 of 3)" },
    { time: "2026-01-01T00:20:00.000Z", kind: "error", message: "no space left", action: "ended" },
  ];
  await writePart(folder, { shard: { index: 1, count: 4 } });
  const open = await writePart(folder, { shard: { index: 3, count: 4 }, finished: 2, manifest: { faults } });
  const one = await cli(["status", open]);
  assert.is(one.code, 0, one.stderr);
  assert.match(one.stdout, /: interrupted.*\n2 of 4 units \(\d+ %\)\n.*\nerrors: 1 device-lost, 1 error; the last 2026-01-01T00:20:00\.000Z: no space left \(ended\)/);
  const all = await cli(["status", folder]);
  assert.match(all.stdout, /shards: 2 not started, 1 done, 1 interrupted\n\d of 18 units/);
  assert.match(all.stdout, /shard-3-of-4 +interrupted +2\/4/);
  const json = JSON.parse((await cli(["status", folder, "--json"])).stdout) as { state: string; units: { total: number }; notStarted: string[]; secondsLeft: number | null; shards: { errors: object[] }[] };
  assert.equal([json.state, json.units.total, json.notStarted, json.secondsLeft], ["interrupted", 18, ["shard-2-of-4", "shard-4-of-4"], null]);
  assert.equal(json.shards[1].errors, faults);
  const nothing = await cli(["status", join(folder, "nothing")]);
  assert.is(nothing.code, 74);
  assert.match(nothing.errors[0], /nothing: does not exist/);
});

test.run();
