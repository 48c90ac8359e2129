/** Reads tar archives: chosen entries in one pass through a stream, or all of an uncompressed one in place; nothing is written to disk. (Format: POSIX.1-2001 pax, section ustar.) */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { InferlinkError, InputError } from "../../errors.js";
import { gzipError } from "./gzip.js";
import { FileSource, MemorySource, PartSource, fileError, type ByteSource } from "../source.js";

const BLOCK = 512;
const MAX_ENTRIES = 1000;

export interface TarLimits {
  /** Bytes of the archive when it is unpacked, and of one wanted entry. */
  unpacked: number;
  entry: number;
}

interface Header {
  name: string;
  /** `0` for a file; links, folders, devices and what describes the next entry have others. */
  type: string;
  size: number;
}

const damaged = (path: string, cause?: unknown): InputError => new InputError(path, "is a damaged tar archive (cut short or changed); download it again", { cause });

/** The bytes of a stream, as many at a time as are asked for. */
class Bytes {
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #total = 0;

  constructor(private readonly path: string, stream: AsyncIterable<Buffer>, private readonly limit: number) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  /** At most `most` bytes; null at the end. */
  async #some(most: number): Promise<Buffer | null> {
    while (this.#chunk.length === 0) {
      const { value, done } = await this.#chunks.next();
      if (done) return null;
      this.#chunk = value as Buffer;
      this.#total += this.#chunk.length;
      if (this.#total > this.limit) throw new InputError(this.path, "unpacks to far more than is expected in it; it is damaged or hostile");
    }
    const some = this.#chunk.subarray(0, most);
    this.#chunk = this.#chunk.subarray(some.length);
    return some;
  }

  /** Hands on `length` bytes, or as many as there are. @returns how many */
  async each(length: number, visit: (some: Buffer) => void): Promise<number> {
    let done = 0;
    while (done < length) {
      const some = await this.#some(length - done);
      if (some === null) break;
      visit(some);
      done += some.length;
    }
    return done;
  }

  /** `length` bytes, or as many as there are. */
  async read(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    await this.each(length, (some) => parts.push(some));
    return Buffer.concat(parts);
  }
}

const text = (block: Buffer, from: number, to: number): string => block.toString("utf8", from, to).split("\0", 1)[0];

/** A number in octal digits; null for anything else, the binary form for files of over 8 GB among it. */
function octal(block: Buffer, from: number, to: number): number | null {
  const digits = /^[ \0]*([0-7]+)[ \0]*$/.exec(block.toString("latin1", from, to));
  return digits ? parseInt(digits[1], 8) : null;
}

/** Null for a block that is no header. */
function headerOf(block: Buffer): Header | null {
  // The checksum counts itself as spaces.
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 32 : byte), 0);
  const size = octal(block, 124, 136);
  if (octal(block, 148, 156) !== sum || size === null || text(block, 257, 262) !== "ustar") return null;
  const prefix = block.toString("latin1", 257, 263) === "ustar\0" ? text(block, 345, 500) : "";
  const type = String.fromCharCode(block[156] || 0x30);
  // Links, devices and folders have no content, whatever size they speak of.
  return { name: `${prefix ? `${prefix}/` : ""}${text(block, 0, 100)}`, type, size: /[1-6]/.test(type) ? 0 : size };
}

/**
 * Hands out the entries whose names are wanted, in the archive's order (gzip or plain, by content).
 * @throws InputError if the archive is missing, damaged, cut or larger than the limits, or if a wanted entry is no plain file;
 * FileSystemError if it may not be read; and what `take` throws
 */
export async function readTar(path: string, limits: TarLimits, wanted: (name: string) => boolean, take: (name: string, source: ByteSource) => void): Promise<void> {
  const file = createReadStream(path);
  const stream = isGzip(path) ? file.on("error", (error) => stream.destroy(error)).pipe(createGunzip()) : file;
  const bytes = new Bytes(path, stream, limits.unpacked);
  try {
    for (let entries = 0; ; entries++) {
      const block = await bytes.read(BLOCK);
      // Zeros end the archive. What follows is read for the sake of gzip's checksum.
      if (block.length === BLOCK && !block.some((byte) => byte !== 0)) break;
      const header = block.length === BLOCK ? headerOf(block) : null;
      if (header === null) throw damaged(path);
      const { name, type, size } = header;
      const padding = (BLOCK - (size % BLOCK)) % BLOCK;
      if (entries === MAX_ENTRIES) throw new InputError(path, "holds far more files than are expected in it; it is damaged or hostile");
      if (!wanted(name)) {
        if ((await bytes.each(size + padding, () => undefined)) < size + padding) throw damaged(path);
        continue;
      }
      if (type !== "0") throw new InputError(path, `holds ${JSON.stringify(name)} as a link or the like where a file is needed; download it again`);
      if (size > limits.entry) throw new InputError(path, `holds ${JSON.stringify(name)} with ${size} bytes, far more than is expected; it is damaged or hostile`);
      const content = await bytes.read(size + padding);
      if (content.length < size + padding) throw damaged(path);
      take(name, new MemorySource(path, content.subarray(0, size)));
    }
    await bytes.each(Infinity, () => undefined);
  } catch (error) {
    throw typed(path, error);
  } finally {
    stream.destroy();
    file.destroy();
  }
}

/** True if the source starts with the header of a tar archive. */
export function isTar(source: ByteSource): boolean {
  return source.size >= BLOCK && headerOf(Buffer.from(source.read(0, BLOCK))) !== null;
}

/**
 * The plain files of an uncompressed tar archive by name, unread parts of `source`.
 * @throws InputError if it is damaged, holds two files of one name, or more files than `most`
 */
export function tarFiles(source: ByteSource, most: number): Map<string, ByteSource> {
  const files = new Map<string, ByteSource>();
  for (let at = 0, entries = 0; ; entries++) {
    if (at + BLOCK > source.size) throw damaged(source.file);
    const block = Buffer.from(source.read(at, BLOCK));
    if (!block.some((byte) => byte !== 0)) return files;
    const header = headerOf(block);
    if (header === null || at + BLOCK + header.size > source.size) throw damaged(source.file);
    if (entries === most) throw new InputError(source.file, "holds far more files than are expected in it; it is damaged or hostile");
    const name = header.name.replace(/^\.\//, "");
    if (header.type === "0" && files.has(name)) throw new InputError(source.file, `holds the file ${JSON.stringify(name.slice(0, 80))} twice; it is damaged or hostile`);
    if (header.type === "0") files.set(name, new PartSource(source, at + BLOCK, header.size));
    at += BLOCK * (1 + Math.ceil(header.size / BLOCK));
  }
}

function isGzip(path: string): boolean {
  using source = new FileSource(path, Infinity);
  const head = source.read(0, Math.min(2, source.size));
  return head[0] === 0x1f && head[1] === 0x8b;
}

function typed(path: string, error: unknown): InferlinkError {
  if (error instanceof InferlinkError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return fileError(path, error);
  return code?.startsWith("Z_") ? gzipError(path, error) : damaged(path, error);
}
