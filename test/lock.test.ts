/** One owner of a run's folder, of sixteen processes that want it at once: new, left by a dead process, and taken from one that stood still. */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { TryAgainError } from "../src/errors.js";
import { FolderLock, LOCK, lockHolder } from "../src/results/folder/lock.js";
import { temporaryFolder } from "./support/cliFiles.js";

/** Takes the lock at a given moment, says so, and holds it until its input ends. */
const SCRIPT = `
const { FolderLock } = await import(${JSON.stringify(new URL("../src/results/folder/lock.js", import.meta.url).href)});
const [folder, at] = process.argv.slice(1);
while (Date.now() < Number(at));
let lock = null;
try {
  lock = await FolderLock.acquire(folder);
  console.log("got");
} catch (error) {
  console.log(error.name + ": " + error.message);
}
for await (const _ of process.stdin);
await lock?.release();
process.exit();
`;

interface Wanting {
  process: ChildProcess;
  said: string;
  ended: Promise<void>;
}

/** Starts processes that all try in the same moment. @returns them with what they said */
async function race(folder: string, count: number): Promise<Wanting[]> {
  const at = Date.now() + 1500;
  return Promise.all(Array.from({ length: count }, async (): Promise<Wanting> => {
    const child = spawn(process.execPath, ["--input-type=module", "-e", SCRIPT, folder, `${at}`], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise<void>((resolve) => child.on("close", () => resolve()));
    const said = await new Promise<string>((resolve) => child.stdout!.setEncoding("utf8").once("data", resolve));
    return { process: child, said: said.trim(), ended };
  }));
}

async function finish(wanting: Wanting[]): Promise<void> {
  for (const { process } of wanting) process.stdin!.end();
  await Promise.all(wanting.map(({ ended }) => ended));
}

test("of sixteen processes one gets the folder, the others are told who has it; killed, it leaves it to one of the next", async () => {
  const folder = temporaryFolder();
  for (let round = 0; round < 3; round++) {
    const wanting = await race(folder, 16);
    const [owner, ...more] = wanting.filter(({ said }) => said === "got");
    assert.ok(owner, wanting.map(({ said }) => said).join("\n"));
    assert.equal(more, []);
    const refusals = wanting.filter((each) => each !== owner).map(({ said }) => said);
    assert.ok(refusals.every((said) => /^TryAgainError: .* is working in this run folder/.test(said)), refusals.join("\n"));
    assert.is((JSON.parse(readFileSync(join(folder, LOCK), "utf8")) as { pid: number }).pid, owner.process.pid);
    owner.process.kill("SIGKILL");
    await owner.ended;
    await finish(wanting);
  }
  await finish(await race(folder, 1));
  assert.equal(readdirSync(folder), [], "nothing is left of any of them");
});

test("a process that stood still and was given up writes no more, and leaves the new owner's lock alone", async () => {
  const folder = temporaryFolder();
  const lock = await FolderLock.acquire(folder);
  await lock.verify();
  const other = JSON.stringify({ pid: 1, host: "elsewhere.invalid", space: null, start: null, nonce: "" });
  writeFileSync(join(folder, LOCK), other);
  try {
    await lock.verify();
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TryAgainError);
    assert.match((error as Error).message, /another process has taken this run folder over/);
  }
  await lock.release();
  assert.is(readFileSync(join(folder, LOCK), "utf8"), other);
});

test("an owner out of sight that fell silent is waited for, and given up two minutes after its last sign", async () => {
  const folder = temporaryFolder();
  const path = join(folder, LOCK);
  writeFileSync(path, JSON.stringify({ pid: 1, host: "elsewhere.invalid", space: null, start: null, nonce: "" }));
  const ago = (seconds: number): void => utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);
  ago(118);
  const waited: string[] = [];
  const lock = await FolderLock.acquire(folder, ({ host }) => waited.push(host));
  assert.equal(waited, ["elsewhere.invalid"]);
  await lock.release();
});

test("one that shows up again while it is waited for keeps its folder", async () => {
  const folder = temporaryFolder();
  const path = join(folder, LOCK);
  writeFileSync(path, JSON.stringify({ pid: 1, host: "elsewhere.invalid", space: null, start: null, nonce: "" }));
  utimesSync(path, Date.now() / 1000 - 60, Date.now() / 1000 - 60);
  try {
    await FolderLock.acquire(folder, () => utimesSync(path, Date.now() / 1000, Date.now() / 1000));
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TryAgainError);
    assert.match((error as Error).message, /process 1 on elsewhere\.invalid/);
  }
});

test("process ids of another container say nothing here: its lock holds while it is touched", async () => {
  const folder = join(temporaryFolder(), "run");
  mkdirSync(folder);
  // No such process here, but the ids are those of another space.
  writeFileSync(join(folder, LOCK), JSON.stringify({ pid: 2 ** 22 + 1, host: hostname(), space: "pid:[1]", start: null, nonce: "" }));
  if (process.platform !== "linux") return;
  assert.equal((await lockHolder(folder)) !== null, true);
  try {
    await FolderLock.acquire(folder);
    assert.unreachable();
  } catch (error) {
    assert.instance(error, TryAgainError);
  }
});

test.run();
