/**
 * Writes results.arrow. While the run goes on, finished layers are appended to results.partial.arrows (Arrow stream
 * format, readable up to the last whole batch however the run ends); at the end they become an Arrow file, sorted,
 * put in place at once. The result lives in memory once while that happens: some 200 bytes per row.
 */
import { open, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import type { RecordBatch, Schema } from "apache-arrow";
import { FileSystemError, InputError } from "../../errors.js";
import { FileSource } from "../../io/source.js";
import { fileBytes } from "../../tables/arrow.js";
import { readArrow } from "./arrowReader.js";
import { streamBatch, streamHead, toBatch } from "./batch.js";
import { onFile, replaceFile, writeWhole } from "../folder/durable.js";
import type { Row } from "../../sweep/row.js";
import { rowProblem } from "./rowCheck.js";
import { COLUMNS, columnsOf, resultSchema, type ResultMetadata } from "./schema.js";

export const RESULTS = "results.arrow";
export const PARTIAL = "results.partial.arrows";
/** Two million rows: a thousand networks. */
const MAX_FILE = 2 ** 29;

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
  const written = (await readRows(path)).length;
  if (written !== rows) throw new FileSystemError(path, `${written} rows came back of the ${rows} written; run the same command again`);
  return written;
}

export interface Results {
  rows: Row[];
  metadata: Map<string, string>;
}

/** Rows of each record batch, checked. */
function contentsOf(path: string): { layers: Row[][]; metadata: Map<string, string> } {
  using source = new FileSource(path, MAX_FILE);
  const { schema, batches } = readArrow(path, source.read(0, source.size), COLUMNS, (found) => {
    const columns = columnsOf(found);
    if (typeof columns === "string") throw new InputError(path, columns);
    return columns;
  });
  const layers = batches as unknown as Row[][];
  if (!schema.metadata.has("attack")) schema.metadata.set("attack", "fgsm");
  for (const row of layers.flat()) row.attack ??= "fgsm";
  for (const row of layers.flat()) {
    const problem = rowProblem(row);
    if (problem) throw new InputError(path, `holds a row of layer ${JSON.stringify(row.layer.slice(0, 80))} with ${problem}; make the run anew`);
  }
  return { layers, metadata: schema.metadata };
}

/**
 * Rows and metadata of a results.arrow, or of a (cut) results.partial.arrows.
 * @throws InputError for anything else, for rows that no run writes, and for what is missing or no regular file
 */
export async function readResults(path: string): Promise<Results> {
  const { layers, metadata } = contentsOf(path);
  return { rows: layers.flat(), metadata };
}

/** Rows of a results.arrow, one array for each layer of each checkpoint. Throws as `readResults` does. */
export async function readLayers(path: string): Promise<Row[][]> {
  const { layers } = contentsOf(path);
  const key = ({ checkpoint, layer }: Row): string => JSON.stringify([checkpoint, layer]);
  const isOne = (rows: Row[]): boolean => rows.every((row) => key(row) === key(rows[0]));
  if (!layers.every(isOne) || new Set(layers.map(([row]) => key(row))).size < layers.length) throw new InputError(path, "holds layers that are not one batch of rows each; make the run anew");
  return layers;
}

/** Rows of a results.arrow. Throws as `readResults` does. */
export async function readRows(path: string): Promise<Row[]> {
  return (await readResults(path)).rows;
}
