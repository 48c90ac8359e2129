import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32, gunzipSync } from "node:zlib";
import tar from "tar-stream";
import * as assert from "uvu/assert";
import { InferlinkError } from "../../src/errors.js";

function packageRoot(): string {
  let dir = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(dir, "package.json"))) dir = dirname(dir);
  return dir;
}

export const ROOT = packageRoot();

/** A file of fixtures/io, unpacked if it is stored packed. */
export function fixture(name: string): Buffer {
  const path = join(ROOT, "fixtures/io", name);
  return existsSync(path) ? readFileSync(path) : gunzipSync(readFileSync(`${path}.gz`));
}

export interface Expected {
  tensors: Record<string, { shape: number[]; data: number[] }>;
  mnist: { labels: number[]; sha256: string; normalised: number[] };
  cifar: { labels: number[]; sha256: string; normalised: number[] };
  tiny: { labels: number[]; sha256: string };
  jpeg: Record<string, string>;
}

/** What PyTorch, NumPy and Pillow read from the fixtures. */
export const expected = JSON.parse(fixture("expected.json").toString("utf8")) as Expected;

const scratch = mkdtempSync(join(tmpdir(), "io-test-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
let folders = 0;

/** Makes a temporary folder that holds the given files (names may contain slashes). */
export function folder(files: Record<string, Uint8Array | string> = {}): string {
  const dir = join(scratch, String(folders++));
  mkdirSync(dir);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), content);
  }
  return dir;
}

/** Runs `act`, which must fail with a typed one-line error of this exit code that matches `message`. */
export async function refuses(act: () => unknown, message: RegExp, exitCode = 65): Promise<void> {
  let error: unknown;
  try {
    await act();
  } catch (caught) {
    error = caught;
  }
  assert.ok(error !== undefined, `accepted what should have been refused with ${message}`);
  if (!(error instanceof InferlinkError)) throw error;
  assert.is(error.exitCode, exitCode);
  assert.match(error.message, message);
  assert.not.match(error.message, /\n/);
}

/** An idx file of unsigned bytes. */
export function idx(shape: number[], data: Uint8Array | number[], magic = 0x800 + shape.length): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt32BE(magic);
  shape.forEach((size, axis) => head.writeUInt32BE(size, 4 + 4 * axis));
  return Buffer.concat([head, Uint8Array.from(data)]);
}

/** A zip archive of stored entries, in the order given, without zip64 records. */
export function zip(entries: [name: string, content: Uint8Array][]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of entries) {
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50);
    head.writeUInt16LE(Buffer.byteLength(name), 26);
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(0x02014b50);
    entry.writeUInt32LE(crc32(content), 16);
    entry.writeUInt32LE(content.length, 20);
    entry.writeUInt32LE(content.length, 24);
    entry.writeUInt16LE(Buffer.byteLength(name), 28);
    entry.writeUInt32LE(at, 42);
    parts.push(head, Buffer.from(name), Buffer.from(content));
    directory.push(entry, Buffer.from(name));
    at += 30 + Buffer.byteLength(name) + content.length;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(Buffer.concat(directory).length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

/** A safetensors file. */
export function safetensors(header: unknown, body: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([head, text, body]);
}

/** A tar archive of plain files, or of an entry of another type. */
export async function tarball(files: [name: string, content: Uint8Array, type?: "symlink"][]): Promise<Buffer> {
  const pack = tar.pack();
  for (const [name, content, type] of files) {
    if (type) pack.entry({ name, type, linkname: "/etc/passwd" });
    else pack.entry({ name }, Buffer.from(content));
  }
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack as unknown as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
