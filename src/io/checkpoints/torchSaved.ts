import { isZip } from "../archives/zip.js";
import type { PickleValue } from "./pickle.js";
import type { ByteSource } from "../source.js";
import { isTorchLegacy, readTorchLegacy } from "./torchLegacy.js";
import { readTorchZip } from "./torchZip.js";

export interface TorchSaved {
  format: "torch-zip" | "torch-legacy";
  value: PickleValue;
}

/**
 * Reads what torch.save wrote, in either format, told apart by content; null if it is neither. Throws InputError if damaged.
 * @param parts contents of the zip archive that it is, where they are known
 */
export function readTorchSaved(source: ByteSource, parts?: Map<string, ByteSource>): TorchSaved | null {
  if (parts ?? isZip(source)) return { format: "torch-zip", value: readTorchZip(source, parts) };
  if (isTorchLegacy(source)) return { format: "torch-legacy", value: readTorchLegacy(source) };
  return null;
}
