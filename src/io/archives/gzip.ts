import { gunzipSync } from "node:zlib";
import { InputError } from "../../errors.js";
import { FileSource } from "../source.js";

/**
 * The whole content of a file, unpacked if it is gzip (by content, not by name). Throws InputError if it is missing, empty,
 * damaged, or larger than `limit` bytes, and FileSystemError if it may not be read.
 */
export function readWhole(path: string, limit: number): Uint8Array {
  using source = new FileSource(path, limit);
  const bytes = source.read(0, source.size);
  if (!(bytes[0] === 0x1f && bytes[1] === 0x8b)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: limit });
  } catch (error) {
    throw gzipError(path, error);
  }
}

/** What a failed gunzip means to the user. */
export function gzipError(path: string, error: unknown): InputError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === "ERR_BUFFER_TOO_LARGE") return new InputError(path, "unpacks to far more than a dataset of its kind needs; it is damaged or hostile", { cause: error });
  return new InputError(path, "is damaged gzip data (cut short or changed); download it again", { cause: error });
}
