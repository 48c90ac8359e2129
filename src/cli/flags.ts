/** Flags of `run` as yargs reads them: every value a text, checked by options.ts. The order is that of --help. */
import type { Completion } from "../completion/program.js";
import { ATTACK_NAMES, BATCH_NORMS, DATASETS, EPSILON_SPACES, FILTER_NAMES, SCOPES, SPLITS, STEM_POOLS } from "./choices.js";
import { MEMBERS } from "../model/networks/table.js";
import { CONFIG_FLAG, KERNELS_FLAG, type Flag } from "./command.js";
import { NORMALISATION_LIST, NORMALISATION_NAMES } from "./normalisation.js";

export const text = (group: string, description: string, shownDefault?: string, completes?: Completion): Flag => ({
  type: "string",
  requiresArg: true,
  group,
  description,
  ...(shownDefault ? { defaultDescription: shownDefault } : {}),
  ...(completes ? { completes } : {}),
});
export const flag = (group: string, description: string): Flag => ({ type: "boolean", group, description });
export const one = (choices: object): Completion => ({ oneOf: Object.keys(choices) });

const NETWORKS = "Networks:";
const IMAGES = "Images:";
const SWEEP = "Sweep:";
const OUTPUT = "Output:";
const CLUSTER = "Cluster (docs/cluster.md):";

/** Whose weights, and which of those in a file; `run` and `inspect` take them. */
export const WEIGHTS_FLAGS: Record<string, Flag> = {
  graph: text(NETWORKS, "Exported program (.pt2) whose graph the checkpoints' weights are for", "the checkpoint's own, or a network known by its tensors", "file"),
  key: text(NETWORKS, "Which weights of a file that holds several, as `inspect` lists them: state_dict_ema", "the plain ones"),
};

/** What no tensor tells; `run` and `inspect` take it. */
export const STEM_FLAGS: Record<string, Flag> = {
  "stem-stride": text(NETWORKS, "Stride of the first convolution, which no tensor tells", "the published network's; 1 for a ResNet's 3x3"),
  "stem-pool": text(NETWORKS, "Whether a max-pool follows the first convolution (yes, no)", "the published network's; no behind a ResNet's 3x3", one(STEM_POOLS)),
};

/** Shared by `run` and `inspect`. */
export const SWEEP_FLAGS: Record<string, Flag> = {
  scope: text(SWEEP, "Filter one layer at a time (local) or all at once (global)", "local", one(SCOPES)),
  layers: text(SWEEP, "Names or globs of the layers, by commas: conv1,layer4.*", "all"),
  filters: text(SWEEP, "h_a removes small weights (minmax), h_b large ones (maxmin), h_c a window (pulseminmax), magnitude those next to 0", "h_a,h_b,h_c", { someOf: Object.keys(FILTER_NAMES) }),
  thresholds: text(SWEEP, "Number of thresholds between the smallest and the largest weight (magnitude: from 0 to the largest magnitude)", "25"),
  alpha: text(SWEEP, "These thresholds, by commas, instead of evenly spaced ones"),
  delta: text(SWEEP, "Half-width of the window of h_c", "half a threshold step"),
  range: text(SWEEP, "Range of the thresholds of a global sweep", "-1,1"),
  epsilon: text(SWEEP, "Strength of the attack; several by commas", "0.38"),
  "epsilon-space": text(SWEEP, "Unit of epsilon: after normalisation (input), or pixels of 0 to 1 (pixel, takes 8/255)", "input; pixel for networks that normalise by themselves", one(EPSILON_SPACES)),
  attack: text(SWEEP, "One step along the gradient's sign (fgsm), or several, each projected back (pgd)", "fgsm", one(ATTACK_NAMES)),
  steps: text(SWEEP, "Steps of pgd", "10"),
  "step-size": text(SWEEP, "Length of a step of pgd, in the unit of epsilon", "2.5 epsilon / steps: 2/255 for 8/255"),
  "random-start": text(SWEEP, "Begin pgd at a random place in the ball of epsilon around the image, by this seed", "at the image"),
  clamp: flag(SWEEP, "Clamp attacked images to the valid range of pixels"),
  "batch-norm": text(SWEEP, "Statistics of batch norm: running, or of each batch (batch)", "running", one(BATCH_NORMS)),
  "batch-size": text(SWEEP, "Images per batch with --batch-norm batch; only whole batches count", "100"),
};

export const RUN_FLAGS: Record<string, Flag> = {
  checkpoint: { type: "array", string: true, requiresArg: true, completes: "file", group: NETWORKS, description: "State dicts: .ckpt, .pt, .pth or .safetensors; exported programs: .pt2" },
  ...WEIGHTS_FLAGS,
  "saved-models": text(NETWORKS, "Tree of <network>/<dataset>/Init_<i>/*.ckpt, as the notebooks save it", undefined, "folder"),
  network: text(NETWORKS, "Network to take from the tree, by any spelling: ResNet50, squeezenet1_1", "ResNet18", { oneOf: [...new Set([...MEMBERS.values()].map(({ title }) => title))] }),
  init: text(NETWORKS, "Initialisations to take from the tree: 1,2", "all"),
  epoch: text(NETWORKS, "Epochs to take from the tree: 10,20", "all"),
  ...STEM_FLAGS,
  data: text(IMAGES, "Folder of a dataset, or of pictures in one folder a class; or a file of arrays: .npz, .npy, .safetensors", undefined, "file"),
  dataset: text(IMAGES, `Where several lie there: ${[...new Set(Object.values(DATASETS))].join(", ")}; also the tree's folder`, "what lies in --data", one(DATASETS)),
  split: text(IMAGES, "test or train", "test", one(SPLITS)),
  limit: text(IMAGES, "Only the first so many images", "all"),
  coarse: flag(IMAGES, "The 20 coarse classes of CIFAR-100"),
  resize: text(IMAGES, "Of pictures: length of the shorter side, or height x width; as torchvision's Resize", "as they are"),
  crop: text(IMAGES, "Of pictures: the middle, a square or height x width; as torchvision's CenterCrop", "all of it"),
  normalisation: text(IMAGES, `By name, as mean / std of pixels from 0 to 1: default, ${NORMALISATION_LIST}`, "of a layer in the checkpoint, or what is usual for the images", one(NORMALISATION_NAMES)),
  mean: text(IMAGES, "By numbers instead: one value, or one a channel by commas; none leaves pixels from 0 to 1"),
  std: text(IMAGES, "Standard deviations to --mean"),
  ...SWEEP_FLAGS,
  out: text(OUTPUT, "Folder of the run; the same command goes on with an interrupted one", "runs/<time>-<network>-<dataset>-<id>", "folder"),
  overwrite: flag(OUTPUT, "Start anew in a folder that holds a run"),
  "no-report": flag(OUTPUT, "Write no report.html at the end"),
  shard: text(CLUSTER, "Evaluate part i of n (2/8) into DIR/shard-i-of-n, for `merge`; auto: as the Slurm array or Kubernetes job says", "all"),
  "no-shard": flag(CLUSTER, "Evaluate everything, whatever INFERLINK_SHARDS says"),
  deadline: text(CLUSTER, "Stop in order after 55m, 1h30m…: progress is saved, exit code 75"),
  adapter: text(OUTPUT, "Index, or part of the name, as `devices` shows them", "the first"),
  kernels: { ...KERNELS_FLAG.kernels, group: OUTPUT },
  config: { ...CONFIG_FLAG.config, group: OUTPUT },
  json: flag(OUTPUT, "Print one JSON object instead of the table"),
  "no-tune": flag(OUTPUT, "Don't measure which kernel settings are fastest here, or use what was measured before"),
  profile: flag(OUTPUT, "Print the adapter's time by kernel, and how long it was idle"),
  quiet: flag(OUTPUT, "Print errors only"),
};
