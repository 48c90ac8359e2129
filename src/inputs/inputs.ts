/** Opens what a sweep reads: checkpoints (files, a tree, or the demo's) and images. */
import { join } from "node:path";
import { findCheckpoints, openCheckpoint, parseCheckpointName } from "../io/checkpoints/checkpoint.js";
import { openDataset } from "../io/datasets/dataset.js";
import type { Checkpoint, Dataset, DatasetName } from "../io/types.js";
import { describeShapes } from "../model/checkpoint.js";
import type { StemOptions } from "../model/networks/family.js";
import { namesOf } from "../model/networks/table.js";
import { PACKAGE_ROOT, shownPath } from "../package.js";
import type { SweepCheckpoint, SweepJob } from "../sweep/sweep.js";

/** Where checkpoints come from. */
export type Source =
  | { kind: "demo" }
  | { kind: "files"; files: string[] }
  | { kind: "tree"; folder: string; network: string | null; dataset: string | null; inits: number[] | null; epochs: number[] | null };

export interface Inputs {
  source: Source;
  /** What no tensor tells of a network. */
  stem: StemOptions;
  /** Folder of images; null for the demo's. */
  data: string | null;
  /** Null: what lies in the folder. */
  dataset: DatasetName | null;
  split: "test" | "train";
  /** Only the first so many images; null for all. */
  limit: number | null;
}

const DEMO = join(PACKAGE_ROOT, "fixtures", "demo");
/** Looked for in a tree when no network is named. */
const NETWORK = "ResNet18";

function checkpointFiles(source: Source, dataset: Dataset): string[] {
  if (source.kind === "files") return source.files;
  if (source.kind === "demo") return findCheckpoints(join(DEMO, "Saved_models"), { network: NETWORK, dataset: dataset.name }).map(({ path }) => path);
  const query = { network: namesOf(source.network ?? NETWORK), dataset: source.dataset ?? dataset.name, init: source.inits ?? undefined, epoch: source.epochs ?? undefined };
  return findCheckpoints(source.folder, query).map(({ path }) => path);
}

/**
 * Opens everything a sweep needs; what the user got wrong comes out before any adapter is opened, weights of several
 * checkpoints excepted: those are read one at a time.
 * @throws InputError for a file that is missing or wrong, FileSystemError for one that may not be read
 */
export async function openInputs(inputs: Inputs): Promise<Pick<SweepJob, "checkpoints" | "dataset">> {
  const data = inputs.data ?? join(DEMO, "MNIST", "raw");
  const dataset = await openDataset(data, { dataset: inputs.dataset ?? undefined, split: inputs.split, limit: inputs.limit ?? undefined });
  const checkpoints: SweepJob["checkpoints"] = [];
  for (const path of checkpointFiles(inputs.source, dataset)) {
    const file = await openCheckpoint(path);
    const architecture = describeShapes(file, inputs.stem);
    const { init, epoch } = parseCheckpointName(path);
    checkpoints.push({ path: shownPath(path), network: architecture.name, dataset: dataset.name, init, epoch, architecture, file });
  }
  if (checkpoints.length === 1) await readAhead(checkpoints[0]);
  return { checkpoints, dataset };
}

/** Reads the weights now for the first one who asks. */
async function readAhead(source: SweepCheckpoint): Promise<void> {
  const { file } = source;
  let ahead: Checkpoint | null = await file.load();
  source.file = {
    ...file,
    async load() {
      const checkpoint = ahead ?? (await file.load());
      ahead = null;
      return checkpoint;
    },
  };
}
