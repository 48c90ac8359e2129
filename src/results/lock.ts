/**
 * One process per run folder. The lock names its owner; a lock whose owner is gone is taken over without a human.
 * On the same host the owner is looked up (process id and its start, for ids are reused); a lock from another host
 * counts as left behind when its file hasn't been touched for two minutes.
 */
import { createHash, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { open, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { TryAgainError } from "../errors.js";
import { onFile } from "./durable.js";

export const LOCK = "run.lock";
const HEARTBEAT_MS = 15_000;
const SILENT_MS = 120_000;
/** A lock file is written right after it is made; one still empty after this has lost its owner. */
const EMPTY_MS = 5_000;

interface Owner {
  pid: number;
  host: string;
  /** Start of the process in the system's own clock, null where it can't be known. */
  start: string | null;
  /** No two locks are the same text. */
  nonce: string;
}

/** What stands in a lock file; `owner` is null when nobody holds it any more. */
interface Held {
  text: string;
  owner: Owner | "unknown" | null;
}

/** Field 22 of /proc/PID/stat, and the boot it belongs to. */
function processStart(pid: number): string | null {
  try {
    const line = readFileSync(`/proc/${pid}/stat`, "latin1");
    const ticks = line.slice(line.lastIndexOf(")") + 2).split(" ")[19];
    return `${readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim()}:${ticks}`;
  } catch {
    return null;
  }
}

function isAlive(owner: Owner): boolean {
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return owner.start === null || processStart(owner.pid) === owner.start;
}

/** Reads a lock file; null when there is none. */
async function read(path: string): Promise<Held | null> {
  try {
    const age = Date.now() - (await stat(path)).mtimeMs;
    const text = await readFile(path, "utf8");
    return { text, owner: holder(text, age) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

function holder(text: string, age: number): Owner | "unknown" | null {
  let owner: Owner;
  try {
    owner = JSON.parse(text) as Owner;
  } catch {
    return age > EMPTY_MS ? null : "unknown";
  }
  if (owner.host === hostname()) return isAlive(owner) ? owner : null;
  return age > SILENT_MS ? null : owner;
}

/** Makes the file if it isn't there. */
async function create(path: string, text: string): Promise<boolean> {
  let file;
  try {
    file = await open(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
  try {
    await file.writeFile(text);
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
  return true;
}

function refuse(folder: string, owner: Owner | "unknown"): never {
  const who = owner === "unknown" ? "another process" : `process ${owner.pid} on ${owner.host}`;
  throw new TryAgainError(`${folder}: ${who} is working in this run folder; wait for it, or choose another --out`);
}

export class FolderLock {
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(private readonly path: string) {
    this.#heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  static async acquire(folder: string): Promise<FolderLock> {
    const path = join(folder, LOCK);
    const text = JSON.stringify({ pid: process.pid, host: hostname(), start: processStart(process.pid), nonce: randomUUID() } satisfies Owner);
    return onFile(path, async () => {
      if (await create(path, text)) return new FolderLock(path);
      await FolderLock.#seize(folder, path, await read(path), text);
      return new FolderLock(path);
    });
  }

  /**
   * Replaces a dead owner's lock. Whoever wants to holds a guard named after that lock's text, so of many that found the
   * same dead owner one goes on, and one who comes late finds another text. A guard is a lock like any other.
   */
  static async #seize(folder: string, path: string, dead: Held | null, text: string): Promise<void> {
    if (!dead || dead.owner) refuse(folder, dead?.owner ?? "unknown");
    const guard = `${folder}/${LOCK}.${createHash("sha256").update(path).update(dead.text).digest("hex").slice(0, 16)}`;
    if (!(await create(guard, text))) await FolderLock.#seize(folder, guard, await read(guard), text);
    try {
      if ((await read(path))?.text !== dead.text) refuse(folder, "unknown");
      const temporary = `${path}.${randomUUID()}.tmp`;
      await writeFile(temporary, text, { flush: true });
      await rename(temporary, path);
    } finally {
      await rm(guard, { force: true });
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#heartbeat);
    await onFile(this.path, () => rm(this.path, { force: true }));
  }
}
