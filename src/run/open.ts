/** Opens a device that is known to compute. */
import { type AdapterRequest, openAdapter, type Gpu } from "../gpu/device.js";
import { checkComputes } from "./canary.js";

/**
 * Opens an adapter: by index, by a part of its name, or the first one (hardware before software).
 * @throws AdapterError when there is none, none of that name, or it computes nonsense
 */
export function openDevice(request: AdapterRequest = {}): Promise<Gpu> {
  return openAdapter(request, checkComputes);
}
