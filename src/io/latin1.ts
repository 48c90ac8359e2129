import { InputError } from "../errors.js";
import { forEachChunk, type ByteSource } from "./source.js";

/** A long string of a pickle, left in the file as UTF-8. */
export class LazyText {
  constructor(readonly utf8: ByteSource) {}
}

const STEP = 1 << 16;

/**
 * The bytes that a text encodes in latin-1, decoded when they are read. Bytes from 128 take two bytes of UTF-8, so where every
 * 65,536th byte lies is remembered. Throws InputError if the text holds anything beyond latin-1.
 */
export class Latin1Source implements ByteSource {
  readonly file: string;
  readonly size: number;
  readonly #utf8: ByteSource;
  /** Byte of the text at which byte `i * STEP` of the result starts. */
  readonly #starts: number[] = [];

  constructor({ utf8 }: LazyText) {
    this.file = utf8.file;
    this.#utf8 = utf8;
    let size = 0;
    let at = 0;
    let lead = false;
    forEachChunk(utf8, (chunk) => {
      for (const byte of chunk) {
        const follows = (byte & 0xc0) === 0x80;
        // In latin-1 a character is ASCII, or 0xC2 or 0xC3 and one more byte.
        if (follows !== lead || byte > 0xc3 || byte === 0xc0 || byte === 0xc1) this.#refuse();
        if (!follows) {
          if (size % STEP === 0) this.#starts.push(at);
          size++;
        }
        lead = byte > 0xc1;
        at++;
      }
    });
    if (lead) this.#refuse();
    this.size = size;
  }

  #refuse(): never {
    throw new InputError(this.file, "holds text where bytes are expected; it is damaged or hostile");
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) throw new InputError(this.file, "is cut short inside a string of bytes; save it again");
    const out = new Uint8Array(length);
    if (length === 0) return out;
    const block = Math.floor(offset / STEP);
    let skip = offset - block * STEP;
    let done = 0;
    for (let at = this.#starts[block]; done < length; ) {
      const text = this.#utf8.read(at, Math.min(this.#utf8.size - at, 2 * (skip + length - done) + 1));
      // Without its last bytes the text would never come to an end.
      if (text.length === 0 || (text.length === 1 && text[0] >= 0xc0)) throw new InputError(this.file, "was changed while it was read; wait until it is complete");
      let i = 0;
      for (; i + 1 <= text.length && done < length; i++) {
        let byte = text[i];
        if (byte >= 0xc0) {
          if (i + 1 === text.length) break;
          byte = ((byte & 3) << 6) | (text[++i] & 0x3f);
        }
        if (skip > 0) skip--;
        else out[done++] = byte;
      }
      at += i;
    }
    return out;
  }
}
