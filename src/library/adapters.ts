/** The adapters there are, for scripts that choose one. */
import type { AdapterSummary } from "../gpu/adapter.js";
import { listAdapters as list } from "../gpu/device.js";

/** WebGPU adapters, hardware first; empty where there is none. */
export function listAdapters(): Promise<AdapterSummary[]> {
  return list();
}
