/**
 * Finished units, appended durably one by one, so that no way of dying loses them. A record is its length, its CRC and
 * its bytes; the first ties the journal to its run. What follows the last whole record (a torn write) is cut off.
 */
import { constants } from "node:fs";
import { open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { InputError } from "../../errors.js";
import { variantCount } from "../../sweep/config.js";
import { unitKey, type UnitScores } from "../../sweep/units.js";
import { onFile, replaceFile, writeWhole } from "./durable.js";
import { identityHash, type RunIdentity } from "../identity.js";
import { decodeHead, decodeScores, encodeScores, type RecordHead } from "../record.js";

export const JOURNAL = "journal.bin";
const MAGIC = Buffer.from("INFLJRN2", "latin1");
const FRAME = 8;
const READ_BYTES = 1 << 20;
/** No record comes near it: a longer one is a damaged length. */
const MOST_BYTES = 1 << 28;

function frame(payload: Buffer): Buffer {
  const head = Buffer.alloc(FRAME);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

/** Where a record's bytes lie, and what it says of itself. */
export interface Entry extends RecordHead {
  at: number;
  length: number;
}

/** What a journal holds: an index, for the records of a large sweep take more than a memory. */
export interface JournalContents {
  /** Hash of the run's identity; null where not even that is whole. */
  identity: Buffer | null;
  /** By unitKey; of several for one unit the last. */
  units: Map<string, Entry>;
  /** Bytes up to the end of the last whole record, and of the file. */
  whole: number;
  size: number;
}

/** Reads `length` bytes, or as many as there are. */
async function readAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    const { bytesRead } = await file.read(buffer, done, length - done, at + done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return buffer.subarray(0, done);
}

/** Whole records in the first `size` bytes of the file; what a record says of its length takes no memory beyond them. */
async function* records(file: FileHandle, size: number): AsyncGenerator<{ at: number; payload: Buffer }> {
  let at = MAGIC.length;
  const next = (most: number): Promise<Buffer> => readAt(file, at, Math.max(0, Math.min(most, size - at)));
  let bytes = await next(READ_BYTES);
  for (;;) {
    if (bytes.length < FRAME) bytes = await next(READ_BYTES);
    if (bytes.length < FRAME) return;
    const length = bytes.readUInt32LE(0);
    // Zeros, which a crash may leave, would be empty records with the right checksum.
    if (length === 0 || length > MOST_BYTES) return;
    if (bytes.length < FRAME + length) bytes = await next(FRAME + length + READ_BYTES);
    const payload = bytes.subarray(FRAME, FRAME + length);
    if (payload.length < length || crc32(payload) !== bytes.readUInt32LE(4)) return;
    yield { at: at + FRAME, payload };
    at += FRAME + length;
    bytes = bytes.subarray(FRAME + length);
  }
}

/** Whether a unit can be one of the run's: as many filtered networks and strengths as it has. */
const belongs = ({ variants, epsilons, firstImage }: RecordHead, { config, dataset }: RunIdentity): boolean =>
  variants === variantCount(config) && epsilons === config.epsilons.length && firstImage < dataset.images;

async function contents(path: string, file: FileHandle, identity: RunIdentity): Promise<JournalContents> {
  const own = identityHash(identity);
  const found: JournalContents = { identity: null, units: new Map(), whole: 0, size: (await file.stat()).size };
  if (!(await readAt(file, 0, MAGIC.length)).equals(MAGIC)) return found;
  found.whole = MAGIC.length;
  for await (const { at, payload } of records(file, found.size)) {
    found.whole = at + payload.length;
    if (!found.identity) found.identity = Buffer.from(payload);
    else if (found.identity.equals(own)) {
      const head = decodeHead(path, payload);
      if (!belongs(head, identity)) throw new InputError(path, `holds a unit of layer ${JSON.stringify(head.layer)} that is none of its run's; start the folder anew with --overwrite`);
      found.units.set(unitKey(head.sha256, head.layer, head.firstImage), { ...head, at, length: payload.length });
    }
  }
  return found;
}

/** A journal that is only read, also while another process appends to it. */
export class JournalReader {
  private constructor(readonly path: string, readonly contents: JournalContents) {}

  /**
   * Null where there is none. Of another run's journal nothing but its identity is read.
   * @throws InputError for what is no regular file, and for whole records that this program doesn't write
   */
  static async open(folder: string, identity: RunIdentity): Promise<JournalReader | null> {
    const path = join(folder, JOURNAL);
    return onFile(path, async () => {
      let file: FileHandle;
      try {
        // Without O_NONBLOCK a FIFO would wait for a writer for ever.
        file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }
      try {
        if (!(await file.stat()).isFile()) throw new InputError(path, "is no journal of this program; remove it");
        return new JournalReader(path, await contents(path, file, identity));
      } finally {
        await file.close();
      }
    });
  }

  /** Scores of units that are among the contents. The file is open only while it is read: a merge has a thousand of them. */
  async read(keys: string[]): Promise<UnitScores[]> {
    return onFile(this.path, async () => {
      const file = await open(this.path, "r");
      try {
        const scores: UnitScores[] = [];
        for (const key of keys) {
          const { at, length } = this.contents.units.get(key)!;
          scores.push(decodeScores(this.path, await readAt(file, at, length)));
        }
        return scores;
      } finally {
        await file.close();
      }
    });
  }
}

export class Journal {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    /** Units finished before this process. */
    readonly finished: JournalReader,
  ) {}

  /** Goes on with the folder's journal, or starts one. */
  static async open(folder: string, identity: RunIdentity): Promise<Journal> {
    const path = join(folder, JOURNAL);
    const hash = identityHash(identity);
    let finished = await JournalReader.open(folder, identity);
    if (!finished) {
      await replaceFile(path, Buffer.concat([MAGIC, frame(hash)]));
      finished = (await JournalReader.open(folder, identity))!;
    }
    const { identity: found, whole, size } = finished.contents;
    if (!found?.equals(hash)) throw new InputError(path, "is damaged or of another run; start the folder anew with --overwrite");
    const file = await onFile(path, async () => {
      const handle = await open(path, "r+");
      if (whole < size) await handle.truncate(whole);
      await handle.sync();
      await handle.close();
      return open(path, "a");
    });
    return new Journal(path, file, finished);
  }

  /** Returns when the unit can't be lost any more. */
  async append(scores: UnitScores, cost: number): Promise<void> {
    await onFile(this.path, async () => {
      await writeWhole(this.file, frame(encodeScores(scores, cost, Date.now())));
      await this.file.datasync();
    });
  }

  async close(): Promise<void> {
    await onFile(this.path, () => this.file.close());
  }
}

/** Once the result is in place nothing goes on from here. */
export async function removeJournal(folder: string): Promise<void> {
  const path = join(folder, JOURNAL);
  await onFile(path, () => rm(path, { force: true }));
}
