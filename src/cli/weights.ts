/** The weights a run swept, found again by their content: without them nobody can say which weights lie between two windows. */
import { statSync } from "node:fs";
import { join } from "node:path";
import type { Curve } from "../analysis/curves.js";
import { countWeights, windowsOf, type WindowCounts } from "../analysis/parameters.js";
import { InferlinkError, InputError } from "../errors.js";
import { openGraph, type GraphFile } from "../inputs/graphs.js";
import { parseCheckpoint, type Found, type WeightsOptions } from "../inputs/weights.js";
import { openCheckpointFile } from "../io/checkpoints/checkpoint.js";
import { sha256, type ByteSource } from "../io/source.js";
import type { Checkpoint } from "../io/types.js";
import { PACKAGE_ROOT } from "../package.js";
import type { LoadedRun } from "../results/loadRun.js";

/** Finds files by the sha256 that results.arrow has of them. */
export class CheckpointFinder {
  readonly #files: string[] = [];
  readonly #folders: string[] = [];
  readonly #hashes = new Map<string, string>();
  readonly #found = new Set<string>();

  /** @param places files, or folders that hold the checkpoints under the ends of their old paths */
  constructor(places: string[]) {
    for (const place of places) {
      const stats = statSync(place, { throwIfNoEntry: false });
      if (!stats) throw new InputError(place, "does not exist; name the checkpoint, or a folder that holds it");
      (stats.isDirectory() ? this.#folders : this.#files).push(place);
    }
  }

  /** Where a checkpoint may be: what the user named, then where it was. */
  #candidates(path: string): string[] {
    const parts = path.split(/[\\/]/).filter((part) => part !== "" && part !== "..");
    const inFolders = this.#folders.flatMap((folder) => parts.map((_, i) => join(folder, ...parts.slice(i))));
    return [...this.#files, ...inFolders, path, join(PACKAGE_ROOT, path)].filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile());
  }

  /** @param options which of the file's weights. @returns the checkpoint, or why there is none */
  find(path: string, hash: unknown, options: WeightsOptions): (Checkpoint & Found) | string {
    return this.#read(path, hash, (source) => parseCheckpoint(source, options));
  }

  /** @returns the graph that the weights are for, or why there is none */
  findGraph(path: string, hash: unknown): GraphFile | string {
    return this.#read(path, hash, ({ file }) => openGraph(file));
  }

  #read<T>(path: string, hash: unknown, read: (source: ByteSource) => T): T | string {
    if (typeof hash !== "string") return "results.arrow has no sha256 of it";
    const candidates = this.#candidates(path);
    for (const file of candidates) {
      try {
        using source = openCheckpointFile(file);
        const known = this.#hashes.get(file) ?? sha256(source);
        this.#hashes.set(file, known);
        if (known !== hash) continue;
        this.#found.add(file);
        return read(source);
      } catch (error) {
        if (!(error instanceof InferlinkError)) throw error;
        return error.message;
      }
    }
    const [other] = candidates.filter((file) => !this.#files.includes(file));
    return other === undefined ? "not found" : `${other} is another file than the one that was swept (its sha256 differs)`;
  }

  /** @throws InputError for a file the user named that no run swept */
  checkUsed(): void {
    const stray = this.#files.find((file) => !this.#found.has(file));
    if (stray !== undefined) throw new InputError(stray, "is none of the checkpoints that were swept (by sha256); leave it out, or name the right one");
  }
}

const keyOf = (curve: Curve): string => JSON.stringify([curve.checkpoint, curve.layer]);

/** The tensors that a curve's filter went over; null where the checkpoint has other ones. */
function tensorsOf(checkpoint: Checkpoint & Found, { layer, rows }: Curve): Float32Array[] | null {
  const names = layer === "*" ? checkpoint.choice.chosen.architecture.layers.map(({ name }) => name) : [layer];
  const tensors = names.flatMap((name) => checkpoint.tensors.get(`${name}.weight`)?.data ?? []);
  return tensors.reduce((sum, { length }) => sum + length, 0) === rows[0].weights ? tensors : null;
}

/** sha256 by path, as results.arrow has it. */
function hashesOf({ file, metadata }: LoadedRun): Map<string, unknown> {
  try {
    return new Map(Object.entries(JSON.parse(metadata.get("checkpoint_sha256") ?? "{}") as object));
  } catch (error) {
    throw new InputError(file, "has no list of checkpoints in its metadata that can be read; make the run anew", { cause: error });
  }
}

export interface CountedWeights {
  of(curve: Curve): WindowCounts | null;
  /** Checkpoints whose weights could not be had, with the reason. */
  missing: Map<string, string>;
}

/** Finds a run's checkpoints by their path in the rows, with the graph that they are for. @returns a checkpoint, or why there is none */
export function checkpointsOf(run: LoadedRun, finder: CheckpointFinder): (path: string) => (Checkpoint & Found & { graph: GraphFile | null }) | string {
  const hashes = hashesOf(run);
  const graphHash = run.metadata.get("graph_sha256");
  let graph: GraphFile | string | null = null;
  return (path) => {
    if (graphHash !== undefined) graph ??= finder.findGraph(run.manifest?.graph ?? "", graphHash);
    if (typeof graph === "string") return `its graph ${run.manifest?.graph ?? ""}: ${graph}`;
    const found = finder.find(path, hashes.get(path), { key: run.metadata.get("checkpoint_key") ?? null, graph });
    return typeof found === "string" ? found : { ...found, graph };
  };
}

/** Counts every h_c curve's weights by window; one checkpoint is in memory at a time. */
export function countedWeights(run: LoadedRun, curves: Curve[], finder: CheckpointFinder): CountedWeights {
  const pulses = curves.filter(({ filter }) => filter === "h_c");
  const counts = new Map<string, WindowCounts>();
  const missing = new Map<string, string>();
  const find = checkpointsOf(run, finder);
  for (const path of new Set(pulses.map(({ checkpoint }) => checkpoint))) {
    const checkpoint = find(path);
    if (typeof checkpoint === "string") {
      missing.set(path, checkpoint);
      continue;
    }
    for (const curve of pulses.filter((pulse) => pulse.checkpoint === path)) {
      const key = keyOf(curve);
      const tensors = counts.has(key) ? null : tensorsOf(checkpoint, curve);
      if (tensors) counts.set(key, countWeights(tensors, windowsOf(curve)));
    }
  }
  return { of: (curve) => counts.get(keyOf(curve)) ?? null, missing };
}
