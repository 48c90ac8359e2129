/** Adapters and devices: WebGPU through Dawn. */
import { create, globals } from "webgpu";
import { AdapterError } from "../errors.js";

Object.assign(globalThis, globals);

export interface AdapterSummary {
  index: number;
  name: string;
  vendor: string;
  architecture: string;
  description: string;
  backend: string;
  type: "discrete" | "integrated" | "software" | "unknown";
  software: boolean;
  limits: Record<string, number>;
  features: string[];
}

export interface Gpu {
  adapter: AdapterSummary;
  device: GPUDevice;
  /** Weights may come from neighbour lanes: subgroups of at least 8. */
  shuffle: boolean;
  maxTextureWidth: number;
  close(): void;
}

const LIMITS = ["maxStorageBufferBindingSize", "maxBufferSize", "maxComputeWorkgroupStorageSize"] as const;
const WIDEST_TEXTURE = 16384;

interface Found {
  instance: GPU;
  adapter: GPUAdapter;
  summary: AdapterSummary;
}

/** Dawn may abort the process when the instance is collected before its device, and lives on while it is referenced. */
const open = new Set<object>();

function summarise(adapter: GPUAdapter, index: number): AdapterSummary {
  const info = adapter.info as GPUAdapterInfo & { backend?: string; type?: string; isFallbackAdapter?: boolean };
  const text = `${info.vendor} ${info.architecture} ${info.device} ${info.description}`.toLowerCase();
  const software = info.isFallbackAdapter === true || /llvmpipe|swiftshader|lavapipe|software|warp|basic render/.test(text);
  const limits: Record<string, number> = {};
  for (const key in adapter.limits) {
    const value = adapter.limits[key as keyof GPUSupportedLimits];
    if (typeof value === "number") limits[key] = value;
  }
  return {
    index,
    name: info.device || info.description || info.vendor,
    vendor: info.vendor,
    architecture: info.architecture,
    description: info.description,
    backend: process.platform === "darwin" ? "metal" : process.platform === "win32" ? "d3d12" : "vulkan",
    type: software ? "software" : /intel|apple|integrated/.test(text) ? "integrated" : "discrete",
    software,
    limits,
    features: [...adapter.features].sort(),
  };
}

/** The launcher's own: tests and library users come here without it. */
const VULKAN = new URL("../../../bin/vulkan.js", import.meta.url);

/** Every adapter that Dawn names, hardware first. */
async function findAdapters(): Promise<Found[]> {
  const { prepareVulkanEnvironment } = (await import(VULKAN.href)) as { prepareVulkanEnvironment(): void };
  prepareVulkanEnvironment();
  const found: Found[] = [];
  const instance = create([]);
  const requests: GPURequestAdapterOptions[] = [{ powerPreference: "high-performance" }, { powerPreference: "low-power" }, { forceFallbackAdapter: true }];
  for (const request of requests) {
    const adapter = await instance.requestAdapter(request).catch(() => null);
    if (!adapter) continue;
    const summary = summarise(adapter, found.length);
    if (!found.some((other) => other.summary.name === summary.name && other.summary.description === summary.description)) found.push({ instance, adapter, summary });
  }
  return found.sort((a, b) => Number(a.summary.software) - Number(b.summary.software)).map((entry, index) => ({ ...entry, summary: { ...entry.summary, index } }));
}

export async function listAdapters(): Promise<AdapterSummary[]> {
  return (await findAdapters()).map(({ summary }) => summary);
}

/**
 * Opens an adapter: by index, by a part of its name, or the first one (hardware before software).
 * @throws AdapterError when there is none, none of that name, or it computes nonsense
 */
export async function openDevice(options: { adapter?: string | number } = {}): Promise<Gpu> {
  const found = await findAdapters();
  if (found.length === 0) throw new AdapterError("no WebGPU adapter found; install a Vulkan driver (on Debian: mesa-vulkan-drivers and libvulkan1) or run `node bin/setup.js` in the package's folder");
  const wanted = options.adapter === undefined ? "" : String(options.adapter).toLowerCase();
  const chosen = wanted === "" ? found[0] : found.find(({ summary }) => String(summary.index) === wanted || `${summary.name} ${summary.description} ${summary.vendor}`.toLowerCase().includes(wanted));
  if (!chosen) throw new AdapterError(`no adapter matches "${options.adapter}"; there ${found.length === 1 ? "is" : "are"}: ${found.map(({ summary }) => `${summary.index} ${summary.name}`).join(", ")}`);
  const { adapter, summary } = chosen;
  if (adapter.limits.maxTextureDimension2D < 8192) throw new AdapterError(`${summary.name}: textures are at most ${adapter.limits.maxTextureDimension2D} texels wide, 8192 are needed`);
  const info = adapter.info as GPUAdapterInfo & { subgroupMinSize?: number };
  const subgroups = adapter.features.has("subgroups");
  const maxTextureWidth = Math.min(WIDEST_TEXTURE, adapter.limits.maxTextureDimension2D);
  const requiredLimits: Record<string, number> = { maxTextureDimension2D: maxTextureWidth };
  for (const key of LIMITS) requiredLimits[key] = adapter.limits[key];
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredFeatures: (["subgroups", "timestamp-query"] as GPUFeatureName[]).filter((feature) => adapter.features.has(feature)), requiredLimits });
  } catch (error) {
    throw new AdapterError(`${summary.name}: the device could not be opened: ${(error as Error).message}`, { cause: error });
  }
  const keep = { instance: chosen.instance, adapter, device };
  open.add(keep);
  let closed = false;
  return {
    adapter: summary,
    device,
    shuffle: subgroups && (info.subgroupMinSize ?? 0) >= 8,
    maxTextureWidth,
    close() {
      if (closed) return;
      closed = true;
      device.destroy();
      open.delete(keep);
    },
  };
}

const cell = new Int32Array(new SharedArrayBuffer(4));

/**
 * Waits for the GPU. Dawn polls while Node awaits, which takes a core away from a software adapter: there the main
 * thread sleeps a millisecond at a time instead.
 */
export async function settle<T>(gpu: Gpu, promise: Promise<T>): Promise<T> {
  if (!gpu.adapter.software) return promise;
  let done = false;
  const finish = () => void (done = true);
  promise.then(finish, finish);
  while (!done) {
    Atomics.wait(cell, 0, 0, 1);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return promise;
}
