import type { PickleValue } from "./pickleValues.js";
import type { ByteSource } from "../source.js";
import { isTorchLegacy, readTorchLegacy } from "./torchLegacy.js";
import { readTorchZip } from "./torchZip.js";

export interface TorchSaved {
  format: "torch-zip" | "torch-legacy";
  value: PickleValue;
}

/** Reads what torch.save wrote, in either format, told apart by content; null if it is neither. Throws InputError if damaged. */
export function readTorchSaved(source: ByteSource): TorchSaved | null {
  const head = Buffer.from(source.read(0, Math.min(source.size, 4))).toString("latin1");
  if (head === "PK\x03\x04") return { format: "torch-zip", value: readTorchZip(source) };
  if (isTorchLegacy(source)) return { format: "torch-legacy", value: readTorchLegacy(source) };
  return null;
}
