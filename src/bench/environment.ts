/** On what was measured, with what and when: without it a rate says nothing. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";
import type { AdapterSummary } from "../gpu/device.js";
import type { Kernels } from "../layout/blocks.js";
import { PACKAGE_ROOT, versions } from "../package.js";

export interface Environment {
  /** Of this engine; peers that take WebGPU's default get the same where there is one. */
  adapter: { name: string; type: AdapterSummary["type"]; backend: string; driver: string };
  /** Which of the two sets of kernels. */
  kernels: Kernels;
  cpu: string;
  /** Hardware threads that this process may use. */
  cores: number;
  /** Bytes. */
  memory: number;
  system: string;
  versions: { package: string; node: string; webgpu: string };
  /** Null outside a checkout; with a + behind it when files were changed since. */
  commit: string | null;
  /** ISO 8601, UTC, when the benchmark began. */
  date: string;
  /** Busy threads in the minute before it began. */
  load: number;
}

/** More of the threads than this busy with something else: rates say little. */
const BUSY = 0.25;

function commitOf(root: string): string | null {
  if (!existsSync(join(root, ".git"))) return null;
  try {
    const git = (...args: string[]): string => execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
    return git("rev-parse", "--short=10", "HEAD") + (git("status", "--porcelain", "--untracked-files=no") === "" ? "" : "+");
  } catch {
    return null; // no git on this machine
  }
}

/** Everything but the adapter, as it is before the first measurement. */
export function describeMachine(): Omit<Environment, "adapter" | "kernels"> {
  const processors = cpus();
  const { package: ours, node, webgpu } = versions();
  return {
    cpu: processors[0]?.model ?? process.arch,
    cores: processors.length,
    memory: totalmem(),
    system: `${process.platform} ${release()} ${process.arch}`,
    versions: { package: ours, node, webgpu },
    commit: commitOf(PACKAGE_ROOT),
    date: new Date().toISOString(),
    load: loadavg()[0],
  };
}

export const adapterOf = ({ name, type, backend, description }: AdapterSummary): Environment["adapter"] => ({ name, type, backend, driver: description });

/** Lines for people. */
export function environmentLines({ adapter, kernels, cpu, cores, memory, system, versions, commit, date, load }: Environment): string[] {
  const kind = adapter.type === "software" ? "a software adapter: no GPU, the CPU's cores compute" : adapter.type;
  return [
    `adapter: ${adapter.name} (${kind}), ${adapter.backend}, ${adapter.driver}, kernels for ${kernels}`,
    `machine: ${cpu}, ${cores} threads, ${Math.round(memory / 2 ** 30)} GiB, ${system}`,
    `build: wgpu-inferlink ${versions.package}${commit ? ` (${commit})` : ""}, node ${versions.node}, webgpu ${versions.webgpu}`,
    `date: ${date.slice(0, 16).replace("T", " ")} UTC`,
    ...(load > BUSY * cores ? [`not idle: ${load.toFixed(1)} of ${cores} threads were busy with something else before it began; measure again on an idle machine`] : []),
  ];
}
