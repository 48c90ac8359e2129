/** Commands that read a run and write beside it, on a file system that fails: the run stays, nothing is half-written. */
import { cpSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { main } from "../src/cli/main.js";
import { LOCK } from "../src/results/folder/lock.js";
import { temporaryFolder } from "./support/cliFiles.js";
import { CODES, interceptCalls, type Call, type Code } from "./support/fileFaults.js";
import { replay } from "./support/replay.js";

const folder = temporaryFolder();
const [whole, parts, at] = ["whole", "parts", "at"].map((name) => join(folder, name));
test.before(async () => {
  assert.is((await replay(whole)).code, 0);
  for (const shard of ["1/2", "2/2"]) assert.is((await replay(parts, { shard })).code, 0);
});

/** Contents by path, without the times of day in a manifest, and without locks: those of a process that ended are taken over. */
function snapshot(path: string): Map<string, string> {
  const names = readdirSync(path, { recursive: true }).map(String).sort();
  return new Map(
    names.filter((name) => statSync(join(path, name)).isFile() && basename(name) !== LOCK).map((name) => {
      const bytes = readFileSync(join(path, name));
      return [name, name.endsWith("manifest.json") ? bytes.toString().replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, "") : bytes.toString("base64")];
    }),
  );
}

interface Ended {
  code: number;
  printed: string;
  calls: Call[];
}

async function quietly(argv: string[], fails: (call: Call) => Code | null): Promise<Ended> {
  const writes = [process.stdout, process.stderr].map((stream) => ({ stream, write: stream.write }));
  let printed = "";
  for (const { stream } of writes) stream.write = ((text: string | Uint8Array) => ((printed += String(text)), true)) as typeof stream.write;
  const { calls, restore } = interceptCalls(fails);
  try {
    return { code: await main(argv), printed, calls };
  } finally {
    restore();
    for (const { stream, write } of writes) stream.write = write;
  }
}

const COMMANDS: [start: string, ...argv: string[]][] = [
  [whole, "export", at, "--format", "csv"],
  [whole, "export", at, "--format", "parquet"],
  [whole, "export", at, "--format", "pickle"],
  [whole, "score", at, "--format", "jsonl"],
  [whole, "plot", at],
  [parts, "merge", at],
];

for (const [start, ...argv] of COMMANDS) {
  test(argv.map((word) => (word === at ? "RUN" : word)).join(" "), async () => {
    const prepare = (): void => {
      rmSync(at, { recursive: true, force: true });
      cpSync(start, at, { recursive: true });
    };
    prepare();
    const before = snapshot(at);
    assert.is((await quietly(argv, () => null)).code, 0, "loads what it needs");
    prepare();
    const { code, calls } = await quietly(argv, () => null);
    assert.is(code, 0);
    const after = snapshot(at);
    assert.ok(after.size > before.size, "it writes something");
    let refused = 0;
    for (let n = 1; n <= calls.length; n++) {
      // Scores say so, and go by the rows alone, when the checkpoint can't be read.
      if (!calls[n - 1].path.startsWith(at)) continue;
      prepare();
      const ended = await quietly(argv, ({ count }) => (count === n ? CODES[n % CODES.length] : null));
      const what = `${calls[n - 1].name} ${calls[n - 1].path} fails with ${CODES[n % CODES.length]}: exit ${ended.code} ${ended.printed}`;
      assert.ok(ended.code === 0 || ended.code === 74, what);
      refused += Number(ended.code === 74);
      for (const [name, content] of snapshot(at)) assert.ok(content === before.get(name) || content === after.get(name), `${name} is half-written, or was never asked for: ${what}`);
      for (const name of before.keys()) assert.ok(!after.has(name) || snapshot(at).has(name), `${name} is gone: ${what}`);
      for (const name of readdirSync(at, { recursive: true }).map(String)) if (basename(name) === LOCK) rmSync(join(at, name));
      const again = await quietly(argv, () => null);
      assert.is(again.code, 0, `${again.printed} after ${what}`);
      assert.equal([...snapshot(at).keys()], [...after.keys()], what);
    }
    assert.ok(refused > 5, `${refused} refusals in ${calls.length} calls`);
  });
}

test.run();
