import { createHash } from "node:crypto";
import { closeSync, constants, fstatSync, openSync, readSync, statSync, type Stats } from "node:fs";
import { FileSystemError, InputError } from "../errors.js";

/** Bytes that can be read at any offset: a file, a part of one, or memory. */
export interface ByteSource {
  /** Name for messages. */
  readonly file: string;
  readonly size: number;
  /** Exactly `length` bytes in a buffer of their own; InputError if the source ends before that. */
  read(offset: number, length: number): Uint8Array<ArrayBuffer>;
}

const NOT_A_FILE = "is not a regular file; name a file";

/** Turns an operating-system error into ours: a missing file is bad input, anything else an I/O error. */
export function fileError(path: string, error: unknown): InputError | FileSystemError {
  const code = (error as NodeJS.ErrnoException).code;
  const options = { cause: error };
  switch (code) {
    case "ENOENT":
    case "ENOTDIR":
      return new InputError(path, "does not exist; check the path", options);
    case "EISDIR":
      return new InputError(path, "is a folder where a file is needed; name a file inside it", options);
    case "ENAMETOOLONG":
    case "ELOOP":
    case "ERR_INVALID_ARG_VALUE":
      return new InputError(path, "is not a usable path; check its spelling", options);
    case "EACCES":
    case "EPERM":
      return new FileSystemError(path, "may not be read by this user; change its permissions", options);
    default:
      return new FileSystemError(path, `could not be read (${code ?? String(error)})`, options);
  }
}

/** No tensor, directory or batch is larger; a file must not decide how much memory is taken. */
const MAX_READ = 1 << 30;

function checkRange(source: ByteSource, offset: number, length: number): void {
  if (!(offset >= 0 && length >= 0 && offset + length <= source.size)) {
    throw new InputError(source.file, `is cut short: ${length} bytes are needed at byte ${offset}, and it has ${source.size}; copy or download it again`);
  }
}

function allocate(source: ByteSource, length: number): Uint8Array<ArrayBuffer> {
  if (length > MAX_READ) throw new InputError(source.file, `asks for ${length} bytes at once, more than anything in weights or data needs; it is damaged or hostile`);
  return new Uint8Array(length);
}

/**
 * An open regular file of at most `limit` bytes. Throws InputError if it is missing, empty, larger or not a regular file, and
 * FileSystemError if the system refuses it. A source that is not closed lives as long as the process.
 */
export class FileSource implements ByteSource, Disposable {
  readonly size: number;
  /** Time of the last change, ms since 1970. */
  readonly modified: number;
  readonly #fd: number;

  constructor(readonly file: string, limit: number) {
    let stats: Stats;
    try {
      // Opening a device may do something, so look before opening; a FIFO put there since would wait for a writer for ever.
      if (!statSync(file).isFile()) throw new InputError(file, NOT_A_FILE);
      this.#fd = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      stats = fstatSync(this.#fd);
    } catch (error) {
      throw error instanceof InputError ? error : fileError(file, error);
    }
    this.size = stats.size;
    this.modified = stats.mtimeMs;
    const problem =
      !stats.isFile() ? NOT_A_FILE
      : stats.size === 0 ? "is empty; copy or download it again"
      : stats.size > limit ? `is ${stats.size} bytes long, and at most ${limit} are expected; it is another kind of file`
      : null;
    if (problem === null) return;
    this.close();
    throw new InputError(file, problem);
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkRange(this, offset, length);
    const bytes = allocate(this, length);
    let done = 0;
    while (done < length) {
      let got: number;
      try {
        got = readSync(this.#fd, bytes, done, Math.min(length - done, 1 << 30), offset + done);
      } catch (error) {
        throw fileError(this.file, error);
      }
      if (got === 0) throw new InputError(this.file, "became shorter while it was read; wait until it is complete");
      done += got;
    }
    return bytes;
  }

  close(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Bytes in memory under a file's name. */
export class MemorySource implements ByteSource {
  readonly size: number;

  constructor(readonly file: string, readonly bytes: Uint8Array) {
    this.size = bytes.length;
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkRange(this, offset, length);
    return new Uint8Array(this.bytes.subarray(offset, offset + length));
  }
}

/** `size` bytes of another source from `start`; throws InputError if the parent does not have them. */
export class PartSource implements ByteSource {
  readonly file: string;

  constructor(readonly parent: ByteSource, readonly start: number, readonly size: number) {
    this.file = parent.file;
    checkRange(parent, start, size);
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    checkRange(this, offset, length);
    return this.parent.read(this.start + offset, length);
  }
}

/** Calls `visit` with every byte of the source in order, a few megabytes at a time. */
export function forEachChunk(source: ByteSource, visit: (chunk: Uint8Array) => void): void {
  const step = 1 << 22;
  for (let at = 0; at < source.size; at += step) visit(source.read(at, Math.min(step, source.size - at)));
}

/** SHA-256 of every byte of the source, hex. */
export function sha256(source: ByteSource): string {
  const hash = createHash("sha256");
  forEachChunk(source, (chunk) => hash.update(chunk));
  return hash.digest("hex");
}
