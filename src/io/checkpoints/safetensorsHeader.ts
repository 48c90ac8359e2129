/** The JSON header of a safetensors file, read byte by byte in the one form it may have: what it costs stays within its own size. */
import { isUtf8 } from "node:buffer";
import { InputError } from "../../errors.js";

/** What the header says of one tensor; `from` and `to` count from the end of the header. */
export interface TensorEntry {
  name: string;
  dtype: string;
  shape: number[];
  from: number;
  to: number;
}

const MAX_TENSORS = 100_000;
const MAX_NAME = 2048;
const MAX_RANK = 16;
const METADATA = "__metadata__";
const [QUOTE, BACKSLASH, ZERO, NINE] = [0x22, 0x5c, 0x30, 0x39];

/** Reads tokens of JSON forwards. */
class Scanner {
  #at = 0;

  constructor(readonly file: string, readonly bytes: Buffer) {}

  refuse(what: string): never {
    throw new InputError(this.file, `${what}; it is damaged, save or download it again`);
  }

  malformed(): never {
    this.refuse(`has a safetensors header that is not JSON of its format (byte ${this.#at})`);
  }

  #space(): void {
    for (let byte = this.bytes[this.#at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; ) byte = this.bytes[++this.#at];
  }

  /** Moves past a character if it is the next one. */
  takes(char: string): boolean {
    this.#space();
    if (this.bytes[this.#at] !== char.charCodeAt(0)) return false;
    this.#at++;
    return true;
  }

  expect(char: string): void {
    if (!this.takes(char)) this.malformed();
  }

  /** Moves past a string. @returns where its characters lie, and whether some are escaped */
  #quoted(): { from: number; to: number; escaped: boolean } {
    this.expect('"');
    const from = this.#at;
    let escaped = false;
    for (let byte = this.bytes[this.#at]; byte !== QUOTE; byte = this.bytes[++this.#at]) {
      // The end of the bytes is undefined, and no comparison with it holds.
      if (!(byte >= 0x20)) this.malformed();
      if (byte !== BACKSLASH) continue;
      escaped = true;
      this.#at++;
    }
    return { from, to: this.#at++, escaped };
  }

  skipText(): void {
    this.#quoted();
  }

  text(): string {
    const { from, to, escaped } = this.#quoted();
    if (to - from > MAX_NAME) this.refuse(`has a name of over ${MAX_NAME} bytes in its safetensors header`);
    const text = this.bytes.toString("utf8", from, to);
    if (!escaped) return text;
    try {
      const plain = JSON.parse(`"${text}"`) as string;
      if (!/\p{Surrogate}/u.test(plain)) return plain;
    } catch {
      // Refused below.
    }
    return this.malformed();
  }

  /** A whole number from 0 to 2^53 - 1, or null. */
  #count(): number | null {
    this.#space();
    const from = this.#at;
    while (this.bytes[this.#at] >= ZERO && this.bytes[this.#at] <= NINE) this.#at++;
    const length = this.#at - from;
    if (length === 0 || length > 16 || (length > 1 && this.bytes[from] === ZERO)) return null;
    const value = Number(this.bytes.toString("latin1", from, this.#at));
    return Number.isSafeInteger(value) ? value : null;
  }

  /** A list of at most `limit` counts, or null. */
  counts(limit: number): number[] | null {
    const values: number[] = [];
    if (!this.takes("[")) return null;
    if (this.takes("]")) return values;
    for (;;) {
      const value = this.#count();
      if (value === null || values.push(value) > limit) return null;
      if (this.takes("]")) return values;
      if (!this.takes(",")) return null;
    }
  }

  /** Calls `read` behind the colon of each key of an object. */
  object(read: (key: string) => void): void {
    this.expect("{");
    if (this.takes("}")) return;
    do {
      const key = this.text();
      this.expect(":");
      read(key);
    } while (this.takes(","));
    this.expect("}");
  }

  end(): void {
    this.#space();
    if (this.#at !== this.bytes.length) this.malformed();
  }
}

function readTensor(scanner: Scanner, name: string): TensorEntry {
  const shown = JSON.stringify(name.slice(0, 120));
  const entry: { dtype?: string; shape?: number[]; data_offsets?: number[] } = {};
  scanner.object((key) => {
    if (Object.hasOwn(entry, key)) scanner.refuse(`gives tensor ${shown} its ${key} twice`);
    if (key === "dtype") entry.dtype = scanner.text();
    else if (key === "shape" || key === "data_offsets") {
      entry[key] = scanner.counts(MAX_RANK) ?? scanner.refuse(`gives tensor ${shown} a shape or range that makes no sense`);
    } else scanner.malformed();
  });
  const { dtype, shape, data_offsets: range } = entry;
  if (dtype === undefined || shape === undefined || range?.length !== 2) return scanner.refuse(`gives tensor ${shown} no type, shape or range that makes sense`);
  return { name, dtype, shape, from: range[0], to: range[1] };
}

/**
 * @param bytes the header alone
 * @returns what it says of each tensor, in its order
 * @throws InputError for anything but an object of tensors, each with a type, a shape and a range, and texts under __metadata__
 */
export function readHeader(file: string, bytes: Buffer): TensorEntry[] {
  const scanner = new Scanner(file, bytes);
  if (!isUtf8(bytes)) scanner.refuse("has a safetensors header that is not UTF-8");
  const entries: TensorEntry[] = [];
  const names = new Set<string>();
  scanner.object((name) => {
    if (names.has(name)) scanner.refuse(`names ${JSON.stringify(name.slice(0, 120))} twice in its safetensors header`);
    if (names.add(name).size > MAX_TENSORS) scanner.refuse(`names over ${MAX_TENSORS} tensors`);
    if (name === METADATA) scanner.object(() => scanner.skipText());
    else entries.push(readTensor(scanner, name));
  });
  scanner.end();
  return entries;
}
