/** The command line as its users start it: a process of its own. */
import { spawn, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { PACKAGE_ROOT } from "../../src/package.js";

export interface Ended {
  code: number | null;
  /** What it died of, null for one that exited. */
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Our own lines of stderr: drivers print some, too. */
  errors: string[];
  /** Milliseconds from the last thing printed to the end of the process. */
  lingered: number;
}

export interface Started {
  process: ChildProcess;
  ended: Promise<Ended>;
  /** Resolves once stderr holds the text. */
  seen(text: string): Promise<void>;
}

/** Without FORCE_COLOR, which the test runner sets for itself. */
export function start(args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Started {
  const child = spawn(process.execPath, [join(PACKAGE_ROOT, "bin/wgpu-inferlink.js"), ...args], { cwd: options.cwd, env: { ...process.env, FORCE_COLOR: undefined, ...options.env }, stdio: ["ignore", "pipe", "pipe"] });
  let [stdout, stderr] = ["", ""];
  let printed = performance.now();
  child.stdout.setEncoding("utf8").on("data", (text: string) => ((stdout += text), (printed = performance.now())));
  child.stderr.setEncoding("utf8").on("data", (text: string) => ((stderr += text), (printed = performance.now())));
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, stdout, stderr, errors: stderr.split("\n").filter((line) => line.startsWith("wgpu-inferlink: ")), lingered: performance.now() - printed }));
  });
  const seen = async (text: string): Promise<void> => {
    while (!stderr.includes(text) && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5));
    if (!stderr.includes(text)) throw new Error(`the process ended without "${text}": ${stderr}`);
  };
  return { process: child, ended, seen };
}

export const cli = (args: string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Promise<Ended> => start(args, options).ended;

/** Environment that loses the device at these submissions, see loseDevice.ts. */
export const losing = (submissions: string): NodeJS.ProcessEnv => ({ NODE_OPTIONS: `--import=${new URL("loseDevice.js", import.meta.url).href}`, INFERLINK_LOSE: submissions });
