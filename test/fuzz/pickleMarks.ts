/** Where the opcodes of a good pickle begin. */
import { OP } from "../../src/io/checkpoints/pickleOps.js";

/** Bytes of an opcode's argument; a text's or blob's are its length's, and the content follows. */
const FIXED: Record<number, number> = {
  [OP.PROTO]: 1, [OP.FRAME]: 8, [OP.BININT]: 4, [OP.BININT1]: 1, [OP.BININT2]: 2, [OP.BINFLOAT]: 8,
  [OP.BINPUT]: 1, [OP.LONG_BINPUT]: 4, [OP.BINGET]: 1, [OP.LONG_BINGET]: 4,
};
const LENGTH: Record<number, 1 | 4 | 8> = {
  [OP.LONG1]: 1, [OP.LONG4]: 4, [OP.BINUNICODE]: 4, [OP.SHORT_BINUNICODE]: 1, [OP.BINUNICODE8]: 8, [OP.BINSTRING]: 4, [OP.SHORT_BINSTRING]: 1,
  [OP.BINBYTES]: 4, [OP.SHORT_BINBYTES]: 1, [OP.BINBYTES8]: 8, [OP.BYTEARRAY8]: 8,
};

/** Opcodes of the pickles in the bytes, one after the other, up to the end or to what is no pickle. */
export function pickleMarks(bytes: Buffer, start = 0): number[] {
  const marks: number[] = [];
  for (let at = start; at < bytes.length; ) {
    const op = bytes[at];
    marks.push(at);
    if (op === OP.GLOBAL) at = bytes.indexOf(10, bytes.indexOf(10, at) + 1) + 1;
    else if (op in LENGTH) at += 1 + LENGTH[op] + bytes.readUIntLE(at + 1, Math.min(6, LENGTH[op]));
    else at += 1 + (FIXED[op] ?? 0);
    if (op === OP.STOP && bytes[at] !== OP.PROTO) break;
  }
  return marks;
}
