/** Numbers as text that reads back exactly. */
import type { ColumnType } from "./table.js";

/** Digits that tell any float32 from its neighbours. */
const FLOAT32_DIGITS = 9;

const plain = (value: number): string => (Object.is(value, -0) ? "-0" : String(value));

/** The shortest decimal that rounds to this float32: 0.1, not 0.10000000149011612. */
export function float32Text(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return plain(value);
  for (let digits = 1; digits < FLOAT32_DIGITS; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return plain(short);
  }
  return plain(Number(value.toPrecision(FLOAT32_DIGITS)));
}

/** Shortest text of a number of a column: `1e-7`, `-0`, `NaN`, `Infinity`. */
export function numberText(type: ColumnType, value: number): string {
  return type === "float32" ? float32Text(value) : plain(value);
}
