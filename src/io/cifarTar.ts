import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import { Transform, Writable } from "node:stream";
import { createGunzip } from "node:zlib";
import tar from "tar-stream";
import { InputError, InferlinkError } from "../errors.js";
import { gzipError } from "./gzip.js";
import { MAX_BATCH } from "./cifarBatch.js";
import { FileSource, MemorySource, fileError, type ByteSource } from "./source.js";

/** The real archive unpacks to 186 MB in 8 entries; its batches are 31 MB each. */
const MAX_UNPACKED = 200_000_000;
const MAX_ENTRIES = 1000;

/**
 * Hands out the entries of a tar archive (gzip or plain, by content) whose names are wanted, in one pass through a stream;
 * nothing is written to disk. Throws InputError if the archive is missing, damaged, cut, or unpacks to more than 200 MB, or if
 * a wanted entry is not a plain file; FileSystemError if it may not be read; and what `take` throws.
 */
export async function readTarEntries(path: string, wanted: (name: string) => boolean, take: (name: string, source: ByteSource) => void): Promise<void> {
  const gzip = isGzip(path);
  let unpacked = 0;
  let entries = 0;
  const cap = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      unpacked += chunk.length;
      if (unpacked > MAX_UNPACKED) done(new InputError(path, "unpacks to far more than CIFAR-10 does; it is damaged or hostile"));
      else done(null, chunk);
    },
  });
  const extract = tar.extract();
  extract.on("entry", (header, stream, next) => {
    // The entry fails with the archive, which reports it; unheard, it would end the process.
    stream.on("error", () => {});
    const isWanted = wanted(header.name);
    const problem =
      ++entries > MAX_ENTRIES ? "holds far more files than CIFAR-10 does; it is damaged or hostile"
      : !isWanted ? null
      : header.type !== "file" ? `holds ${JSON.stringify(header.name)} as a ${String(header.type)} where a file is needed; download it again`
      : (header.size ?? 0) > MAX_BATCH ? `holds ${JSON.stringify(header.name)} with ${header.size} bytes, far more than a batch has; it is damaged or hostile`
      : null;
    if (problem !== null) {
      extract.destroy(new InputError(path, problem));
      return;
    }
    const chunks: Buffer[] = [];
    stream.on("data", (chunk) => { if (isWanted) chunks.push(chunk as Buffer); });
    stream.on("end", () => {
      try {
        if (isWanted) take(header.name, new MemorySource(path, Buffer.concat(chunks)));
        next();
      } catch (error) {
        extract.destroy(error as Error);
      }
    });
    stream.resume();
  });
  try {
    const stages = gzip ? [createReadStream(path), createGunzip(), cap] : [createReadStream(path), cap];
    await pipeline([...stages, extract as unknown as Writable]);
  } catch (error) {
    throw tarError(path, error);
  }
}

function isGzip(path: string): boolean {
  using source = new FileSource(path, Infinity);
  const head = source.read(0, Math.min(2, source.size));
  return head[0] === 0x1f && head[1] === 0x8b;
}

function tarError(path: string, error: unknown): InferlinkError {
  if (error instanceof InferlinkError) return error;
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall !== undefined) return fileError(path, error);
  if (code?.startsWith("Z_")) return gzipError(path, error);
  return new InputError(path, "is a damaged tar archive (cut short or changed); download it again", { cause: error });
}
