/**
 * Runs every test file with uvu in a process of its own, two at once: much of a test is one core's work, and a file that crashes
 * takes no other with it. Ends with uvu's summary over all of them. `node dist/test/all.js [pattern]`
 */
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

/** They take longest: started first, none of them is what the others wait for in the end. */
const LONGEST = ["device-lost", "process-end", "io.fuzz", "out-of-memory", "cli-checkpoints", "cli-shards", "torture", "file-faults", "retrain", "train-run", "training", "attacks"];
/** They are about the kernels as users get them; in all others convolutions keep few sums, so that they compile in a quarter of the time. */
const WHOLE_KERNELS = /^(canary|conv2d.*|hardware.*|kernels|tiles|unroll|verify|vulkan)\.test\.js$/;
const FEW_SUMS = "32";
const AT_ONCE = Math.min(2, availableParallelism());

interface Outcome {
  /** What uvu prints. */
  stdout: string;
  /** Drivers talk a lot: shown where a test failed. */
  stderr: string;
  ok: boolean;
  seconds: number;
}

const folder = dirname(fileURLToPath(import.meta.url));
const uvu = join(dirname(createRequire(import.meta.url).resolve("uvu")), "..", "bin.js");
const colours = process.stdout.isTTY ? [] : ["--no-color"];

function runFile(file: string): Promise<Outcome> {
  const began = performance.now();
  const env = WHOLE_KERNELS.test(file) ? process.env : { WGPU_INFERLINK_SUMS: FEW_SUMS, ...process.env };
  const child = spawn(process.execPath, [uvu, folder, `^${file.replaceAll(".", "\\.")}$`, ...colours], { env, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ stdout, stderr, ok: code === 0, seconds: (performance.now() - began) / 1000 }));
  });
}

/** A number of uvu's summary; 0 where a file ended without one. */
const counted = (output: string, what: string): number => Number(new RegExp(`^ *${what}: +(\\d+)`, "m").exec(stripVTControlCharacters(output))?.[1] ?? 0);

const rank = (file: string): number => (LONGEST.indexOf(file.replace(".test.js", "")) + LONGEST.length + 1) % (LONGEST.length + 1);
const wanted = new RegExp(process.argv[2] ?? "");
const waiting = readdirSync(folder).filter((name) => name.endsWith(".test.js") && wanted.test(name)).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const sum = { Total: 0, Passed: 0, Skipped: 0 };
const failed: string[] = [];
const began = performance.now();

async function work(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const { stdout, stderr, ok, seconds } = await runFile(file);
    for (const what of ["Total", "Passed", "Skipped"] as const) sum[what] += counted(stdout, what);
    if (!ok) failed.push(file);
    // Without the file's own summary, which would be in the way of the last one.
    console.log(`${stdout.replace(/\n\s*Total:[^]*$/, "").trimEnd()}  ${seconds.toFixed(0)} s${ok ? "" : `\n${stderr}`}`);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`\n  Total:     ${sum.Total}\n  Passed:    ${sum.Passed}\n  Skipped:   ${sum.Skipped}\n  Duration:  ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
if (failed.length > 0) console.log(`Failed: ${failed.join(", ")}\n`);
// No test at all is no success.
process.exitCode = failed.length > 0 || sum.Total === 0 ? 1 : 0;
