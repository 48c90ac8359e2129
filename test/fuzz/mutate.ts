/** Damages files in ways that know what files are made of: numbers, opcodes, pieces that come again, pieces of other files. */
import fc from "fast-check";

/** A file to damage. */
export interface Seed {
  bytes: Buffer;
  /** Where something begins: an opcode, a header, a field. */
  marks: number[];
}

/** One change. All are numbers, so that a failing case shrinks to a small one. */
export interface Edit {
  kind: number;
  place: number;
  spot: number;
  value: number;
  bytes: Uint8Array;
}

/** A case: which seed, and what is changed. */
export interface Case {
  seed: number;
  edits: Edit[];
}

const edit = fc.record({ kind: fc.nat(99), place: fc.nat(99), spot: fc.nat(), value: fc.nat(), bytes: fc.uint8Array({ minLength: 1, maxLength: 8, size: "max" }) });

/** Mostly one change: of many the first one found hides the others. */
export const cases: fc.Arbitrary<Case> = fc.record({
  seed: fc.nat(999),
  edits: fc.oneof(
    { weight: 3, arbitrary: fc.tuple(edit) as fc.Arbitrary<Edit[]> },
    { weight: 2, arbitrary: fc.array(edit, { minLength: 2, maxLength: 4, size: "max" }) },
  ),
});

const BOUNDARIES = [0n, 1n, 2n, 0x7fn, 0x80n, 0xffn, 0x100n, 0x7fffn, 0xffffn, 0x10000n, 1n << 20n, 0x7fffffffn, 1n << 31n, 0xfffffffen, 0xffffffffn, 1n << 32n, (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n];

/** Somewhere in the file; often where something begins, and near its ends. */
function position({ place, spot }: Edit, { length }: Buffer, marks: number[]): number {
  if (place < 50 && marks.length > 0) return Math.min(length - 1, marks[spot % marks.length]);
  if (place < 70) return spot % length;
  return place < 85 ? spot % Math.min(length, 300) : length - 1 - (spot % Math.min(length, 200));
}

/** A number of 1, 2, 4 or 8 bytes: a boundary, or next to the file's size. */
function number({ value }: Edit, size: number): Buffer {
  const width = [1, 2, 4, 8][value & 3];
  const pick = value >>> 3;
  const full = pick % 4 === 0 ? BigInt(size) + BigInt((pick >>> 2) % 5) - 2n : BOUNDARIES[(pick >>> 2) % BOUNDARIES.length];
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, full));
  const narrow = Buffer.from(bytes.subarray(0, width));
  return (value & 4) === 0 ? narrow : narrow.reverse();
}

function over(file: Buffer, at: number, bytes: Uint8Array): Buffer {
  const copy = Buffer.from(file);
  copy.set(bytes.subarray(0, copy.length - at), at);
  return copy;
}

const instead = (file: Buffer, at: number, length: number, bytes: Uint8Array): Buffer => Buffer.concat([file.subarray(0, at), bytes, file.subarray(at + length)]);

function apply(file: Buffer, edit: Edit, marks: number[], others: Seed[], tokens: Buffer[]): Buffer {
  if (file.length === 0) return file;
  const { kind, value, bytes } = edit;
  const at = position(edit, file, marks);
  const to = position({ ...edit, spot: value }, file, marks);
  const [from, end] = [Math.min(at, to), Math.max(at, to)];
  const token = tokens.length > 0 ? tokens[value % tokens.length] : Buffer.from(bytes);
  const other = others[value % others.length].bytes;
  if (kind < 14) return over(file, at, Uint8Array.of(file[at] ^ (1 << (value & 7))));
  if (kind < 26) return over(file, at, bytes);
  if (kind < 44) return over(file, at, number(edit, file.length));
  if (kind < 54) return over(file, at, token);
  if (kind < 64) return instead(file, at, 0, token);
  if (kind < 69) return instead(file, at, bytes.length, new Uint8Array(0));
  if (kind < 74) return file.subarray(0, at);
  if (kind < 80) return instead(file, at, 0, file.subarray(from, Math.min(end, from + 400)));
  if (kind < 84) return instead(file, at, 0, Buffer.concat(Array<Buffer>(1 + (value % 50)).fill(file.subarray(from, Math.min(end, from + 40)))));
  if (kind < 92) return instead(file, at, kind < 88 ? 0 : 40, other.subarray(to % other.length, (to % other.length) + 40));
  return instead(file, from, end - from, Buffer.from(file.subarray(from, end)).reverse().subarray(0, 2000));
}

/** The case's file. @param tokens what files of its kind are written with */
export function mutate({ seed, edits }: Case, seeds: Seed[], tokens: Buffer[]): Buffer {
  const { bytes, marks } = seeds[seed % seeds.length];
  return edits.reduce((file, edit) => apply(file, edit, marks, seeds, tokens), bytes);
}
