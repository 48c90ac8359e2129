import { crc32, inflateRawSync } from "node:zlib";
import { InputError } from "../../errors.js";
import { MemorySource, PartSource, forEachChunk, type ByteSource } from "../source.js";

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const MAX_ENTRIES = 100_000;
const MAX_DIRECTORY = 1 << 25;
/** What may follow an entry: its data descriptor, with the wide sizes. */
const MAX_DESCRIPTOR = 24;
/** What the compressed entries of an archive may unpack to, all together. */
const MAX_UNPACKED = 2 ** 30;
const [STORED, DEFLATED] = [0, 8];

/** True if the source starts like a zip archive that has entries. */
export const isZip = (source: ByteSource): boolean => source.size >= 4 && view(source, 0, 4).getUint32(0, true) === LOCAL;

interface Entry {
  name: string;
  crc: number;
  method: number;
  /** Bytes in the archive, and unpacked. */
  packed: number;
  size: number;
  /** Of the local header. */
  start: number;
}

function view(source: ByteSource, offset: number, length: number): DataView {
  return new DataView(source.read(offset, length).buffer);
}

function u64(data: DataView, offset: number): number {
  return Number(data.getBigUint64(offset, true));
}

/** Finds the central directory. torch.save always adds the zip64 records; they must then agree with the plain ones. */
function findDirectory(source: ByteSource): { start: number; size: number; count: number } {
  const bad = (what: string) => new InputError(source.file, `${what}; copy or download it again`);
  if (source.size < 22) throw bad("is cut short: it starts like a zip archive and has no end");
  let end = source.size - 22;
  const tail = view(source, end, 22);
  // torch.save writes no comment, and one could hold a second end.
  if (tail.getUint32(0, true) !== END || tail.getUint16(20, true) !== 0) throw bad("is cut short: it starts like a zip archive and its directory is missing");
  if (tail.getUint32(4, true) !== 0 || tail.getUint16(8, true) !== tail.getUint16(10, true)) throw bad("is one part of a split zip archive");
  let [count, size, start] = [tail.getUint16(10, true), tail.getUint32(12, true), tail.getUint32(16, true)];
  const locator = end >= 20 ? view(source, end - 20, 20) : null;
  if (locator?.getUint32(0, true) === LOCATOR64) {
    const record = u64(locator, 8);
    if (locator.getUint32(4, true) !== 0 || record !== end - 76) throw bad("holds zip64 records in an unexpected place");
    const data = view(source, record, 56);
    const wide = { count: u64(data, 32), size: u64(data, 40), start: u64(data, 48) };
    const agrees = (narrow: number, limit: number, value: number) => narrow === limit || narrow === value;
    if (data.getUint32(0, true) !== END64 || u64(data, 4) !== 44 || u64(data, 24) !== wide.count ||
      !agrees(count, 0xffff, wide.count) || !agrees(size, 0xffffffff, wide.size) || !agrees(start, 0xffffffff, wide.start)) {
      throw bad("holds zip64 records that contradict its plain ones");
    }
    ({ count, size, start } = wide);
    end = record;
  }
  if (count > MAX_ENTRIES || size > MAX_DIRECTORY || start + size !== end || size < count * 46) throw bad("has a zip directory of a wrong size");
  return { start, size, count };
}

/** Sizes and offset of a directory entry, taken from its zip64 extra field where the plain field is full. */
function widen(data: DataView, at: number, extraAt: number, extraLength: number): { packed: number; size: number; start: number } | null {
  const plain = { packed: data.getUint32(at + 20, true), size: data.getUint32(at + 24, true), start: data.getUint32(at + 42, true) };
  if (plain.packed !== 0xffffffff && plain.size !== 0xffffffff && plain.start !== 0xffffffff) return plain;
  for (let i = extraAt; i + 4 <= extraAt + extraLength; ) {
    const length = data.getUint16(i + 2, true);
    if (data.getUint16(i, true) === 1) {
      let from = i + 4;
      const end = Math.min(from + length, extraAt + extraLength);
      for (const field of ["size", "packed", "start"] as const) {
        if (plain[field] !== 0xffffffff) continue;
        if (from + 8 > end) return null;
        plain[field] = u64(data, from);
        from += 8;
      }
      return plain;
    }
    i += 4 + length;
  }
  return null;
}

function readDirectory(source: ByteSource): { entries: Entry[]; directory: number } {
  const bad = (what: string) => new InputError(source.file, `${what}; it is damaged, save or download it again`);
  const { start, size, count } = findDirectory(source);
  const data = view(source, start, size);
  const entries: Entry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || data.getUint32(at, true) !== CENTRAL) throw bad("has a damaged zip directory");
    const [nameLength, extraLength, commentLength] = [data.getUint16(at + 28, true), data.getUint16(at + 30, true), data.getUint16(at + 32, true)];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) throw bad("has a damaged zip directory");
    const name = Buffer.from(data.buffer, at + 46, nameLength).toString("utf8");
    const wide = widen(data, at, at + 46 + nameLength, extraLength);
    if ((data.getUint16(at + 8, true) & 1) !== 0) throw bad("holds an encrypted zip entry");
    if (wide === null || data.getUint16(at + 34, true) !== 0) throw bad("has a zip directory entry without its sizes");
    const method = data.getUint16(at + 10, true);
    if (method !== DEFLATED && (method !== STORED || wide.packed !== wide.size)) {
      throw new InputError(source.file, "holds zip entries compressed in a way that is not read here; unpack it and zip it again without compression (zip -0 -r)");
    }
    entries.push({ name, crc: data.getUint32(at + 16, true), method, packed: wide.packed, size: wide.size, start: wide.start });
    at = next;
  }
  if (at !== size) throw bad("has a damaged zip directory");
  return { entries, directory: start };
}

/** The content of an entry that others compressed; PyTorch never does. */
function inflated(part: ByteSource, size: number, damaged: (what: string) => InputError): ByteSource {
  const what = "holds a compressed zip entry that does not unpack to its size";
  try {
    // The types of Node leave out what `info` adds.
    const { buffer, engine } = inflateRawSync(part.read(0, part.size), { maxOutputLength: size + 1, info: true }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.length === size && engine.bytesWritten === part.size) return new MemorySource(part.file, buffer);
  } catch (error) {
    if (error instanceof InputError) throw error;
  }
  throw damaged(what);
}

/**
 * Reads the directory of a zip archive and returns its entries' contents by name: stored ones as unread parts of `source`,
 * deflated ones unpacked into memory. Throws InputError if the archive is cut, encrypted, compressed otherwise or split, has a comment, if entries overlap, share a name or
 * leave room between them, if the local headers contradict the directory, or if a checksum is wrong.
 */
export function readZip(source: ByteSource): Map<string, ByteSource> {
  const bad = (what: string) => new InputError(source.file, `${what}; it is damaged, save or download it again`);
  const { entries, directory } = readDirectory(source);
  const contents = new Map<string, ByteSource>();
  let end = 0;
  let unpacked = 0;
  for (const entry of entries.sort((a, b) => a.start - b.start)) {
    const shown = JSON.stringify(entry.name.slice(0, 80));
    if (entry.start < end || entry.start + 30 > directory) throw bad(`holds a zip entry ${shown} that overlaps another`);
    if (entry.start > end + (end === 0 ? 0 : MAX_DESCRIPTOR)) throw bad(`holds bytes before the zip entry ${shown} that belong to no entry`);
    const header = view(source, entry.start, 30);
    const nameLength = header.getUint16(26, true);
    const from = entry.start + 30 + nameLength + header.getUint16(28, true);
    if (from + entry.packed > directory) throw bad(`holds a zip entry ${shown} that overlaps another`);
    const name = Buffer.from(source.read(entry.start + 30, nameLength)).toString("utf8");
    const agrees = (at: number, value: number) => [0, 0xffffffff, value].includes(header.getUint32(at, true));
    if (header.getUint32(0, true) !== LOCAL || header.getUint16(8, true) !== entry.method || name !== entry.name ||
      !agrees(14, entry.crc) || !agrees(18, entry.packed) || !agrees(22, entry.size)) {
      throw bad(`holds a zip entry ${shown} that contradicts the archive's directory`);
    }
    if (contents.has(name)) throw bad(`holds the zip entry ${shown} twice`);
    const packed = new PartSource(source, from, entry.packed);
    if (entry.method === DEFLATED && (unpacked += entry.size) > MAX_UNPACKED) throw new InputError(source.file, `holds compressed zip entries of more than ${MAX_UNPACKED} bytes; unpack it and zip it again without compression (zip -0 -r)`);
    const part = entry.method === DEFLATED ? inflated(packed, entry.size, bad) : packed;
    let crc = 0;
    forEachChunk(part, (chunk) => { crc = crc32(chunk, crc); });
    if (crc !== entry.crc) throw bad(`fails the checksum of its part ${shown}`);
    contents.set(name, part);
    end = from + entry.packed;
  }
  if (directory > end + MAX_DESCRIPTOR) throw bad("holds bytes before its zip directory that belong to no entry");
  return contents;
}
