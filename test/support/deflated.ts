import { deflateRawSync } from "node:zlib";
import { zip } from "./io.js";

/** A zip archive of compressed entries; sizes and packed bytes may be made wrong. */
export function deflated(entries: [name: string, content: Uint8Array, size?: number, packed?: Uint8Array][]): Buffer {
  const file = zip(entries.map(([name, content, , packed]) => [name, packed ?? deflateRawSync(content)]));
  const plain = zip(entries.map(([name, content]) => [name, content]));
  let [at, from, original] = [0, file.indexOf("PK\x01\x02"), plain.indexOf("PK\x01\x02")];
  for (const [name, content, size] of entries) {
    const crc = plain.readUInt32LE(original + 16);
    const packed = file.readUInt32LE(from + 20);
    for (const [start, shift] of [[at, -2], [from, 0]]) {
      file.writeUInt16LE(8, start + 10 + shift);
      file.writeUInt32LE(crc, start + 16 + shift);
      file.writeUInt32LE(size ?? content.length, start + 24 + shift);
    }
    at += 30 + Buffer.byteLength(name) + packed;
    from += 46 + Buffer.byteLength(name);
    original += 46 + Buffer.byteLength(name);
  }
  return file;
}
