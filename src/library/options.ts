/** What a script asks of a sweep: the same choices as the command line's, as typed values. */
import { OptionError } from "../errors.js";
import type { DatasetName } from "../io/types.js";
import { checkFields, COUNT, isListOf, isText, isWhole, oneOf, refuseUnknown, rule, SWITCH, type Rule } from "../rules.js";
import { DEFAULT_CONFIG, type SweepConfig } from "../sweep/config.js";
import type { Inputs, Source } from "../inputs/inputs.js";

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
  /** State dicts: .ckpt, .pt, .pth or .safetensors. */
  checkpoints?: string | string[];
  /** A tree of state dicts, instead of `checkpoints`. */
  savedModels?: string | SavedModels;
  /** Stride of the first convolution, which no tensor tells; by default the published network's, 1 for a ResNet's of 3x3. */
  stemStride?: number;
  /** Whether a max-pool follows the first convolution; by default as published, none behind a ResNet's of 3x3. */
  stemPool?: boolean;
  /** Folder of the images. */
  data?: string;
  /** Needed where `data` holds several. */
  dataset?: DatasetName;
  /** `test` by default. */
  split?: "test" | "train";
  /** Only the first so many images. */
  limit?: number;
  /** Index or part of the name, as `listAdapters` tells them; the first by default. */
  adapter?: string | number;
  /** Ends the sweep early: the iterator throws the signal's reason. */
  signal?: AbortSignal;
  /** Called several times a layer. What it throws ends the sweep. */
  onProgress?: (progress: SweepProgress) => void;
}

type Own = Exclude<keyof SweepOptions, keyof SweepConfig>;

const TEXT = rule("a text", isText);
const WHOLES = rule("whole numbers, each once", (value) => isListOf(value, isWhole));
const RULES: Record<Own, Rule> = {
  checkpoints: rule("a path or several, each once", (value) => isText(value) || isListOf(value, isText)),
  savedModels: rule("a folder's path, or an object that names it", (value) => isText(value) || isText((value as SavedModels | null)?.folder)),
  stemStride: COUNT,
  stemPool: SWITCH,
  data: rule("a folder's path", isText),
  dataset: oneOf("mnist", "cifar10", "tiny-imagenet"),
  split: oneOf("test", "train"),
  limit: COUNT,
  adapter: rule("an index or a name", (value) => isText(value) || isWhole(value)),
  signal: rule("an AbortSignal", (value) => value instanceof AbortSignal),
  onProgress: rule("a function", (value) => typeof value === "function"),
};
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

/**
 * What a sweep reads. Scripts without a type checker get the same care as those with one.
 * @throws OptionError for an option that is unknown or wrong, and for options that do not go together
 */
export function inputsOf(options: SweepOptions): Inputs {
  refuseUnknown(options, [...Object.keys(RULES), ...Object.keys(DEFAULT_CONFIG)]);
  checkFields(options, RULES);
  const source = sourceOf(options);
  const { data = null, dataset = null, split = "test", limit = null } = options;
  if (source.kind === "demo" && data !== null) throw new OptionError(["data"], "needs networks with it: give checkpoints or savedModels");
  if (source.kind !== "demo" && data === null) throw new OptionError(["data"], "is missing: give the folder of the images");
  const { stemStride, stemPool } = options;
  const stem = { ...(stemStride !== undefined && { stride: stemStride }), ...(stemPool !== undefined && { pool: stemPool }) };
  return { source, stem, data, dataset, split, limit };
}
