import { isUtf8 } from "node:buffer";
import { InputError } from "../../errors.js";
import { PartSource, type ByteSource } from "../source.js";

const WINDOW = 8192;

/** Reads a source forwards through a small window; bytes that are skipped are never loaded. */
export class Cursor {
  #window: DataView = new DataView(new ArrayBuffer(0));
  #bytes = Buffer.alloc(0);
  #windowStart = 0;

  constructor(readonly source: ByteSource, public position = 0) {}

  /** Moves past `length` bytes and says where they lie in the window. */
  #take(length: number): number {
    let at = this.position - this.#windowStart;
    if (at < 0 || at + length > this.#window.byteLength) {
      const left = this.source.size - this.position;
      if (length > left) throw new InputError(this.source.file, `is cut short at byte ${this.source.size}; copy or download it again`);
      this.#window = new DataView(this.source.read(this.position, Math.min(left, Math.max(length, WINDOW))).buffer);
      this.#bytes = Buffer.from(this.#window.buffer as ArrayBuffer);
      this.#windowStart = this.position;
      at = 0;
    }
    this.position += length;
    return at;
  }

  u8(): number {
    const at = this.#take(1);
    return this.#window.getUint8(at);
  }

  u16(): number {
    const at = this.#take(2);
    return this.#window.getUint16(at, true);
  }

  u32(): number {
    const at = this.#take(4);
    return this.#window.getUint32(at, true);
  }

  i32(): number {
    const at = this.#take(4);
    return this.#window.getInt32(at, true);
  }

  /** A 64-bit length; anything too long for the source is an error here, before it is used. */
  length64(): number {
    const at = this.#take(8);
    return Number(this.#window.getBigUint64(at, true));
  }

  /** Big-endian, as pickle stores it. */
  f64(): number {
    const at = this.#take(8);
    return this.#window.getFloat64(at, false);
  }

  /** UTF-8 text of `length` bytes. */
  text(length: number): string {
    const at = this.#take(length);
    const text = this.#bytes.toString("utf8", at, at + length);
    // Bytes that are no UTF-8 become U+FFFD, and two names could become one.
    if (text.includes("\ufffd") && !isUtf8(this.#bytes.subarray(at, at + length))) {
      throw new InputError(this.source.file, `holds text that is no UTF-8 (byte ${this.position} of its pickle); it is damaged or hostile`);
    }
    return text;
  }

  /** A little-endian two's-complement integer of `length` bytes; a plain number where that is exact. */
  integer(length: number): number | bigint {
    const at = this.#take(length);
    if (length === 0) return 0;
    if (length <= 6) return this.#bytes.readIntLE(at, length);
    let value = BigInt(this.#bytes.readInt8(at + length - 1));
    for (let i = length - 2; i >= 0; i--) value = (value << 8n) | BigInt(this.#bytes[at + i]);
    const small = Number(value);
    return Number.isSafeInteger(small) ? small : value;
  }

  /** The next `length` bytes as a source of their own, unread. */
  skip(length: number): ByteSource {
    const part = new PartSource(this.source, this.position, length);
    this.position += length;
    return part;
  }

  /** Text up to a newline, at most `limit` bytes. */
  line(limit: number): string {
    const codes: number[] = [];
    for (let code = this.u8(); code !== 10; code = this.u8()) {
      if (codes.length === limit) throw new InputError(this.source.file, `holds a name of over ${limit} bytes in its pickle; it is damaged or hostile`);
      codes.push(code);
    }
    return Buffer.from(codes).toString("utf8");
  }
}
