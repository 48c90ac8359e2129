/** JSON as PyTorch writes it: Python's, with Infinity and NaN as words in older versions, and integers beyond 2^53. */
import { isUtf8 } from "node:buffer";
import { InputError } from "../../errors.js";
import type { ByteSource } from "../source.js";

export type Json = null | boolean | number | bigint | string | Json[] | JsonObject;
/** Not a plain object: no key of a file means anything to the language. */
export type JsonObject = Map<string, Json>;

/** The graph of a thousand layers takes about 15 MB. */
const MAX_BYTES = 1 << 26;
const MAX_VALUES = 1 << 22;
const MAX_DEPTH = 128;
const MAX_DIGITS = 400;

const WORDS = new Map<string, Json>([["true", true], ["false", false], ["null", null], ["Infinity", Infinity], ["-Infinity", -Infinity], ["NaN", NaN]]);
const SPACE = /[ \t\n\r]*/y;
const WORD = /-?[A-Za-z]+/y;
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
/** Up to the closing quote. */
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"/ys;

class Parser {
  #at = 0;
  #left = MAX_VALUES;

  constructor(readonly file: string, readonly what: string, readonly text: string) {}

  refuse(problem: string): never {
    throw new InputError(this.file, `has a part ${this.what} that ${problem}; it is damaged, export it again`);
  }

  #malformed(): never {
    this.refuse(`is not JSON (character ${this.#at})`);
  }

  /** What an expression matches here, or null; moves behind it. */
  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.text);
    if (match) this.#at = expression.lastIndex;
    return match;
  }

  #takes(char: string): boolean {
    this.#match(SPACE);
    if (this.text[this.#at] !== char) return false;
    this.#at++;
    return true;
  }

  #string(): string {
    const match = this.#match(STRING);
    try {
      return JSON.parse(match![0]) as string;
    } catch {
      return this.#malformed();
    }
  }

  #number(): number | bigint {
    const match = this.#match(NUMBER);
    if (!match || match[0].length > MAX_DIGITS) return this.#malformed();
    const value = Number(match[0]);
    return match[1] ?? match[2] ?? Number.isSafeInteger(value) ? value : BigInt(match[0]);
  }

  value(depth: number): Json {
    if (depth > MAX_DEPTH) this.refuse("is nested deeper than any graph");
    if (--this.#left < 0) this.refuse("holds more values than any graph needs");
    if (this.#takes("[")) return this.#list(depth);
    if (this.#takes("{")) return this.#object(depth);
    if (this.text[this.#at] === '"') return this.#string();
    const word = this.#match(WORD);
    if (!word) return this.#number();
    const value = WORDS.get(word[0]);
    return value === undefined ? this.#malformed() : value;
  }

  #list(depth: number): Json[] {
    const items: Json[] = [];
    if (this.#takes("]")) return items;
    do items.push(this.value(depth + 1));
    while (this.#takes(","));
    return this.#takes("]") ? items : this.#malformed();
  }

  #object(depth: number): JsonObject {
    const entries: JsonObject = new Map();
    if (this.#takes("}")) return entries;
    do {
      this.#match(SPACE);
      const key = this.#string();
      if (entries.has(key)) this.refuse(`says ${JSON.stringify(key.slice(0, 80))} twice`);
      if (!this.#takes(":")) this.#malformed();
      entries.set(key, this.value(depth + 1));
    } while (this.#takes(","));
    return this.#takes("}") ? entries : this.#malformed();
  }

  end(): void {
    this.#match(SPACE);
    if (this.#at !== this.text.length) this.#malformed();
  }
}

/**
 * @param what the part's name, for messages
 * @returns its value; whole numbers beyond 2^53 as bigint
 * @throws InputError for what is not JSON, says a key twice, or is larger or deeper than any graph
 */
export function parseJson(source: ByteSource, what: string): Json {
  const { file } = source;
  if (source.size > MAX_BYTES) throw new InputError(file, `has a part ${what} of ${source.size} bytes, more than any graph needs; it is damaged or hostile`);
  const bytes = Buffer.from(source.read(0, source.size).buffer);
  if (!isUtf8(bytes)) throw new InputError(file, `has a part ${what} that is not UTF-8; it is damaged, export it again`);
  const parser = new Parser(file, what, bytes.toString("utf8"));
  const value = parser.value(0);
  parser.end();
  return value;
}
