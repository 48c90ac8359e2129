import type { PickleValue } from "./pickleValues.js";
import type { ByteSource } from "../source.js";
import { isTorchLegacy, readTorchLegacy } from "./torchLegacy.js";
import { isTar } from "../archives/tar.js";
import { isZip } from "../archives/zip.js";
import { readTorchTar } from "./torchTar.js";
import { readTorchZip } from "./torchZip.js";

export interface TorchSaved {
  format: "torch-zip" | "torch-legacy" | "torch-tar";
  value: PickleValue;
}

/**
 * Reads what torch.save wrote, in any of its formats, told apart by content; null if it is none.
 * @param bystanders whether objects that are not known may stand beside what is wanted
 * @param parts contents of the zip archive that it is, where they are known
 * @throws InputError if it is damaged
 */
export function readTorchSaved(source: ByteSource, bystanders = false, parts?: Map<string, ByteSource>): TorchSaved | null {
  if (parts || isZip(source)) return { format: "torch-zip", value: readTorchZip(source, bystanders, parts) };
  if (isTorchLegacy(source)) return { format: "torch-legacy", value: readTorchLegacy(source, { bystanders }) };
  if (isTar(source)) return { format: "torch-tar", value: readTorchTar(source, bystanders) };
  return null;
}
