/** Real file systems that are full or read-only: exit 74, what was there stays, and with room the same command completes. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RESULTS } from "../src/results/arrow/arrow.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { replay, UNITS } from "./support/replay.js";

const folder = temporaryFolder();
const mount = (...args: string[]): boolean => spawnSync("mount", args).status === 0;
const disk = join(folder, "disk");
mkdirSync(disk);
const canMount = process.getuid?.() === 0 && mount("-t", "tmpfs", "-o", "size=4k", "tmpfs", disk);
if (canMount) spawnSync("umount", ["--lazy", disk]);
else console.log("skipped where a small file system can't be mounted (that takes root)");

const whole = join(folder, "whole");
const begun = join(folder, "begun");
const contents = (path: string): [string, string][] => readdirSync(path).sort().map((name) => [name, readFileSync(join(path, name)).toString("base64")]);
const bytesOf = (out: string): Buffer => readFileSync(join(out, RESULTS));
test.before(async () => {
  assert.is((await replay(whole)).code, 0);
  assert.is((await replay(begun, { most: 1 })).code, 130);
});

(canMount ? test : test.skip)("a full disk, page by page larger until the run fits", async () => {
  const expected = bytesOf(whole);
  const out = join(disk, "run");
  for (let pages = 1; ; pages++) {
    assert.ok(mount("-t", "tmpfs", "-o", `size=${pages * 4}k`, "tmpfs", disk));
    try {
      const { code, message } = await replay(out);
      assert.is(existsSync(join(out, RESULTS)) && !bytesOf(out).equals(expected), false, "half a result");
      if (code === 0) {
        assert.ok(bytesOf(out).equals(expected));
        assert.ok(pages > 5, `it was full before: ${pages} pages`);
        return;
      }
      assert.is(code, 74, `${pages} pages: ${message}`);
      assert.match(message, /disk\/run.*: no space left on the device \(ENOSPC\)/);
      assert.equal(existsSync(out) ? readdirSync(out).filter((name) => name.endsWith(".tmp")) : [], []);
      assert.ok(mount("-o", "remount,size=1m", disk));
      assert.is((await replay(out)).code, 0);
      assert.ok(bytesOf(out).equals(expected));
    } finally {
      spawnSync("umount", ["--lazy", disk]);
    }
  }
});

/** Seals a folder, lets `work` try, and opens it again. */
async function whileReadOnly(path: string, work: () => Promise<void>): Promise<void> {
  if (canMount) assert.ok(mount("--bind", path, path) && mount("-o", "remount,bind,ro", path));
  else chmodSync(path, 0o500);
  try {
    await work();
  } finally {
    if (canMount) spawnSync("umount", ["--lazy", path]);
    else chmodSync(path, 0o700);
  }
}

(canMount || process.getuid?.() !== 0 ? test : test.skip)("a read-only folder: what is there stays, and the run goes on once it may write", async () => {
  const out = join(folder, "sealed");
  for (const start of [begun, whole]) {
    rmSync(out, { recursive: true, force: true });
    cpSync(start, out, { recursive: true });
    const before = contents(out);
    await whileReadOnly(out, async () => {
      for (const overwrite of [false, true]) {
        const { code, message, evaluated } = await replay(out, { overwrite });
        assert.is(code, 74);
        assert.match(message, /sealed.*: (the file system is read-only \(EROFS\)|permission denied \(EACCES\))/);
        assert.is(evaluated, 0);
      }
    });
    assert.equal(contents(out), before);
    const again = await replay(out);
    assert.is(again.code, 0, again.message);
    assert.is(again.evaluated, start === begun ? UNITS - 1 : 0);
    assert.ok(bytesOf(out).equals(bytesOf(whole)));
  }
});

test("a new run below a read-only folder", async () => {
  if (!canMount && process.getuid?.() === 0) return;
  const sealed = join(folder, "parent");
  mkdirSync(sealed);
  await whileReadOnly(sealed, async () => assert.is((await replay(join(sealed, "run"))).code, 74));
  assert.equal(readdirSync(sealed), []);
});

test.run();
