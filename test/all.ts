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

/** They take longest: started first, none of them is what the others wait for in the end. */
const LONGEST = ["device-lost", "process-end", "io.fuzz", "out-of-memory", "cli-checkpoints", "cli-shards", "torture", "file-faults"];
const AT_ONCE = Math.min(2, availableParallelism());

interface Outcome {
  output: string;
  ok: boolean;
  seconds: number;
}

const folder = dirname(fileURLToPath(import.meta.url));
const uvu = join(dirname(createRequire(import.meta.url).resolve("uvu/package.json")), "bin.js");

function runFile(file: string): Promise<Outcome> {
  const began = performance.now();
  const pattern = `^${file.replaceAll(".", "\\.")}$`;
  const child = spawn(process.execPath, [uvu, folder, pattern], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve({ output, ok: code === 0, seconds: (performance.now() - began) / 1000 }));
  });
}

/** A number of uvu's summary; 0 where a file ended without one. */
const counted = (output: string, what: string): number => Number(new RegExp(`^ *${what}: +(?:\\x1b\\[\\d+m)?(\\d+)`, "m").exec(output.replaceAll(/\x1b\[\d+m/g, ""))?.[1] ?? 0);

const rank = (file: string): number => (LONGEST.indexOf(file.replace(".test.js", "")) + LONGEST.length + 1) % (LONGEST.length + 1);
const wanted = new RegExp(process.argv[2] ?? "");
const files = readdirSync(folder).filter((name) => name.endsWith(".test.js") && wanted.test(name)).sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
const sum = { Total: 0, Passed: 0, Skipped: 0 };
let failed = files.length === 0;
const began = performance.now();

const waiting = [...files];
async function work(): Promise<void> {
  for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
    const { output, ok, seconds } = await runFile(file);
    for (const what of ["Total", "Passed", "Skipped"] as const) sum[what] += counted(output, what);
    if (!ok) failed = true;
    // The file's own summary would only be in the way of the last one.
    console.log(`${output.replace(/\n\s*Total:[^]*$/, "").trimEnd()}  ${seconds.toFixed(0)} s${ok ? "" : `  FAILED: ${file}`}`);
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`\n  Total:     ${sum.Total}\n  Passed:    ${sum.Passed}\n  Skipped:   ${sum.Skipped}\n  Duration:  ${((performance.now() - began) / 1000).toFixed(0)} s\n`);
process.exitCode = failed ? 1 : 0;
