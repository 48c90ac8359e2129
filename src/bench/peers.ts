/** What there is to compare with. Each is a program in bench/peers that speaks the protocol; none is a dependency. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Kernels } from "../layout/blocks.js";
import { PACKAGE_ROOT } from "../package.js";

export interface Peer {
  id: string;
  /** What the comparison is with, in the table. */
  label: string;
  command: string[];
  /** Shell command that installs what may be missing; null where nothing can be. */
  install: string | null;
}

const FOLDER = join(PACKAGE_ROOT, "bench", "peers");
const NPM = "npm ci --ignore-scripts --prefix bench/peers";
const PIP = "python3 -m venv bench/peers/.venv && bench/peers/.venv/bin/pip install";
const VENV = join(FOLDER, ".venv", process.platform === "win32" ? "Scripts/python.exe" : "bin/python");

/** The Python to ask for PyTorch and tinygrad when none is named. */
export const defaultPython = (): string => process.env.PYTHON || (existsSync(VENV) ? VENV : "python3");

/** An installed package has none. */
export const peersAreHere = (): boolean => existsSync(FOLDER);

/** @param python the program */
export function knownPeers(python: string): Peer[] {
  const script = (name: string): string => join(FOLDER, name);
  const torch = (id: string, label: string, ...args: string[]): Peer => ({ id, label, command: [python, script("torch_peer.py"), ...args], install: `${PIP} torch torchvision numpy` });
  const node = (id: string, label: string, file: string, ...args: string[]): Peer => ({ id, label, command: [process.execPath, script(file), ...args], install: NPM });
  return [
    torch("torch-notebook", "PyTorch, the notebooks' loop", "notebook"),
    torch("torch-tuned", "PyTorch, tuned", "tuned"),
    torch("torch-cuda-notebook", "PyTorch CUDA, the notebooks' loop", "notebook", "--device", "cuda"),
    torch("torch-cuda-tuned", "PyTorch CUDA, tuned, float32", "tuned", "--device", "cuda"),
    torch("torch-cuda-tf32", "PyTorch CUDA, tuned, TF32", "tuned", "--device", "cuda", "--tf32"),
    node("onnxruntime-cpu", "onnxruntime, CPU", "onnxruntime_peer.mjs", "cpu"),
    node("onnxruntime-webgpu", "onnxruntime, WebGPU", "onnxruntime_peer.mjs", "webgpu"),
    node("tfjs-webgpu", "TensorFlow.js, WebGPU", "tfjs_peer.mjs"),
    { id: "tinygrad-webgpu", label: "tinygrad, WebGPU", command: [python, script("tinygrad_peer.py")], install: `${PIP} tinygrad dawn-python numpy` },
  ];
}

/**
 * This engine, as a process like the others.
 * @param tune measures anew which settings of the kernels are fastest, and keeps them
 * @param boundByStores see AdapterRequest
 */
export function ours({ adapter, kernels, tune, boundByStores }: { adapter: string | null; kernels?: Kernels; tune: boolean; boundByStores: boolean }): Peer {
  const script = fileURLToPath(new URL("process.js", import.meta.url));
  return { id: "wgpu-inferlink", label: "wgpu-inferlink", command: [process.execPath, script, tune ? "anew" : "cached", kernels ?? "own", boundByStores ? "stores" : "products", ...(adapter === null ? [] : [adapter])], install: null };
}

/** Peers by id, or by the beginning of it up to a hyphen: `torch` is all that begin with `torch-`. */
export function selectPeers(known: Peer[], names: string[]): { peers: Peer[]; unknown: string | null } {
  const matches = (name: string) => (peer: Peer): boolean => peer.id === name || peer.id.startsWith(`${name}-`);
  const unknown = names.find((name) => !known.some(matches(name))) ?? null;
  return { peers: known.filter((peer) => names.some((name) => matches(name)(peer))), unknown };
}
