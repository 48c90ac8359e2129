/**
 * Reads Arrow files and streams of the few schemas that results have. apache-arrow believes every length in a file, and a few
 * changed bytes keep it busy until memory is full; here what a file costs is bounded by its size.
 * (Format: Apache Arrow Columnar Format 1.5, https://arrow.apache.org/docs/format/Columnar.html)
 */
import { InputError } from "../../errors.js";
import type { Column, ColumnType } from "../../tables/table.js";
import { FlatTable, Malformed, utf8 } from "./flatbuffer.js";

/** A column as the file describes it; `type` is null for one that results never have. */
export interface FoundColumn {
  name: string;
  type: ColumnType | null;
  nullable: boolean;
}

export interface FoundSchema {
  columns: FoundColumn[];
  metadata: Map<string, string>;
}

type Values = Record<string, string | number | boolean | null>;

export interface ArrowContents {
  schema: FoundSchema;
  /** Rows of each record batch. */
  batches: Values[][];
}

const MAGIC = Buffer.from("ARROW1", "latin1");
const CONTINUATION = 0xffffffff;
const SCHEMA = 1;
const RECORD_BATCH = 3;
const MAX_COLUMNS = 1000;
const MAX_PAIRS = 1000;
const MAX_BATCHES = 10_000_000;

/** Bytes of a value, or of the place where a text ends. */
const WIDTH: Record<ColumnType, number> = { int32: 4, float32: 4, float64: 8, utf8: 4, boolean: 1 / 8 };

/** Numbers of Type in Arrow's Schema.fbs. */
function typeOf(field: FlatTable): ColumnType | null {
  switch (field.u8(2)) {
    case 2: return field.table(3).i32(0) === 32 && field.table(3).u8(1) === 1 ? "int32" : null;
    case 3: return ([null, "float32", "float64"] as const)[field.table(3).i16(0)] ?? null;
    case 5: return "utf8";
    case 6: return "boolean";
    default: return null;
  }
}

function readSchema(table: FlatTable): FoundSchema {
  const columns = table.tables(1, MAX_COLUMNS).map((field): FoundColumn => {
    const plain = !field.has(4) && field.tables(5, MAX_COLUMNS).length === 0;
    return { name: field.text(0), type: plain ? typeOf(field) : null, nullable: field.u8(1) === 1 };
  });
  const littleEndian = table.i16(0) === 0;
  if (!littleEndian) throw new Malformed("big-endian");
  return { columns, metadata: new Map(table.tables(2, MAX_PAIRS).map((pair) => [pair.text(0), pair.text(1)])) };
}

/** Hands out the buffers of a record batch's body in their order; they may not overlap. */
class Body {
  #next = 0;
  #end = 0;

  constructor(readonly bytes: Uint8Array, readonly buffers: number[][]) {}

  take(least: number): DataView {
    const [offset, length] = this.buffers[this.#next++] ?? [0, -1];
    if (length < least || offset < this.#end || offset + length > this.bytes.length) throw new Malformed(`buffer ${this.#next}`);
    this.#end = offset + length;
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + offset, length);
  }

  checkUsed(): void {
    if (this.#next !== this.buffers.length) throw new Malformed("more buffers than columns have");
  }
}

const bit = (bits: DataView, i: number): boolean => ((bits.getUint8(i >> 3) >> (i & 7)) & 1) === 1;

/** What gives a column's value in a row. */
function columnReader(type: ColumnType, rows: number, body: Body): (row: number) => string | number | boolean {
  if (type === "boolean") {
    const bits = body.take(Math.ceil(rows / 8));
    return (row) => bit(bits, row);
  }
  if (type !== "utf8") {
    const values = body.take(rows * WIDTH[type]);
    if (type === "int32") return (row) => values.getInt32(4 * row, true);
    return type === "float32" ? (row) => values.getFloat32(4 * row, true) : (row) => values.getFloat64(8 * row, true);
  }
  const offsets = body.take(4 * (rows + 1));
  const text = body.take(0);
  let [end, last] = [offsets.getInt32(0, true), ""];
  if (end < 0) throw new Malformed("a negative offset");
  return (row) => {
    const start = end;
    end = offsets.getInt32(4 * row + 4, true);
    if (end < start) throw new Malformed("offsets that go back");
    // Rows that follow each other mostly say the same: keep one string of it.
    const value = utf8(text, start, end - start);
    if (value !== last) last = value;
    return last;
  };
}

function readBatch(table: FlatTable, columns: readonly Column[], bytes: Uint8Array): Values[] {
  const length = table.count(0);
  const nodes = table.counts(1, 2, columns.length);
  const body = new Body(bytes, table.counts(2, 2, 3 * columns.length));
  const least = columns.reduce((sum, { type }) => sum + length * WIDTH[type], 0);
  if (table.has(3) || nodes.length !== columns.length || length === 0 || least > bytes.length) throw new Malformed("a batch of another form");
  const rows: Values[] = Array.from({ length }, () => ({}));
  columns.forEach(({ name, type, nullable }, c) => {
    const [entries, nulls] = nodes[c];
    if (entries !== length || nulls > (nullable ? length : 0)) throw new Malformed(`column ${name}`);
    const valid = body.take(nulls > 0 ? Math.ceil(length / 8) : 0);
    const value = columnReader(type, length, body);
    for (let row = 0; row < length; row++) {
      const found = value(row);
      rows[row][name] = nulls === 0 || bit(valid, row) ? found : null;
    }
  });
  body.checkUsed();
  return rows;
}

interface Message {
  type: number;
  header: FlatTable;
  body: Uint8Array;
  /** Byte behind it. */
  end: number;
}

/** The message at a byte; null at the end of a stream, or where the rest of it is missing. */
function readMessage(bytes: Uint8Array, at: number): Message | null {
  if (at + 8 > bytes.length) return null;
  const head = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
  const length = head.getUint32(4, true);
  if (head.getUint32(0, true) !== CONTINUATION) throw new Malformed(`no message at byte ${at}`);
  if (length === 0 || at + 8 + length > bytes.length) return null;
  const message = FlatTable.root(bytes.subarray(at + 8, at + 8 + length));
  const start = at + 8 + length;
  const end = start + message.count(3);
  return end > bytes.length ? null : { type: message.u8(1), header: message.table(2), body: bytes.subarray(start, end), end };
}

/** Refuses a schema that is none of ours. @returns what the rows have of an older version of it */
type SchemaCheck = (schema: FoundSchema) => readonly Column[] | void;

function readStream(bytes: Uint8Array, current: readonly Column[], check: SchemaCheck): ArrowContents {
  const first = readMessage(bytes, 0);
  if (first?.type !== SCHEMA) throw new Malformed("no schema");
  const schema = readSchema(first.header);
  const columns = check(schema) ?? current;
  const batches: Values[][] = [];
  try {
    for (let next = readMessage(bytes, first.end); next; next = readMessage(bytes, next.end)) {
      if (next.type !== RECORD_BATCH) throw new Malformed(`a message of type ${next.type}`);
      batches.push(readBatch(next.header, columns, next.body));
    }
  } catch (error) {
    // A torn write leaves anything at all behind the last whole batch.
    if (batches.length === 0) throw error;
  }
  return { schema, batches };
}

/** The file format: the schema and the places of the record batches stand at the end. */
function readFileFormat(bytes: Uint8Array, current: readonly Column[], check: SchemaCheck): ArrowContents {
  const tail = bytes.length - MAGIC.length - 4;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = tail - view.getInt32(tail, true);
  if (!MAGIC.equals(bytes.subarray(-MAGIC.length)) || start < 8 || start > tail) throw new Malformed("no footer");
  const footer = FlatTable.root(bytes.subarray(start, tail));
  const schema = readSchema(footer.table(1));
  const columns = check(schema) ?? current;
  if (footer.counts(2, 3, MAX_COLUMNS).length > 0) throw new Malformed("dictionaries");
  let end = 8;
  const batches = footer.counts(3, 3, MAX_BATCHES).map(([offset, , bodyLength]) => {
    const message = offset < end ? null : readMessage(bytes.subarray(0, start), offset);
    if (message?.type !== RECORD_BATCH || message.body.length !== bodyLength) throw new Malformed(`no record batch at byte ${offset}`);
    end = message.end;
    return readBatch(message.header, columns, message.body);
  });
  return { schema, batches };
}

/**
 * Reads an Arrow file, which has to be whole, or a stream, of which a cut end is left out.
 * @param columns what the rows have
 * @param check refuses a schema that is not theirs, and tells the columns of an older version
 * @throws InputError for anything else, and what `check` throws
 */
export function readArrow(path: string, bytes: Uint8Array, columns: readonly Column[], check: SchemaCheck): ArrowContents {
  try {
    const isFile = MAGIC.equals(bytes.subarray(0, MAGIC.length));
    const contents = isFile ? readFileFormat(bytes, columns, check) : readStream(bytes, columns, check);
    if (contents.batches.length === 0) throw new Malformed("no rows");
    return contents;
  } catch (error) {
    if (error instanceof Malformed || error instanceof RangeError) throw new InputError(path, "is no Arrow file of results, or was cut or changed; make the run anew", { cause: error });
    throw error;
  }
}
