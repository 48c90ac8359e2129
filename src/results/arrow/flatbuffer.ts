/** Reads flatbuffers, the encoding of Arrow's metadata, without trusting them: nothing outside the bytes is read, and no length is believed. */

/** Thrown where the bytes are no flatbuffer of the expected form. */
export class Malformed extends Error {}

const refuse = (what: string): never => {
  throw new Malformed(what);
};

export class FlatTable {
  readonly #view: DataView;
  readonly #at: number;
  readonly #slots: number;
  readonly #slotsEnd: number;

  private constructor(view: DataView, at: number) {
    this.#view = view;
    this.#at = at;
    this.#slots = at - view.getInt32(at, true);
    this.#slotsEnd = this.#slots + view.getUint16(this.#slots, true);
  }

  /** The outermost table. DataView refuses with a RangeError what lies outside. */
  static root(bytes: Uint8Array): FlatTable {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new FlatTable(view, view.getUint32(0, true));
  }

  /** Where a field's value lies, or null if it has its default. */
  #field(slot: number): number | null {
    const at = this.#slots + 4 + 2 * slot;
    const offset = at + 2 > this.#slotsEnd ? 0 : this.#view.getUint16(at, true);
    return offset === 0 ? null : this.#at + offset;
  }

  has(slot: number): boolean {
    return this.#field(slot) !== null;
  }

  u8(slot: number): number {
    const at = this.#field(slot);
    return at === null ? 0 : this.#view.getUint8(at);
  }

  i16(slot: number): number {
    const at = this.#field(slot);
    return at === null ? 0 : this.#view.getInt16(at, true);
  }

  i32(slot: number): number {
    const at = this.#field(slot);
    return at === null ? 0 : this.#view.getInt32(at, true);
  }

  /** A 64-bit count. */
  count(slot: number): number {
    const at = this.#field(slot);
    return at === null ? 0 : countAt(this.#view, at);
  }

  table(slot: number): FlatTable {
    const at = this.#field(slot) ?? refuse("a table is missing");
    return new FlatTable(this.#view, at + this.#view.getUint32(at, true));
  }

  text(slot: number): string {
    const at = this.#field(slot) ?? refuse("a text is missing");
    const start = at + this.#view.getUint32(at, true);
    return utf8(this.#view, start + 4, this.#view.getUint32(start, true));
  }

  /** Elements of a vector of at most `most` elements, `width` bytes each; none where there is no vector. */
  #vector(slot: number, width: number, most: number): number[] {
    const at = this.#field(slot);
    if (at === null) return [];
    const start = at + this.#view.getUint32(at, true);
    const length = this.#view.getUint32(start, true);
    if (length > most || start + 4 + length * width > this.#view.byteLength) refuse(`a vector of ${length} elements`);
    return Array.from({ length }, (_, i) => start + 4 + i * width);
  }

  tables(slot: number, most: number): FlatTable[] {
    return this.#vector(slot, 4, most).map((at) => new FlatTable(this.#view, at + this.#view.getUint32(at, true)));
  }

  /** A vector of structs, each of 64-bit counts alone. */
  counts(slot: number, fields: number, most: number): number[][] {
    return this.#vector(slot, 8 * fields, most).map((at) => Array.from({ length: fields }, (_, i) => countAt(this.#view, at + 8 * i)));
  }
}

function countAt(view: DataView, at: number): number {
  const value = Number(view.getBigInt64(at, true));
  return Number.isSafeInteger(value) && value >= 0 ? value : refuse(`a count of ${value}`);
}

/** Text of `length` bytes. */
export function utf8(view: DataView, at: number, length: number): string {
  if (at + length > view.byteLength) refuse("a text that reaches outside");
  return Buffer.from(view.buffer as ArrayBuffer, view.byteOffset + at, length).toString("utf8");
}
