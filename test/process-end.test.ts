/** Whatever happened, the process ends soon after its last line. A long bound: a process that hangs does so for ever. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { temporaryFolder } from "./support/cliFiles.js";
import { losing, start, type Started } from "./support/cliProcess.js";

const BOUND_MS = 10_000;
const HANGS_MS = 240_000;

const folder = temporaryFolder();
const small = ["--limit", "8", "--thresholds", "1", "--layers", "fc"];
/** Minutes of work. */
const long = ["--limit", "256"];

/**
 * Waits for the end; a process that never ends is killed and has no code.
 * @param code exit code, or the signal it dies of
 * @param last milliseconds since the last thing it did; by default, since it printed its last line
 */
async function assertEnds(run: Started, code: number | NodeJS.Signals, text: RegExp, last?: () => number): Promise<void> {
  const timer = setTimeout(() => run.process.kill("SIGKILL"), HANGS_MS);
  const ended = await run.ended;
  clearTimeout(timer);
  assert.is(ended.code ?? ended.signal, code, ended.stderr);
  assert.match(ended.stdout + ended.stderr, text);
  const lingered = last?.() ?? ended.lingered;
  assert.ok(lingered < BOUND_MS, `ended ${lingered} ms after its last line`);
}

const run = (args: string[], env: NodeJS.ProcessEnv = {}): Started => start(args, { cwd: folder, env });

test("done", () => assertEnds(run(["run", ...small, "--out", "done"]), 0, /3 rows in/));
test("a run that was complete before", () => assertEnds(run(["run", ...small, "--out", "done"]), 0, /complete before/));
test("help", () => assertEnds(run(["run", "--help"]), 0, /Exit codes/));
test("devices", () => assertEnds(run(["devices"]), 0, /adapter/));
test("usage", () => assertEnds(run(["run", "--layers", "conv9"]), 2, /did you mean/));
test("bad input", () => assertEnds(run(["run", "--checkpoint", "nowhere.ckpt", "--data", "."]), 65, /nowhere|holds no/));
test("an adapter that computes nonsense", () => assertEnds(run(["run", ...small], { WGPU_INFERLINK_DAWN: "backend=null" }), 69, /nonsense/));
test("the device lost too often", () => assertEnds(run(["run", ...small, "--out", "lost"], losing("3-")), 75, /opened again 3 times/));
test("the device lost while it is opened", () => assertEnds(run(["run", ...small, "--out", "at-once"], losing("1-")), 75, /lost/));
test("a folder that can't be made", () => {
  writeFileSync(join(folder, "file"), "");
  return assertEnds(run(["run", ...small, "--out", "file/run"]), 74, /file.run: /);
});
test("a folder somebody works in, and Ctrl-C", async () => {
  const first = run(["run", ...long, "--out", "shared"]);
  await first.seen("writing shared");
  await assertEnds(run(["run", ...long, "--out", "shared"]), 75, /is working in this run folder/);
  first.process.kill("SIGINT");
  await assertEnds(first, 130, /SIGINT: finishing what is in flight[^]*To go on/);
});
test("a deadline", () => assertEnds(run(["run", ...long, "--out", "deadline", "--deadline", "1s"]), 75, /To go on/));
test("SIGTERM", async () => {
  const child = run(["run", ...long, "--out", "terminated"]);
  await child.seen("writing terminated");
  child.process.kill("SIGTERM");
  await assertEnds(child, 143, /To go on/);
});
test("Ctrl-C twice: at once, without finishing what is in flight", async () => {
  const child = run(["run", ...long, "--out", "twice"]);
  await child.seen("writing twice");
  child.process.kill("SIGINT");
  await child.seen("once more to end at once");
  child.process.kill("SIGINT");
  await assertEnds(child, "SIGINT", /once more to end at once\n$/);
});
test("a reader that went away", async () => {
  const child = run(["run", ...small, "--out", "piped", "--json"]);
  child.process.stdout!.destroy();
  await assertEnds(child, 0, /done in/);
});
test("all readers went away", async () => {
  const child = run(["run", ...small, "--out", "unheard"]);
  child.process.stdout!.destroy();
  child.process.stderr!.destroy();
  await assertEnds(child, 0, /^$/, () => Date.now() - statSync(join(folder, "unheard/manifest.json")).mtimeMs);
});

test.run();
