import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileSystemError } from "../../errors.js";

const MEMORY_MAX = 1 << 28;

/** A fixed number of bytes written once and read many times. */
export interface PixelStore {
  write(offset: number, bytes: Uint8Array): void;
  read(offset: number, length: number): Uint8Array;
  close(): void;
}

/**
 * Makes a store of `size` bytes: in memory up to `memoryMax` (256 MB), else in a temporary file that is gone when the process
 * ends. Throws FileSystemError if the temporary folder is full or may not be written.
 */
export function pixelStore(size: number, memoryMax = MEMORY_MAX): PixelStore {
  return size <= memoryMax ? memoryStore(size) : fileStore();
}

function memoryStore(size: number): PixelStore {
  const all = new Uint8Array(size);
  return {
    write: (offset, bytes) => all.set(bytes, offset),
    read: (offset, length) => all.subarray(offset, offset + length),
    close: () => {},
  };
}

function fileStore(): PixelStore {
  const guard = <T>(act: () => T): T => {
    try {
      return act();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      throw new FileSystemError(tmpdir(), `decoded images could not be kept there (${code}); free some space or set TMPDIR`, { cause: error });
    }
  };
  const dir = guard(() => mkdtempSync(join(tmpdir(), "inferlink-")));
  const remove = (): void => rmSync(dir, { recursive: true, force: true, maxRetries: 2 });
  process.once("exit", remove);
  const fd = guard(() => openSync(join(dir, "pixels"), "wx+", 0o600));
  // An open file outlives its name except on Windows, where it goes when the process exits.
  if (process.platform !== "win32") remove();
  return {
    write(offset, bytes) {
      for (let done = 0; done < bytes.length; ) done += guard(() => writeSync(fd, bytes, done, bytes.length - done, offset + done));
    },
    read(offset, length) {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length; ) {
        const got = guard(() => readSync(fd, bytes, done, length - done, offset + done));
        if (got === 0) throw new FileSystemError(tmpdir(), "lost decoded images that were kept there; run the same command again");
        done += got;
      }
      return bytes;
    },
    close() {
      closeSync(fd);
      remove();
      process.off("exit", remove);
    },
  };
}
