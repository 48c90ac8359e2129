/**
 * What the engine needs of the machine around it, for Node: the texts of shaders, a way to WebGPU, waiting, and a place where
 * what was measured once is kept. A browser page puts its own in place of this file; nothing else in the engine knows Node.
 */
import { createHash } from "node:crypto";
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { create, globals } from "webgpu";

Object.assign(globalThis, globals);

/** The launcher's own, in the package's folder: tests and library users come here without it. */
const launcher = () => import(new URL("../../bin/vulkan.js", import.meta.url).href) as Promise<{ prepareVulkanEnvironment(boundByStores: boolean): void; cacheFolder(): string | null }>;

const SHADERS = new URL("../../shaders/", import.meta.url);

/** @param name of a file in shaders/, without .wgsl */
export const shaderText = (name: string): string => readFileSync(new URL(`${name}.wgsl`, SHADERS), "utf8");

/** What adapters are reached through here. */
export const BACKEND = process.platform === "darwin" ? "metal" : process.platform === "win32" ? "d3d12" : "vulkan";

/** Dawn's own switches, for tests and for driver trouble: `backend=null`, `enable-dawn-features=…`, by blanks. */
const dawnOptions = (): string[] => (process.env.WGPU_INFERLINK_DAWN ?? "").split(/\s+/).filter((word) => word !== "");

/**
 * Sums that an invocation of a convolution keeps, in place of what suits the adapter: with fewer a kernel compiles in a fraction of the
 * time, and computes the same bits in more of it. For tests, which compile more than they compute.
 */
export const givenSums = (): number | null => Number(process.env.WGPU_INFERLINK_SUMS) || null;

const [STDOUT, STDERR] = [1, 2];

/** Whether both go to one file from wherever it has been written to, as behind `> log 2>&1`: opened again, it is written at two places. */
function shareFile(): boolean {
  const [out, err] = [fstatSync(STDOUT), fstatSync(STDERR)];
  const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(`/proc/self/fdinfo/${STDERR}`, "latin1"))?.[1] ?? "0";
  return err.isFile() && out.dev === err.dev && out.ino === err.ino && (parseInt(flags, 8) & constants.O_APPEND) === 0;
}

/**
 * Calls what writes to the process's stderr from native code, with that leading nowhere meanwhile. Node can't copy a descriptor
 * onto another one, but the lowest free number is the one that is given out next. Where stderr can't be opened a second time
 * (a socket, another user's file), or a lower number is free, it stays as it is. Where it shares a file with stdout, what we write to it
 * goes there by stdout from then on, so that neither is written over the other.
 */
function withoutStderr<T>(act: () => T): T {
  if (process.platform !== "linux" || !existsSync("/proc/self/fd/0") || !existsSync("/proc/self/fd/1")) return act();
  let isShared: boolean;
  let kept: number;
  let nowhere: number;
  try {
    isShared = shareFile();
    kept = openSync(`/proc/self/fd/${STDERR}`, "a");
  } catch {
    return act();
  }
  try {
    nowhere = openSync("/dev/null", "w");
  } catch {
    closeSync(kept);
    return act();
  }
  const put = (fd: number): void => {
    closeSync(STDERR);
    openSync(`/proc/self/fd/${fd}`, "a");
  };
  put(nowhere);
  try {
    return act();
  } finally {
    put(kept);
    closeSync(kept);
    closeSync(nowhere);
    if (isShared) process.stderr.write = process.stdout.write.bind(process.stdout);
  }
}

/**
 * WebGPU's entry point. What it returns has to be kept while a device of it lives.
 * @param boundByStores what will be computed writes much for what it computes; the first call of a process decides
 */
export async function openWebGpu(boundByStores: boolean): Promise<GPU> {
  (await launcher()).prepareVulkanEnvironment(boundByStores);
  // Timestamps come rounded to 65 µs otherwise: longer than many a dispatch.
  const instance = create(["disable-dawn-features=timestamp_quantization", ...dawnOptions()]);
  // Dawn warns of every adapter that it lowers limits which nobody asked for.
  return { instance, requestAdapter: (options?: GPURequestAdapterOptions) => withoutStderr(() => instance.requestAdapter(options)) } as unknown as GPU;
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/** Leaves the cores to a software adapter for a millisecond: Dawn polls while Node awaits. */
export async function pause(): Promise<void> {
  Atomics.wait(cell, 0, 0, 1);
  await new Promise((resolve) => setImmediate(resolve));
}

/** The file that something is kept in, or null where there is no cache folder. @param parts what it depends on */
async function keptPath(name: string, parts: string[]): Promise<string | null> {
  const folder = (await launcher()).cacheFolder();
  const hash = parts.reduce((so, part) => so.update(part), createHash("sha256"));
  return folder && join(folder, `${name}-${hash.digest("hex").slice(0, 16)}.json`);
}

/** What was kept under a name; null where nothing readable is. */
export async function readKept(name: string, parts: string[]): Promise<unknown> {
  const path = await keptPath(name, parts);
  if (!path || !existsSync(path)) return null;
  try {
    return JSON.parse(readFileSync(path, "utf8")) as unknown;
  } catch {
    // A cache is never worth an error: it is measured anew.
    return null;
  }
}

/** Keeps a value for later runs; a cache folder that takes no files is no reason to stop. */
export async function keep(name: string, parts: string[], value: unknown): Promise<void> {
  const path = await keptPath(name, parts);
  if (!path) return;
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`);
    renameSync(temporary, path);
  } catch {
    // Read-only home folders exist.
  }
}
