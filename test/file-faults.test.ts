/** A file system that fails: an error that names the file, nothing half-written, nothing lost, and the next run completes. */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { RESULTS } from "../src/results/arrow/arrow.js";
import { LOCK } from "../src/results/folder/lock.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { CODES, interceptCalls, type Call, type Code } from "./support/fileFaults.js";
import { replay, UNITS, type Replayed } from "./support/replay.js";

const folder = temporaryFolder();
const at = (name: string): string => join(folder, name);
const bytesOf = (out: string): Buffer => readFileSync(join(out, RESULTS));

/** Runs of the same sweep to compare with: complete, and stopped after the first unit. */
const [whole, begun] = [at("whole"), at("begun")];
let expected: Buffer;
let files: string[];
test.before(async () => {
  assert.is((await replay(whole)).code, 0);
  expected = bytesOf(whole);
  files = readdirSync(whole).sort();
  assert.is((await replay(begun, { most: 1 })).code, 130);
});

interface Failed extends Replayed {
  /** The call that failed; null when there were fewer. */
  call: Call | null;
  calls: Call[];
}

async function withFailure(out: string, n: number, code: Code, overwrite: boolean): Promise<Failed> {
  const { calls, restore } = interceptCalls(({ count }) => (count === n ? code : null));
  try {
    const ended = await replay(out, { overwrite });
    return { ...ended, call: calls[n - 1] ?? null, calls };
  } finally {
    restore();
  }
}

/**
 * Numbers of the calls in or below a folder (null: all). Long rows of reads of one file are alike: the first three and
 * every fortieth stand for them.
 */
function worthTrying(calls: Call[], below: string | null): number[] {
  let alike = 0;
  return calls.flatMap(({ name, path }, i) => {
    alike = name === calls[i - 1]?.name && path === calls[i - 1].path ? alike + 1 : 0;
    return (alike < 3 || alike % 40 === 0) && path.startsWith(below ?? "") ? [i + 1] : [];
  });
}

/**
 * Fails one call after the other in copies of a folder; without one, also the calls that read the inputs.
 * @param start folder to begin with, null for none
 * @param most units that may have to be evaluated again afterwards
 */
async function failEach(start: string | null, most: number, overwrite = false): Promise<void> {
  const out = at("run");
  const prepare = (): void => {
    rmSync(out, { recursive: true, force: true });
    if (start) cpSync(start, out, { recursive: true });
  };
  prepare();
  const { calls } = await withFailure(out, Infinity, "EIO", overwrite);
  assert.ok(calls.length > 30, "the run calls the file system");
  let refused = 0;
  // Behind its first file, a run that starts anew is a new run.
  const last = overwrite ? calls.findIndex(({ name }) => name === "rename") + 1 : Infinity;
  for (const n of worthTrying(calls, start && out).filter((n) => n <= last)) {
    // In a new run's folder every call fails in all three ways, elsewhere in one of them.
    const codes = start === null && calls[n - 1].path.startsWith(out) ? CODES : [CODES[n % CODES.length]];
    for (const code of codes) {
      prepare();
      const { call, code: exit, message } = await withFailure(out, n, code, overwrite);
      const what = `${call?.name} ${call && basename(call.path)} (call ${n}) fails with ${code}: exit ${exit} ${message}`;
      assert.ok(call, `there is a call ${n}`);
      assert.ok(exit === 0 || exit === 74, what);
      if (exit === 74) {
        refused += 1;
        const [named] = message.split(": ");
        // Temporary files have the final one's name and more; what makes a name durable is the folder's.
        assert.ok(call.path.startsWith(named) || call.path === dirname(named), `the message names the file: ${what}`);
        assert.match(message, new RegExp(`${code}|permission`), `the message names the reason: ${what}`);
      }
      if (exit === 0 || (start === whole && !overwrite)) assert.ok(bytesOf(out).equals(expected), what);
      if (existsSync(join(out, RESULTS))) assert.ok(bytesOf(out).equals(expected), `a half-written result: ${what}`);
      assert.equal(existsSync(out) ? readdirSync(out).filter((name) => name.endsWith(".tmp")) : [], [], what);
      if (code !== codes.at(-1)) continue;
      // A lock that could not be removed is that of a process that has ended; here the process lives on.
      if (basename(call.path) === LOCK) rmSync(join(out, LOCK), { force: true });
      const again = await replay(out);
      assert.is(again.code, 0, `${what}; afterwards ${again.message}`);
      assert.ok(again.evaluated <= most, `${again.evaluated} units evaluated again: ${what}`);
      assert.ok(bytesOf(out).equals(expected), what);
      assert.equal(readdirSync(out).sort(), files, what);
    }
  }
  assert.ok(refused > 5, `${refused} refusals`);
}

test("a new run, each call failing once", () => failEach(null, UNITS));
test("a run gone on with, each call failing once: the finished unit is kept", () => failEach(begun, UNITS - 1));
test("a complete run shown again, each call failing once: it stays as it is", () => failEach(whole, 0));
test("a run started anew over a complete one, each call failing once", () => failEach(whole, UNITS, true));

test.run();
