/** Files that survive a crash: temporary file, fsync, rename, fsync of the folder. Errors name the file. */
import { randomBytes } from "node:crypto";
import { mkdir, open, rename, rm, stat, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { FileSystemError, InferlinkError } from "../../errors.js";

const REASONS: Record<string, string> = {
  EACCES: "permission denied",
  EPERM: "not permitted",
  EROFS: "the file system is read-only",
  ENOSPC: "no space left on the device",
  EDQUOT: "disk quota exceeded",
  EIO: "input/output error",
  ENOTDIR: "a part of the path is not a folder",
  EISDIR: "is a folder",
  ENOENT: "does not exist",
  EMFILE: "too many open files",
};

/** The operating system's refusal as one sentence; anything else comes back as it was. */
export function fileSystemError(path: string, error: unknown): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (error instanceof InferlinkError || typeof code !== "string" || !/^E[A-Z0-9]+$/.test(code)) return error;
  return new FileSystemError(path, REASONS[code] ? `${REASONS[code]} (${code})` : code, { cause: error });
}

/** What was thrown with no path at hand: the refusal's own is taken. */
export function typedError(thrown: unknown): unknown {
  return fileSystemError((thrown as NodeJS.ErrnoException | null)?.path ?? "file system", thrown);
}

/** Runs file work on `path`; refusals of the operating system come out naming it. */
export async function onFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileSystemError(path, error);
  }
}

/** Makes one folder durably. */
export async function makeOneFolder(path: string): Promise<void> {
  await mkdir(path);
  await syncFolder(dirname(path)).catch(() => undefined); // a parent that takes names but may not be read
}

/** `mkdir -p`, beside other processes that make the same folders. Node's own goes round for ever in /proc. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await unlessThere(path);
  } catch (error) {
    const parent = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || parent === path) throw error;
    if (!(await stat(parent).catch(() => null))) await makeFolder(parent);
    await unlessThere(path); // once more also where another process has made the parent since
  }
}

/** Makes one folder, or finds it made. */
async function unlessThere(path: string): Promise<void> {
  try {
    await makeOneFolder(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST" || !(await stat(path)).isDirectory()) throw error;
  }
}

/** Writes every byte, or throws. */
export async function writeWhole(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done);
    done += bytesWritten;
  }
}

/** Makes renames and new names in a folder durable. Windows can't open folders, and has no need to. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts `bytes` at `path` at once: readers see the old file or the whole new one, also after a crash. */
export async function replaceFile(path: string, bytes: Uint8Array | string): Promise<void> {
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  await onFile(path, async () => {
    try {
      const file = await open(temporary, "wx");
      try {
        await writeWhole(file, typeof bytes === "string" ? Buffer.from(bytes) : bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    await syncFolder(dirname(path));
  });
}
