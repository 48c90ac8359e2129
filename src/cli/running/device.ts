/** What is said of the device that a command computes on. */
import type { Gpu } from "../../gpu/device.js";
import { kindOf } from "../../run/limits.js";

/** Name and type, and which kernels where those are not the ones for its kind. */
export const deviceText = (gpu: Gpu): string => `${gpu.adapter.name} (${gpu.adapter.type}${gpu.kernels === kindOf(gpu) ? "" : `, kernels for ${gpu.kernels}`})`;
