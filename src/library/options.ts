/** What a script asks of a sweep: the same choices as the command line's, as typed values. */
import { OptionError } from "../errors.js";
import { isNormalisation as isNormalisationOf, NORMALISATIONS, type NormalisationName } from "../io/datasets/normalise.js";
import type { DatasetName } from "../io/types.js";
import { checkFields, COUNT, isListOf, isText, isWhole, oneOf, refuseUnknown, rule, SWITCH, type Rule } from "../rules.js";
import { CONFIG_FIELDS, type SweepConfig } from "../sweep/config.js";
import type { EpsilonUnit, Inputs, Source } from "../inputs/inputs.js";

/** A tree of `<network>/<dataset>/Init_<i>/<network>_<dataset>_<epoch>epochs.ckpt`, and what to take from it. */
export interface SavedModels {
  folder: string;
  /** ResNet18 by default. */
  network?: string;
  /** The tree's folder of this name; by default that of the images. */
  dataset?: string;
  /** All there are by default. */
  inits?: number[];
  /** All there are by default. */
  epochs?: number[];
}

/** How far a sweep is, in filtered networks x images. */
export interface SweepProgress {
  done: number;
  total: number;
  /** What is being evaluated: a checkpoint's path and a layer's name, `*` in a global sweep. */
  checkpoint: string;
  layer: string;
}

/**
 * Where networks and images lie, and any field of `SweepConfig`; what is left out has the command line's default
 * (`DEFAULT_CONFIG`). With neither `checkpoints` nor `savedModels` it is the demo that comes with the package.
 */
export interface SweepOptions extends Partial<SweepConfig> {
  /** State dicts: .ckpt, .pt, .pth or .safetensors; exported programs: .pt2. */
  checkpoints?: string | string[];
  /** A tree of state dicts, instead of `checkpoints`. */
  savedModels?: string | SavedModels;
  /** Stride of the first convolution, which no tensor tells; by default the published network's, 1 for a ResNet's of 3x3. */
  stemStride?: number;
  /** Whether a max-pool follows the first convolution; by default as published, none behind a ResNet's of 3x3. */
  stemPool?: boolean;
  /** Which weights of each file, where it holds several: `state_dict_ema`, as `inspect` lists them. */
  key?: string;
  /** Exported program (.pt2) whose graph the checkpoints' weights are for. */
  graph?: string;
  /** Folder of the images, or a file of arrays. */
  data?: string;
  /** Needed where `data` holds several; `images` are pictures in one folder a class. */
  dataset?: DatasetName;
  /** `test` by default. */
  split?: "test" | "train";
  /** Only the first so many images. */
  limit?: number;
  /** The 20 coarse classes of CIFAR-100. */
  coarse?: boolean;
  /** Of pictures in folders: the shorter side, or height and width, as torchvision's Resize. */
  resize?: number | [height: number, width: number];
  /** Of pictures in folders: the middle of them, as torchvision's CenterCrop. */
  crop?: number | [height: number, width: number];
  /**
   * By name, or by one value or one a channel: (pixel - mean) / std of pixels from 0 to 1. By default what a normalising layer in
   * the checkpoints says, or what is usual for the images.
   */
  normalisation?: NormalisationName | "default" | { mean: number | number[]; std: number | number[] };
  /** Index or part of the name, as `listAdapters` tells them; the first by default. */
  adapter?: string | number;
  /** Kernels for software adapters, or for hardware; by default those for the adapter. */
  kernels?: "software" | "hardware";
  /** Ends the sweep early: the iterator throws the signal's reason. */
  signal?: AbortSignal;
  /** Called several times a layer. What it throws ends the sweep. */
  onProgress?: (progress: SweepProgress) => void;
}

type Own = Exclude<keyof SweepOptions, keyof SweepConfig>;

const TEXT = rule("a text", isText);
const WHOLES = rule("whole numbers, each once", (value) => isListOf(value, isWhole));
const isSide = (value: unknown): boolean => isWhole(value) && (value as number) >= 1 && (value as number) <= 4096;
const SIZE = rule("a side, or height and width, in pixels", (value) => isSide(value) || (Array.isArray(value) && value.length === 2 && value.every(isSide)));
const RULES: Record<Own, Rule> = {
  checkpoints: rule("a path or several, each once", (value) => isText(value) || isListOf(value, isText)),
  savedModels: rule("a folder's path, or an object that names it", (value) => isText(value) || isText((value as SavedModels | null)?.folder)),
  stemStride: COUNT,
  stemPool: SWITCH,
  key: TEXT,
  graph: rule("a file's path", isText),
  data: rule("a folder's path", isText),
  dataset: oneOf("mnist", "fashion-mnist", "kmnist", "qmnist", "emnist-balanced", "emnist-byclass", "emnist-bymerge", "emnist-digits", "emnist-letters", "emnist-mnist", "cifar10", "cifar100", "tiny-imagenet", "images"),
  split: oneOf("test", "train"),
  limit: COUNT,
  coarse: SWITCH,
  resize: SIZE,
  crop: SIZE,
  normalisation: rule(`${["default", ...Object.keys(NORMALISATIONS)].join(", ")}, or { mean, std }`, (value) => value === "default" || Object.hasOwn(NORMALISATIONS, value as string) || isNormalisation(value)),
  kernels: oneOf("software", "hardware"),
  adapter: rule("an index or a name", (value) => isText(value) || isWhole(value)),
  signal: rule("an AbortSignal", (value) => value instanceof AbortSignal),
  onProgress: rule("a function", (value) => typeof value === "function"),
};

function isNormalisation(value: unknown): boolean {
  const { mean, std } = (value ?? {}) as { mean?: unknown; std?: unknown };
  return isNormalisationOf([mean].flat(), [std].flat());
}

const TREE_RULES: Record<keyof SavedModels, Rule> = { folder: TEXT, network: TEXT, dataset: TEXT, inits: WHOLES, epochs: WHOLES };

function sourceOf({ checkpoints, savedModels }: SweepOptions): Source {
  if (checkpoints !== undefined && savedModels !== undefined) throw new OptionError(["checkpoints", "savedModels"], "give one of them");
  if (checkpoints !== undefined) return { kind: "files", files: [checkpoints].flat() };
  if (savedModels === undefined) return { kind: "demo" };
  const tree = typeof savedModels === "string" ? { folder: savedModels } : savedModels;
  refuseUnknown(tree, Object.keys(TREE_RULES));
  checkFields(tree, TREE_RULES, (field) => `savedModels.${field}`);
  const { folder, network = null, dataset = null, inits = null, epochs = null } = tree;
  return { kind: "tree", folder, network, dataset, inits, epochs };
}

function normalisationOf({ normalisation }: SweepOptions): Inputs["normalisation"] {
  if (normalisation === undefined || normalisation === "default") return null;
  const { mean, std } = typeof normalisation === "string" ? NORMALISATIONS[normalisation] : normalisation;
  return { mean: [mean].flat(), std: [std].flat(), options: ["normalisation"] };
}

/**
 * What a sweep reads. Scripts without a type checker get the same care as those with one.
 * @throws OptionError for an option that is unknown or wrong, and for options that do not go together
 */
export function inputsOf(options: SweepOptions): Inputs {
  refuseUnknown(options, [...Object.keys(RULES), ...CONFIG_FIELDS]);
  checkFields(options, RULES);
  const source = sourceOf(options);
  const { key = null, graph = null, data = null, dataset = null, split = "test", limit = null } = options;
  if (source.kind === "demo" && data !== null) throw new OptionError(["data"], "needs networks with it: give checkpoints or savedModels");
  if (source.kind === "demo" && graph !== null) throw new OptionError(["graph"], "needs weights with it: give checkpoints or savedModels");
  if (source.kind !== "demo" && data === null) throw new OptionError(["data"], "is missing: give the folder of the images");
  const epsilonUnit: EpsilonUnit = { said: options.epsilonSpace === undefined ? "open" : "given", fractions: [], naming: (field: keyof SweepConfig) => field };
  const { coarse = false, resize = null, crop = null } = options;
  const { stemStride, stemPool } = options;
  const stem = { ...(stemStride !== undefined && { stride: stemStride }), ...(stemPool !== undefined && { pool: stemPool }) };
  return { source, key, graph, stem, data, dataset, split, limit, coarse, resize, crop, normalisation: normalisationOf(options), epsilonUnit };
}
