/** Opens what a training reads: the network's architecture, weights to begin with, images to learn from and to test with. */
import { InputError, OptionError } from "../errors.js";
import { shownName } from "../io/checkpoints/checkpoint.js";
import { openDataset, type DatasetOptions } from "../io/datasets/dataset.js";
import type { Checkpoint, CheckpointFile, Dataset } from "../io/types.js";
import { shapeText } from "../layout/shape.js";
import type { Architecture } from "../model/architecture.js";
import { headOf, withClasses } from "../model/beginning.js";
import { inferShapes, parametersOf } from "../model/graph.js";
import { MEMBERS, namesOf } from "../model/networks/table.js";
import { architectureNamed } from "../model/recognise.js";
import { isIdle } from "../ops/dropout.js";
import { openGraph, type GraphFile } from "./graphs.js";
import { fromZero, type Inputs } from "./inputs.js";
import { normalisedImages } from "./normalisation.js";
import { knownState, programState, type StateEntry } from "./stateDict.js";
import { openCheckpoint } from "./weights.js";

export interface TrainingInputs extends Pick<Inputs, "key" | "stem" | "dataset" | "coarse" | "resize" | "crop" | "normalisation"> {
  data: string;
  /** A network by torchvision's name, or an exported program's file; null where the weights to begin with say it. */
  network: { member: string } | { program: string } | null;
  /** Channels of the first convolution; null: the published network's. */
  width: number | null;
  /** The first so many images to learn from; null: all. */
  limit: number | null;
  /** A checkpoint to begin with. */
  from: string | null;
  /** Whether images of the test split are looked for. */
  tests: boolean;
}

/** Weights to begin with. */
export interface Start {
  file: CheckpointFile;
  checkpoint: Checkpoint;
  /** Tensors of the last layer, which begin anew because the classes are others; none where they are the same. */
  renewed: ReadonlySet<string>;
}

export interface OpenedTraining {
  architecture: Architecture;
  graph: GraphFile | null;
  start: Start | null;
  train: Dataset;
  test: Dataset | null;
  /** The state_dict, in its order. */
  state: StateEntry[];
  notes: string[];
}

async function openImages(inputs: TrainingInputs, split: "train" | "test", limit: number | null, channels?: number): Promise<Dataset> {
  const { data, dataset, coarse, resize, crop } = inputs;
  const options: DatasetOptions = { split, dataset: dataset ?? undefined, limit: limit ?? undefined, coarse, resize: resize ?? undefined, crop: crop ?? undefined, channels };
  try {
    return await openDataset(data, options);
  } catch (error) {
    if (!(error instanceof InputError && error.message.includes(`no ${split} split`))) throw error;
    throw new InputError(data, split === "train" ? "holds images to test with and none to learn from; add the train split" : "holds images to learn from and none to test with; add the test split, or do without by --no-test");
  }
}

/** What of a program's numbers no training changes. */
function notesOn({ path, reads, architecture }: GraphFile): string[] {
  const parameters = new Set(parametersOf(architecture.graph).map(({ tensor }) => tensor));
  const numbers = [...reads.keys()].filter((name) => !parameters.has(name));
  return numbers.length > 0 ? [`${path}: ${numbers.slice(0, 4).map(shownName).join(", ")}${numbers.length > 4 ? ` and ${numbers.length - 4} more` : ""} are numbers of its graph and are not trained`] : [];
}

/** @throws InputError for a program that doesn't tell who reads a dropout, and who what is in front of it */
function checkDropouts({ graph: { nodes } }: Architecture, file: string): void {
  const idle = nodes.find(isIdle);
  if (idle) throw new InputError(file, `was exported behind eval(), where PyTorch doesn't tell a dropout from what it reads, and ${shownName(idle.output)} is read more than once; export it behind train() to learn with its dropout, or with p=0 without`);
}

const isKnown = (name: string, { name: title }: Architecture): boolean => namesOf(name).includes(title);

/** What the weights to begin with are, for this network if one was named. */
async function openStart(inputs: TrainingInputs, graph: GraphFile | null): Promise<{ file: CheckpointFile; checkpoint: Checkpoint; architecture: Architecture } | null> {
  const { from, key, stem, network, width } = inputs;
  if (from === null) return null;
  const { choice: { chosen: { architecture } }, ...file } = await openCheckpoint(from, { key, stem, graph });
  if (network && "member" in network && !isKnown(network.member, architecture)) throw new InputError(from, `holds weights of a ${architecture.name}; leave --network out, or name a checkpoint of a ${MEMBERS.get(network.member)!.title}`);
  if (width !== null && width !== architecture.width) throw new InputError(from, `holds weights of a ${architecture.name} of width ${architecture.width}; leave --width out`);
  return { file, architecture, checkpoint: await file.load() };
}

/** @throws InputError, OptionError where images of this kind are none that the network can take */
function checkFit(architecture: Architecture, train: Dataset, file: string | null): void {
  const { channels, height, width } = train;
  const refuse = (problem: string): never => {
    throw file === null ? new OptionError(["--network"], `a ${architecture.name} ${problem}`) : new InputError(file, `is a ${architecture.name}, which ${problem}`);
  };
  if (architecture.channels !== channels) refuse(`takes images of ${architecture.channels} channels, the ${train.name} images have ${channels}`);
  const { image } = architecture;
  if (image && (image.height !== height || image.width !== width)) refuse(`was exported for images of ${shapeText(image)}, and these are of ${shapeText({ channels, height, width })}; export it again with an example of their size`);
  try {
    inferShapes(architecture.graph, { channels, height, width });
  } catch (error) {
    refuse(`can't take the ${train.name} images of ${width}x${height} pixels: ${(error as Error).message}`);
  }
}

/** Files without splits give the same images for both. */
async function isSame(inputs: TrainingInputs, train: Dataset): Promise<boolean> {
  if (train.name !== "arrays" && train.name !== "images") return false;
  return (await openImages(inputs, "test", train.images, train.channels)).sha256 === train.sha256;
}

/** The test split. @throws InputError where it is missing or of other images */
async function openTest(inputs: TrainingInputs, train: Dataset, classes: number): Promise<Dataset | null> {
  if (!inputs.tests || (await isSame(inputs, train))) return null;
  const test = fromZero(await openImages(inputs, "test", null, train.channels), [classes]);
  const shape = (of: Dataset): string => shapeText({ channels: of.channels, height: of.height, width: of.width });
  if (shape(test) !== shape(train)) throw new InputError(test.files[0], `holds test images of ${shape(test)}, and those to learn from are of ${shape(train)}; make them alike, or leave them out by --no-test`);
  const label = test.labels.reduce((most, each) => Math.max(most, each), 0);
  if (label >= classes) throw new InputError(test.files[0], `gives an image the label ${label}, and the images to learn from are of ${classes} classes; leave the test images out by --no-test`);
  return test;
}

/**
 * Opens everything a training needs; what the user got wrong comes out before any adapter is opened.
 * @throws InputError for a file that is missing or wrong, OptionError for options that don't go with the images, FileSystemError
 */
export async function openTraining(inputs: TrainingInputs): Promise<OpenedTraining> {
  const { network, width } = inputs;
  const graph = network && "program" in network ? openGraph(network.program) : null;
  const start = await openStart(inputs, graph);
  const read = await openImages(inputs, "train", inputs.limit, start?.architecture.channels ?? graph?.architecture.channels);
  // EMNIST's letters count from 1.
  const train = fromZero(read, [26]);
  const member = network && "member" in network ? MEMBERS.get(network.member)! : null;
  const own = start?.architecture ?? graph?.architecture ?? architectureNamed(member!.name, { width: width ?? member!.width, channels: train.channels, classes: train.classes });
  const file = inputs.from ?? graph?.path ?? null;
  const architecture = own.classes === train.classes ? own : resized(own, train, file);
  checkFit(architecture, train, file);
  if (file !== null) checkDropouts(architecture, file);
  const test = await openTest(inputs, train, architecture.classes);
  const { dataset } = normalisedImages(train, start ? [start.file] : [], inputs.normalisation);
  const state = graph ? programState(graph, start?.checkpoint ?? null) : knownState(architecture, start?.checkpoint ?? null);
  const renewed = new Set(start && architecture !== start.architecture ? headOf(architecture.graph).tensors : []);
  const notes = [...(start?.file.notes ?? []).map((note) => `${inputs.from}: ${note}`), ...(graph ? notesOn(graph) : []), ...(renewed.size > 0 ? [`${inputs.from}: its last layer is of ${own.classes} classes and begins anew, for ${architecture.classes}`] : []), ...(train.notes ?? []), ...(inputs.tests && !test ? [`${inputs.data} has no split of its own to test with, so no accuracy on test images is told`] : [])];
  return {
    architecture, graph, train: dataset, notes,
    test: test && normalisedImages(test, start ? [start.file] : [], inputs.normalisation).dataset,
    start: start && { file: start.file, checkpoint: start.checkpoint, renewed },
    state,
  };
}

function resized(own: Architecture, { classes }: Dataset, file: string | null): Architecture {
  try {
    return withClasses(own, classes);
  } catch (error) {
    throw new InputError(file ?? own.name, `is for ${own.classes} classes, the images are of ${classes}, and ${(error as Error).message}; export it for ${classes}`);
  }
}
