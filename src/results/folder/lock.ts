/**
 * One process per run folder. The lock names its owner; a lock whose owner is gone is taken over without a human.
 * On the same host the owner is looked up (process id and its start, for ids are reused); a lock from another host, or out
 * of a container, counts as left behind when its file hasn't been touched for two minutes. Who comes meanwhile waits: a
 * job that a cluster starts again on another node gets its folder by itself.
 */
import { createHash, randomUUID } from "node:crypto";
import { readFileSync, readlinkSync } from "node:fs";
import { link, open, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { InputError, TryAgainError } from "../../errors.js";
import { onFile } from "./durable.js";
import { parseJson } from "./jsonFile.js";

export const LOCK = "run.lock";
const HEARTBEAT_MS = 15_000;
const SILENT_MS = 120_000;
/** An owner out of sight that has missed a heartbeat or two may be dead: worth waiting for. */
const SUSPECT_MS = 40_000;
const WAIT_MS = 2_000;
/** Where a lock file is made before it is written, one still empty after this has lost its owner. */
const EMPTY_MS = 5_000;
const MOST_BYTES = 4096;

export interface Owner {
  pid: number;
  host: string;
  /** Where process ids count: containers of one host have their own. Null where it can't be known. */
  space: string | null;
  /** Start of the process in the system's own clock, null where it can't be known. */
  start: string | null;
  /** No two locks are the same text. */
  nonce: string;
}

/** What stands in a lock file; `owner` is null when nobody holds it any more. */
interface Held {
  text: string;
  owner: Owner | "unknown" | null;
  /** Whether the owner may be gone, and will be known to be in two minutes at most. */
  suspect: boolean;
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

function processSpace(): string | null {
  try {
    return readlinkSync("/proc/self/ns/pid");
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

/** Reads a lock file; null when there is none. Throws InputError for what can be none. */
async function read(path: string): Promise<Held | null> {
  try {
    const stats = await stat(path);
    if (!stats.isFile() || stats.size > MOST_BYTES) throw new InputError(path, "is no lock of this program; remove it");
    const age = Date.now() - stats.mtimeMs;
    const text = await readFile(path, "utf8");
    return { text, ...holder(text, age) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** The owner in a lock's text; null in one that is not whole. */
function ownerIn(text: string): Owner | null {
  const owner = parseJson(text) as Partial<Owner> | null | undefined;
  const isText = (value: unknown): boolean => typeof value === "string" && value.length < 300;
  const isRight = Number.isInteger(owner?.pid) && owner!.pid! > 0 && owner!.pid! < 2 ** 31 && isText(owner!.host) && [owner!.space ?? "", owner!.start ?? ""].every(isText);
  return isRight ? (owner as Owner) : null;
}

function holder(text: string, age: number): Pick<Held, "owner" | "suspect"> {
  const owner = ownerIn(text);
  if (owner === null) return { owner: age > EMPTY_MS ? null : "unknown", suspect: false };
  if (owner.host === hostname() && (owner.space ?? processSpace()) === processSpace()) return { owner: isAlive(owner) ? owner : null, suspect: false };
  return { owner: age > SILENT_MS ? null : owner, suspect: age > SUSPECT_MS };
}

/** Who works in the folder, as far as one can see from here; null: nobody. */
export async function lockHolder(folder: string): Promise<Owner | "unknown" | null> {
  const path = join(folder, LOCK);
  return (await onFile(path, () => read(path)))?.owner ?? null;
}

/** Codes of file systems that have no second names for a file. */
const NO_LINKS = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL"];

/** Makes the file if it isn't there: whole at once, so that who dies over it leaves no lock of nobody. */
async function create(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, text, { flag: "wx" });
    await link(temporary, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return false;
    if (!NO_LINKS.includes(code ?? "")) throw error;
    return createInPlace(path, text);
  } finally {
    // Left behind it does no harm, and is taken away with the lock.
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}

async function createInPlace(path: string, text: string): Promise<boolean> {
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

  private constructor(
    private readonly path: string,
    private readonly text: string,
  ) {
    this.#heartbeat = setInterval(() => void utimes(path, new Date(), new Date()).catch(() => undefined), HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** @param onWait is told once when the owner may be gone, which takes two minutes at most to show */
  static async acquire(folder: string, onWait: (owner: Owner) => void = () => undefined): Promise<FolderLock> {
    const path = join(folder, LOCK);
    const text = JSON.stringify({ pid: process.pid, host: hostname(), space: processSpace(), start: processStart(process.pid), nonce: randomUUID() } satisfies Owner);
    return onFile(path, async () => {
      if (await create(path, text)) return new FolderLock(path, text);
      let held = await read(path);
      if (held?.suspect && held.owner) onWait(held.owner as Owner);
      while (held?.suspect && held.owner) {
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
        held = await read(path);
      }
      if (held || !(await create(path, text))) await FolderLock.#seize(folder, path, held, text);
      return new FolderLock(path, text);
    });
  }

  /**
   * Makes sure before a write that the folder is still ours: a process that was stopped for minutes may have been given up.
   * @throws TryAgainError when another one has taken over
   */
  async verify(): Promise<void> {
    const held = await onFile(this.path, () => read(this.path));
    if (held?.text !== this.text) throw new TryAgainError(`${this.path}: another process has taken this run folder over while this one stood still; finished work is kept`);
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
    const held = await onFile(this.path, () => read(this.path));
    if (held?.text !== this.text) return;
    // Litter is no reason to keep the folder.
    await this.#removeGuards().catch(() => undefined);
    await onFile(this.path, () => rm(this.path, { force: true }));
  }

  /** Takes away what processes left that died while they took over: while the folder is ours, dead guards guard nothing. */
  async #removeGuards(): Promise<void> {
    const folder = dirname(this.path);
    for (const name of await onFile(folder, () => readdir(folder))) {
      if (!name.startsWith(`${LOCK}.`)) continue;
      const path = join(folder, name);
      const guard = await onFile(path, () => read(path));
      if (guard && (guard.owner === null || guard.text === this.text)) await onFile(path, () => rm(path, { force: true }));
    }
  }
}
