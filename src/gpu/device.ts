/** Adapters and devices: WebGPU through Dawn. */
import { AdapterError, DeviceLostError, OutOfMemoryError } from "../errors.js";
import type { Kernels } from "../layout/blocks.js";
import { BACKEND, openWebGpu, pause } from "../platform.js";
import type { AdapterSummary } from "./adapter.js";

export type { AdapterSummary } from "./adapter.js";

export interface Gpu {
  adapter: AdapterSummary;
  device: GPUDevice;
  /** Which kernels run on it: those for its kind, or those that were asked for. */
  kernels: Kernels;
  /** Images that a workgroup of the kernels for software works on side by side: the width of the adapter's subgroups, 8 to 32. */
  lanes: number;
  /** Weights may come from neighbour lanes: subgroups are never narrower than `lanes`. */
  shuffle: boolean;
  maxTextureWidth: number;
  /** Width of subgroups that kernels ask for, the adapter's narrowest: wider ones would be half empty, or short of registers. Null where it can't be asked for. */
  subgroupSize: number | null;
  /** Why the device is gone; null while it works. */
  lost: string | null;
  /**
   * Puts a fresh device of the same adapter in place of the lost one. Whatever was made on the old one is gone.
   * @throws AdapterError when the adapter is gone or does not open
   */
  renew(): Promise<void>;
  close(): void;
}

/** Which adapter, and which kernels where it shouldn't be those for its kind. */
export interface AdapterRequest {
  adapter?: string | number;
  kernels?: Kernels;
  /** What will be computed writes much for what it computes, which decides the vectors of a software adapter. */
  boundByStores?: boolean;
}

const LIMITS = ["maxStorageBufferBindingSize", "maxBufferSize", "maxComputeWorkgroupStorageSize"] as const;
const WIDEST_TEXTURE = 16384;
const FEATURES: GPUFeatureName[] = ["subgroups", "timestamp-query"];
const SUBGROUP_SIZE = "subgroup-size-control" as GPUFeatureName;

/** On software adapters nothing is to be had by it. */
const asksForSize = ({ features }: GPUAdapter, { software }: AdapterSummary): boolean => !software && features.has(SUBGROUP_SIZE) && features.has("subgroups");

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
    backend: BACKEND,
    type: software ? "software" : /intel|apple|integrated/.test(text) ? "integrated" : "discrete",
    software,
    limits,
    features: [...adapter.features].sort(),
  };
}

/** Every adapter that Dawn names, hardware first. */
async function findAdapters(boundByStores = false): Promise<Found[]> {
  const found: Found[] = [];
  const instance = await openWebGpu(boundByStores);
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

/** Mesa's software adapter is called after the width of its vectors, which is ours to choose. */
const withoutWidth = (name: string): string => name.replace(/\b\d+-bits\b/, "bits");

function choose(found: Found[], asked: string | number | undefined): Found {
  if (found.length === 0) throw new AdapterError("no WebGPU adapter found; install a Vulkan driver (on Debian: mesa-vulkan-drivers and libvulkan1) or run `node bin/setup.js` in the package's folder");
  const wanted = asked === undefined ? "" : String(asked).toLowerCase();
  const isWanted = ({ index, name, description, vendor }: AdapterSummary): boolean => {
    const names = `${name} ${description} ${vendor}`.toLowerCase();
    return String(index) === wanted || names.includes(wanted) || withoutWidth(names).includes(withoutWidth(wanted));
  };
  const chosen = wanted === "" ? found[0] : found.find(({ summary }) => isWanted(summary));
  if (!chosen) throw new AdapterError(`no adapter matches "${asked}"; there ${found.length === 1 ? "is" : "are"}: ${found.map(({ summary }) => `${summary.index} ${summary.name}`).join(", ")}`);
  return chosen;
}

async function requestDevice({ adapter, summary }: Found, maxTextureWidth: number): Promise<GPUDevice> {
  if (adapter.limits.maxTextureDimension2D < 8192) throw new AdapterError(`${summary.name}: textures are at most ${adapter.limits.maxTextureDimension2D} texels wide, 8192 are needed`);
  const requiredLimits: Record<string, number> = { maxTextureDimension2D: maxTextureWidth };
  for (const key of LIMITS) requiredLimits[key] = adapter.limits[key];
  const requiredFeatures = [...FEATURES, ...(asksForSize(adapter, summary) ? [SUBGROUP_SIZE] : [])].filter((feature) => adapter.features.has(feature));
  try {
    return await adapter.requestDevice({ requiredFeatures, requiredLimits });
  } catch (error) {
    throw new AdapterError(`${summary.name}: the device could not be opened: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Opens an adapter: by index, by a part of its name, or the first one (hardware before software).
 * @param check looks at each newly opened device, and throws where it is no good
 * @throws AdapterError when there is none or none of that name
 */
export async function openAdapter(request: AdapterRequest, check: (gpu: Gpu) => Promise<void>): Promise<Gpu> {
  const chosen = choose(await findAdapters(request.boundByStores), request.adapter);
  const { adapter, summary } = chosen;
  const info = adapter.info as GPUAdapterInfo & { subgroupMinSize?: number };
  const subgroups = adapter.features.has("subgroups");
  const narrowest = info.subgroupMinSize ?? 0;
  const lanes = subgroups ? Math.min(32, Math.max(8, 2 ** Math.floor(Math.log2(narrowest)))) : 8;
  const maxTextureWidth = Math.min(WIDEST_TEXTURE, adapter.limits.maxTextureDimension2D);
  let kept: object;
  let closed = false;
  const use = (from: Found, device: GPUDevice): GPUDevice => {
    open.add((kept = { ...from, device }));
    void device.lost.then(({ reason, message }) => {
      if (gpu.device === device && !closed) gpu.lost ??= message.split("\n")[0] || reason;
    });
    return device;
  };
  const drop = (): void => {
    gpu.device.destroy();
    open.delete(kept);
  };
  const gpu: Gpu = {
    adapter: summary,
    device: use(chosen, await requestDevice(chosen, maxTextureWidth)),
    kernels: request.kernels ?? (summary.software ? "software" : "hardware"),
    lanes,
    shuffle: subgroups && lanes <= narrowest,
    maxTextureWidth,
    subgroupSize: asksForSize(adapter, summary) && narrowest >= 4 ? narrowest : null,
    lost: null,
    async renew() {
      const same = (await findAdapters()).find((other) => other.summary.name === summary.name && other.summary.description === summary.description);
      if (!same) throw new AdapterError(`${summary.name}: the adapter is gone`);
      const device = await requestDevice(same, maxTextureWidth);
      drop();
      gpu.device = use(same, device);
      gpu.lost = null;
      await check(gpu);
    },
    close() {
      if (closed) return;
      closed = true;
      drop();
    },
  };
  try {
    await check(gpu);
  } catch (error) {
    gpu.close();
    throw error;
  }
  return gpu;
}

/** Drivers that run out of memory where they may not say so lose the device instead. */
const OUT_OF_MEMORY = /OUT_OF_(DEVICE_|HOST_|POOL_)?MEMORY|out of memory/i;

/** @throws DeviceLostError once the device is gone, OutOfMemoryError where it went for want of memory */
export function checkLost({ lost, adapter }: Gpu): void {
  if (lost === null) return;
  const message = `${adapter.name}: the device was lost: ${lost}`;
  throw OUT_OF_MEMORY.test(lost) ? new OutOfMemoryError(message) : new DeviceLostError(message);
}

/** A loss is told by a promise of its own, a moment before or after what was waited for is given up. */
const LOSS_TOLD_MS = 1000;

/**
 * Waits for the GPU. Dawn polls while Node awaits, which takes a core away from a software adapter: there the main
 * thread sleeps a millisecond at a time instead.
 * @throws DeviceLostError, OutOfMemoryError when the device goes away meanwhile
 */
export async function settle<T>(gpu: Gpu, promise: Promise<T>): Promise<T> {
  let done = !gpu.adapter.software;
  const finish = () => void (done = true);
  promise.then(finish, finish);
  while (!done) await pause();
  try {
    return await promise;
  } catch (error) {
    await Promise.race([gpu.device.lost, new Promise((resolve) => setTimeout(resolve, LOSS_TOLD_MS))]);
    checkLost(gpu);
    throw error;
  }
}
