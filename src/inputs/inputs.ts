/** Opens what a sweep reads: checkpoints (files, a tree, or the demo's) and images. */
import { join } from "node:path";
import { findCheckpoints, parseCheckpointName } from "../io/checkpoints/checkpoint.js";
import { openDataset } from "../io/datasets/dataset.js";
import type { OpenOptions } from "../io/datasets/images.js";
import { datasetTitle } from "../io/datasets/titles.js";
import type { Checkpoint, Dataset, DatasetName, Normalisation } from "../io/types.js";
import { InputError, OptionError } from "../errors.js";
import { shapeText } from "../layout/shape.js";
import type { Architecture } from "../model/architecture.js";
import type { StemOptions } from "../model/networks/family.js";
import { namesOf } from "../model/networks/table.js";
import { PACKAGE_ROOT, shownPath } from "../package.js";
import { checkPixelEpsilons, type Naming, type SweepConfig } from "../sweep/config.js";
import type { SweepCheckpoint, SweepJob } from "../sweep/sweep.js";
import { openGraph, type GraphFile } from "./graphs.js";
import { normalisedImages, type AskedNormalisation } from "./normalisation.js";
import { expanded } from "./patterns.js";
import { openCheckpoint } from "./weights.js";

/** Where checkpoints come from. */
export type Source =
  | { kind: "demo" }
  | { kind: "files"; files: string[] }
  | { kind: "tree"; folder: string; network: string | null; dataset: string | null; inits: number[] | null; epochs: number[] | null };

export interface Inputs {
  source: Source;
  /** Which weights of each file, where it holds several; null for the plain ones. */
  key: string | null;
  /** Exported program whose graph the checkpoints' weights are for; null: the files' own, or networks that are known by their tensors. */
  graph: string | null;
  /** What no tensor tells of a network. */
  stem: StemOptions;
  /** Folder of images, or a file of them; null for the demo's. */
  data: string | null;
  /** Null: what lies in the folder. */
  dataset: DatasetName | null;
  split: "test" | "train";
  /** Only the first so many images; null for all. */
  limit: number | null;
  /** CIFAR-100's coarse classes. */
  coarse: boolean;
  /** Of pictures, as in OpenOptions; null: as they are. */
  resize: OpenOptions["resize"] | null;
  crop: OpenOptions["crop"] | null;
  /** Null: what the networks' files say, or what is usual for the images. */
  normalisation: AskedNormalisation | null;
  epsilonUnit: EpsilonUnit;
}

/**
 * Whether the user said what epsilon is measured in. `open`: nobody did, so that it is pixels for networks that normalise by
 * themselves; `pixel`: likewise, but options (`fractions`) were written as a pixel's fraction and can't be anything else.
 */
export interface EpsilonUnit {
  said: "given" | "open" | "pixel";
  fractions: string[];
  naming: Naming;
}

/** What a sweep needs, and what its user should hear of it. */
export interface OpenedInputs extends SweepJob {
  /** The checkpoint whose own layer normalises the images, null where none does. */
  layerOf: string | null;
  /** Whose graph is computed, where one was named. */
  graph: GraphFile | null;
}

/** EMNIST's letters are labelled from 1; networks of 26 outputs were trained with one less. */
export function fromZero(dataset: Dataset, outputs: number[]): Dataset {
  if (dataset.name !== "emnist-letters" || !outputs.every((classes) => classes === 26) || dataset.labels.includes(0)) return dataset;
  const shifted = (of: Dataset): Dataset => ({ ...of, labels: of.labels.map((label) => label - 1), classes: 26, ...(of.normalisedBy && { normalisedBy: (other: Normalisation) => shifted(of.normalisedBy!(other)) }) });
  return { ...shifted(dataset), notes: [...(dataset.notes ?? []), "the labels 1 to 26 are used as 0 to 25, for the network has 26 outputs"] };
}

/** Programs are exported for images of one size, and what they compute of another one is not what their author's network does. */
function checkSize(path: string, { image }: Architecture, { channels, height, width }: Dataset): void {
  if (!image || (image.height === height && image.width === width && image.channels === channels)) return;
  throw new InputError(path, `was exported for images of ${shapeText(image)}, and these are of ${shapeText({ channels, height, width })}; export the network again with an example of their size`);
}

const DEMO = join(PACKAGE_ROOT, "fixtures", "demo");
/** Looked for in a tree when no network is named. */
const NETWORK = "ResNet18";

function checkpointFiles(source: Source, dataset: Dataset): string[] {
  if (source.kind === "files") return expanded(source.files);
  if (source.kind === "demo") return findCheckpoints(join(DEMO, "Saved_models"), { network: NETWORK, dataset: dataset.name }).map(({ path }) => path);
  const query = { network: namesOf(source.network ?? NETWORK), dataset: [source.dataset ?? dataset.name, datasetTitle(dataset.name)], init: source.inits ?? undefined, epoch: source.epochs ?? undefined };
  return findCheckpoints(source.folder, query).map(({ path }) => path);
}

/** @throws OptionError for a pixel's fraction where epsilon isn't in pixels, and for an epsilon in pixels that is none */
function inUnitOf(config: SweepConfig, { said, fractions, naming }: EpsilonUnit, takesPixels: boolean): SweepConfig {
  if (said === "given") return config;
  if (takesPixels) return checkPixelEpsilons({ ...config, epsilonSpace: "pixel" }, naming);
  if (said === "pixel") throw new OptionError(fractions, PIXEL_FRACTION);
  return config;
}

/** What is wrong with 8/255 in units of the normalised input. */
export const PIXEL_FRACTION = "is a pixel's fraction; add --epsilon-space pixel, or give a number in units of the normalised input";

/**
 * Opens everything a sweep needs; what the user got wrong comes out before any adapter is opened, weights of several
 * checkpoints excepted: those are read one at a time.
 * @throws InputError for a file that is missing or wrong, FileSystemError for one that may not be read
 */
export async function openInputs(inputs: Inputs, config: SweepConfig): Promise<OpenedInputs> {
  const graph = inputs.graph === null ? null : openGraph(inputs.graph);
  const options = { key: inputs.key, graph, stem: inputs.stem };
  const data = inputs.data ?? join(DEMO, "MNIST", "raw");
  // Pictures are gray or coloured as the network takes them; which files a tree has for a dataset only the dataset tells.
  const first = inputs.source.kind === "files" ? (await openCheckpoint(expanded(inputs.source.files)[0], options)).choice.chosen.architecture : null;
  const read = await openDataset(data, {
    dataset: inputs.dataset ?? undefined, split: inputs.split, limit: inputs.limit ?? undefined,
    coarse: inputs.coarse, resize: inputs.resize ?? undefined, crop: inputs.crop ?? undefined, channels: first?.channels,
  });
  const checkpoints: SweepJob["checkpoints"] = [];
  for (const path of checkpointFiles(inputs.source, read)) {
    const { choice: { chosen: { architecture } }, ...file } = await openCheckpoint(path, options);
    checkSize(path, architecture, read);
    const { init, epoch } = parseCheckpointName(path);
    checkpoints.push({ path: shownPath(path), network: architecture.name, dataset: read.name, init, epoch, architecture, file });
  }
  const images = fromZero(read, checkpoints.map(({ architecture }) => architecture.classes));
  const { dataset, layerOf } = normalisedImages(images, checkpoints.map(({ file }) => file), inputs.normalisation);
  if (checkpoints.length === 1) await readAhead(checkpoints[0]);
  return { checkpoints, dataset, layerOf, graph, config: inUnitOf(config, inputs.epsilonUnit, layerOf !== null) };
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
