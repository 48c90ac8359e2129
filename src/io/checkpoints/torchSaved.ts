<<<<<<< HEAD
import { isZip } from "../archives/zip.js";
import type { PickleValue } from "./pickle.js";
=======
import type { PickleValue } from "./pickleValues.js";
>>>>>>> main
import type { ByteSource } from "../source.js";
import { isTorchLegacy, readTorchLegacy } from "./torchLegacy.js";
import { isTar } from "../archives/tar.js";
import { readTorchTar } from "./torchTar.js";
import { readTorchZip } from "./torchZip.js";

export interface TorchSaved {
  format: "torch-zip" | "torch-legacy" | "torch-tar";
  value: PickleValue;
}

/**
<<<<<<< HEAD
 * Reads what torch.save wrote, in either format, told apart by content; null if it is neither. Throws InputError if damaged.
 * @param parts contents of the zip archive that it is, where they are known
 */
export function readTorchSaved(source: ByteSource, parts?: Map<string, ByteSource>): TorchSaved | null {
  if (parts ?? isZip(source)) return { format: "torch-zip", value: readTorchZip(source, parts) };
  if (isTorchLegacy(source)) return { format: "torch-legacy", value: readTorchLegacy(source) };
=======
 * Reads what torch.save wrote, in any of its formats, told apart by content; null if it is none.
 * @param bystanders whether objects that are not known may stand beside what is wanted
 * @throws InputError if it is damaged
 */
export function readTorchSaved(source: ByteSource, bystanders = false): TorchSaved | null {
  const head = Buffer.from(source.read(0, Math.min(source.size, 4))).toString("latin1");
  if (head === "PK\x03\x04") return { format: "torch-zip", value: readTorchZip(source, bystanders) };
  if (isTorchLegacy(source)) return { format: "torch-legacy", value: readTorchLegacy(source, { bystanders }) };
  if (isTar(source)) return { format: "torch-tar", value: readTorchTar(source, bystanders) };
>>>>>>> main
  return null;
}
