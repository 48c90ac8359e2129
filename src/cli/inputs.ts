/** Opens what a run reads: checkpoints (files, a tree, or the demo's) and images. */
import { join } from "node:path";
import { findCheckpoints, parseCheckpointName, readCheckpoint } from "../io/checkpoint.js";
import { openDataset } from "../io/dataset.js";
import type { Dataset } from "../io/types.js";
import { describeCheckpoint } from "../model/resnet.js";
import type { SweepJob } from "../sweep/sweep.js";
import type { RunOptions } from "./options.js";
import { PACKAGE_ROOT, shownPath } from "./package.js";

const DEMO = join(PACKAGE_ROOT, "fixtures", "demo");
/** Looked for in a tree when --network says nothing. */
const NETWORK = "ResNet18";

function checkpointFiles(options: RunOptions, dataset: Dataset): string[] {
  const { source } = options;
  if (source.kind === "files") return source.files;
  if (source.kind === "demo") return findCheckpoints(join(DEMO, "Saved_models"), { network: NETWORK, dataset: dataset.name }).map(({ path }) => path);
  const query = { network: source.network ?? NETWORK, dataset: source.dataset ?? dataset.name, init: source.inits ?? undefined, epoch: source.epochs ?? undefined };
  return findCheckpoints(source.folder, query).map(({ path }) => path);
}

/** Reads everything a run needs; what the user got wrong comes out before any adapter is opened. */
export async function openInputs(options: RunOptions): Promise<Pick<SweepJob, "checkpoints" | "dataset">> {
  const data = options.data ?? join(DEMO, "MNIST", "raw");
  const dataset = await openDataset(data, { dataset: options.dataset ?? undefined, split: options.split, limit: options.limit ?? undefined });
  const checkpoints: SweepJob["checkpoints"] = [];
  for (const path of checkpointFiles(options, dataset)) {
    const checkpoint = await readCheckpoint(path);
    const name = parseCheckpointName(path);
    checkpoints.push({
      path: shownPath(path),
      network: describeCheckpoint(checkpoint).name,
      dataset: dataset.name,
      init: name.init,
      epoch: name.epoch,
      checkpoint,
    });
  }
  return { checkpoints, dataset };
}
