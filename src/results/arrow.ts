/**
 * Writes results.arrow. While the run goes on, finished layers are appended to results.partial.arrows (Arrow stream
 * format, readable up to the last whole batch however the run ends); at the end they become an Arrow file, sorted,
 * put in place at once. The result lives in memory once while that happens: some 200 bytes per row.
 */
import { open, readFile, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { RecordBatchReader, Table, tableFromIPC, type RecordBatch, type Schema } from "apache-arrow";
import { FileSystemError, InputError } from "../errors.js";
import { fileBytes } from "../tables/arrow.js";
import { streamBatch, streamHead, toBatch, toRows } from "./batch.js";
import { onFile, replaceFile, writeWhole } from "./durable.js";
import type { Row } from "./row.js";
import { resultSchema, schemaProblem, type ResultMetadata } from "./schema.js";

export const RESULTS = "results.arrow";
export const PARTIAL = "results.partial.arrows";

export class ResultWriter {
  readonly path: string;
  readonly #head: Uint8Array;
  readonly #batches = new Map<number, RecordBatch>();

  private constructor(
    folder: string,
    private readonly schema: Schema,
    private readonly partialPath: string,
    private readonly partial: FileHandle,
  ) {
    this.path = join(folder, RESULTS);
    this.#head = streamHead(schema);
  }

  /** Starts the stream anew. */
  static async open(folder: string, metadata: ResultMetadata): Promise<ResultWriter> {
    const schema = resultSchema(metadata);
    const partialPath = join(folder, PARTIAL);
    await replaceFile(partialPath, streamHead(schema));
    return new ResultWriter(folder, schema, partialPath, await onFile(partialPath, () => open(partialPath, "a")));
  }

  /** Rows of finished groups so far. */
  get rows(): number {
    let rows = 0;
    for (const batch of this.#batches.values()) rows += batch.numRows;
    return rows;
  }

  /** Appends one finished group durably. `order` is its place in the sorted result. */
  async write(order: number, rows: Row[]): Promise<void> {
    const batch = toBatch(this.schema, rows);
    this.#batches.set(order, batch);
    await onFile(this.partialPath, async () => {
      await writeWhole(this.partial, streamBatch(this.#head, batch));
      await this.partial.sync();
    });
  }

  /** Puts results.arrow in place, sorted by group, and checks that it reads back whole. */
  async finish(): Promise<number> {
    const batches = [...this.#batches.entries()].sort(([a], [b]) => a - b).map(([, batch]) => batch);
    await replaceFile(this.path, fileBytes(this.schema, batches));
    const written = tableFromIPC(await onFile(this.path, () => readFile(this.path))).numRows;
    if (written !== this.rows) throw new FileSystemError(this.path, `${written} rows came back of the ${this.rows} written; run the same command again`);
    await this.close();
    await onFile(this.partialPath, () => rm(this.partialPath, { force: true }));
    return written;
  }

  /** Leaves the stream as it is. */
  async close(): Promise<void> {
    await onFile(this.partialPath, () => this.partial.close());
  }
}

export interface Results {
  rows: Row[];
  metadata: Map<string, string>;
}

/** The table in the bytes. A stream that was cut gives its whole batches; a file has to be whole. */
function tableOf(path: string, bytes: Uint8Array): Table {
  const isFile = Buffer.from(bytes.subarray(0, 6)).toString("latin1") === "ARROW1";
  const batches: RecordBatch[] = [];
  try {
    for (const batch of RecordBatchReader.from(bytes)) batches.push(batch);
  } catch (error) {
    if (isFile || batches.length === 0) throw new InputError(path, "is no Arrow file, or was cut", { cause: error });
  }
  if (batches.length === 0) throw new InputError(path, "is no Arrow file, or was cut");
  return new Table(batches);
}

/** Rows and metadata of a results.arrow, or of a (cut) results.partial.arrows. */
export async function readResults(path: string): Promise<Results> {
  const table = tableOf(path, await onFile(path, () => readFile(path)));
  const problem = schemaProblem(table.schema);
  if (problem) throw new InputError(path, problem);
  return { rows: toRows(table), metadata: table.schema.metadata };
}

/** Rows of a results.arrow. */
export async function readRows(path: string): Promise<Row[]> {
  return (await readResults(path)).rows;
}
