/** Writes zip archives of stored entries. The same entries give the same bytes: there are no times in them. */
import { crc32 } from "node:zlib";

/** Contents begin at multiples of this, as torch.save's do, so that files may be mapped into memory. */
const ALIGNMENT = 64;
/** Sizes and offsets have 32 bits. */
const MOST_BYTES = 2 ** 32 - 1;
const VERSION = 20;
/** 1980-01-01, before which the format knows no day. */
const DATE = 0x21;
/** An extra field of this kind is what fills the room in front of a content. */
const PADDING = 0x4246;

/** @param entries name and content, in the order of the archive */
export function zipBytes(entries: readonly (readonly [name: string, content: Uint8Array])[]): Buffer {
  const parts: Uint8Array[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, content] of entries) {
    const title = Buffer.from(name);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(VERSION, 0);
    common.writeUInt16LE(DATE, 8);
    common.writeUInt32LE(crc32(content), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(content.length, 18);
    common.writeUInt16LE(title.length, 22);
    const padding = Buffer.alloc(4 + ((ALIGNMENT - ((at + 30 + title.length + 4) % ALIGNMENT)) % ALIGNMENT));
    padding.writeUInt16LE(PADDING, 0);
    padding.writeUInt16LE(padding.length - 4, 2);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, title, padding]);
    local.writeUInt16LE(padding.length, 28);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02", "latin1"), Buffer.of(VERSION, 0), common, rest, title]));
    parts.push(local, content);
    at += local.length + content.length;
    if (at > MOST_BYTES) throw new RangeError(`an archive of more than ${MOST_BYTES} bytes`);
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...parts, central, end]);
}
