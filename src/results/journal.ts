/**
 * Finished units, appended durably one by one, so that no way of dying loses them. A record is its length, its CRC
 * and its bytes; the first ties the journal to its run. What follows the last whole record (a torn write) is cut off.
 */
import { open, readFile, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { InputError } from "../errors.js";
import type { UnitScores } from "../sweep/units.js";
import { onFile, replaceFile, writeWhole } from "./durable.js";
import { identityHash, type RunIdentity } from "./identity.js";

export const JOURNAL = "journal.bin";
const MAGIC = Buffer.from("INFLJRN1", "latin1");

function frame(payload: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(payload.length, 0);
  head.writeUInt32LE(crc32(payload), 4);
  return Buffer.concat([head, payload]);
}

const bytesOf = (array: Int32Array | Float64Array): Buffer => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** unit, variants, epsilons, then the clean arrays and those of each epsilon. */
export function encodeScores(scores: UnitScores): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt32LE(scores.unit, 0);
  head.writeUInt32LE(scores.correctClean.length, 4);
  head.writeUInt32LE(scores.correctAdv.length, 8);
  return Buffer.concat([head, bytesOf(scores.lossClean), bytesOf(scores.correctClean), ...scores.lossAdv.map(bytesOf), ...scores.correctAdv.map(bytesOf)]);
}

export function decodeScores(payload: Buffer): UnitScores {
  const [unit, variants, epsilons] = [0, 4, 8].map((at) => payload.readUInt32LE(at));
  let at = 12;
  const take = (bytes: number): ArrayBuffer => {
    const copy = Uint8Array.from(payload.subarray(at, at + bytes)).buffer;
    at += bytes;
    return copy;
  };
  const losses = (): Float64Array => new Float64Array(take(variants * 8));
  const counts = (): Int32Array => new Int32Array(take(variants * 4));
  return {
    unit,
    lossClean: losses(),
    correctClean: counts(),
    lossAdv: Array.from({ length: epsilons }, losses),
    correctAdv: Array.from({ length: epsilons }, counts),
  };
}

/** Whole records of a journal and the length they take. */
function scan(bytes: Buffer): { records: Buffer[]; length: number } {
  const records: Buffer[] = [];
  let at = MAGIC.length;
  while (at + 8 <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const payload = bytes.subarray(at + 8, at + 8 + length);
    if (payload.length !== length || crc32(payload) !== bytes.readUInt32LE(at + 4)) break;
    records.push(payload);
    at += 8 + length;
  }
  return { records, length: at };
}

export class Journal {
  private constructor(
    private readonly path: string,
    private readonly file: FileHandle,
    /** Units finished before this process, each once. */
    readonly finished: UnitScores[],
  ) {}

  /** Goes on with the folder's journal, or starts one. */
  static async open(folder: string, identity: RunIdentity): Promise<Journal> {
    const path = join(folder, JOURNAL);
    const hash = identityHash(identity);
    const bytes = await onFile(path, async () => {
      try {
        return await readFile(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
        throw error;
      }
    });
    if (bytes === null) {
      await replaceFile(path, Buffer.concat([MAGIC, frame(hash)]));
      return new Journal(path, await onFile(path, () => open(path, "a")), []);
    }
    const { records, length } = scan(bytes);
    if (!bytes.subarray(0, MAGIC.length).equals(MAGIC) || !records[0]?.equals(hash)) throw new InputError(path, "is damaged or of another run; start the folder anew with --overwrite");
    const file = await onFile(path, async () => {
      const handle = await open(path, "r+");
      if (length < bytes.length) await handle.truncate(length);
      await handle.sync();
      await handle.close();
      return open(path, "a");
    });
    const byUnit = new Map(records.slice(1).map(decodeScores).map((scores) => [scores.unit, scores]));
    return new Journal(path, file, [...byUnit.values()]);
  }

  /** Returns when the unit can't be lost any more. */
  async append(scores: UnitScores): Promise<void> {
    await onFile(this.path, async () => {
      await writeWhole(this.file, frame(encodeScores(scores)));
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
