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
    private readonly metadata: ResultMetadata,
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
    return new ResultWriter(folder, metadata, schema, partialPath, await onFile(partialPath, () => open(partialPath, "a")));
  }

  /** Appends one finished group. `order` is its place in the sorted result; `durable`: it can't be lost when this returns. */
  async write(order: number, rows: Row[], durable = true): Promise<void> {
    const batch = toBatch(this.schema, rows);
    this.#batches.set(order, batch);
    await onFile(this.partialPath, async () => {
      await writeWhole(this.partial, streamBatch(this.#head, batch));
      if (durable) await this.partial.sync();
    });
  }

  /** Puts results.arrow in place, sorted by group. `metadata`: what is known by now. */
  async finish(metadata = this.metadata): Promise<number> {
    const batches = [...this.#batches.entries()].sort(([a], [b]) => a - b).map(([, batch]) => batch);
    const written = await writeResults(this.path, metadata, batches);
    await this.close();
    await onFile(this.partialPath, () => rm(this.partialPath, { force: true }));
    return written;
  }

  /** Leaves the stream as it is. */
  async close(): Promise<void> {
    await onFile(this.partialPath, () => this.partial.close());
  }
}

/** Puts a results.arrow in place, one record batch per group, and checks that it reads back whole. @returns its rows */
export async function writeResults(path: string, metadata: ResultMetadata, batches: RecordBatch[]): Promise<number> {
  const rows = batches.reduce((sum, batch) => sum + batch.numRows, 0);
  await replaceFile(path, fileBytes(resultSchema(metadata), batches));
  const written = tableFromIPC(await onFile(path, () => readFile(path))).numRows;
  if (written !== rows) throw new FileSystemError(path, `${written} rows came back of the ${rows} written; run the same command again`);
  return written;
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

/** Rows of a results.arrow, one array for each layer of each checkpoint. */
export async function readLayers(path: string): Promise<Row[][]> {
  const table = tableOf(path, await onFile(path, () => readFile(path)));
  const problem = schemaProblem(table.schema);
  if (problem) throw new InputError(path, problem);
  return table.batches.map((batch) => toRows(new Table([batch])));
}

/** Rows of a results.arrow. */
export async function readRows(path: string): Promise<Row[]> {
  return (await readResults(path)).rows;
}
