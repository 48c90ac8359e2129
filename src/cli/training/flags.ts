/** Flags of `train`, in the order of --help; every value is a text that options.ts checks. */
import { MEMBERS } from "../../model/networks/table.js";
import { ATTACK_NAMES, AUGMENTS, CHECKPOINT_FORMATS, DATASETS, EPSILON_SPACES, OPTIMIZER_NAMES, ORDERS, SCHEDULES } from "../choices.js";
import { CONFIG_FLAG, type Flag } from "../command.js";
import { flag, one, RUN_FLAGS, STEM_FLAGS, text } from "../flags.js";

const NETWORK = "Network:";
const IMAGES = "Images:";
const TRAINING = "Training:";
const ADVERSARIAL = "Adversarial training:";
const OUTPUT = "Output:";

/** Flags that mean what they mean for `run`. */
const shared = (group: string, ...names: string[]): Record<string, Flag> => Object.fromEntries(names.map((name) => [name, { ...(RUN_FLAGS[name] ?? STEM_FLAGS[name]), group }]));

export const TRAIN_FLAGS: Record<string, Flag> = {
  network: text(NETWORK, "By name: ResNet18, SqueezeNet1_1, ShuffleNetV2_x0_5 …; or an exported program: net.pt2", "that of --from", { oneOf: [...MEMBERS.keys()] }),
  width: text(NETWORK, "Channels of the first convolution; all others grow with it", "the published network's"),
  from: text(NETWORK, "Begin with a checkpoint's weights; its last layer begins anew where the classes are others", "weights drawn as torchvision draws them", "file"),
  ...shared(NETWORK, "key", "stem-stride", "stem-pool"),
  seed: text(NETWORK, "Of weights, orders and augmentation; each initialisation has its own, made of it", "0"),
  inits: text(NETWORK, "Networks to train, one after the other, into Init_1, Init_2 …", "3"),
  init: text(NETWORK, "Only these of them, by commas: one a task on a cluster"),
  data: { ...RUN_FLAGS.data, group: IMAGES },
  dataset: text(IMAGES, `Where several lie there: ${[...new Set(Object.values(DATASETS))].join(", ")}`, "what lies in --data", one(DATASETS)),
  limit: text(IMAGES, "Learn from the first so many images only", "all"),
  ...shared(IMAGES, "coarse", "resize", "crop", "normalisation", "mean", "std"),
  order: text(IMAGES, "shuffle: anew each epoch; file: as the files have them", "shuffle", one(ORDERS)),
  augment: text(IMAGES, "crop: at a random place behind a padding of an eighth; flip: left for right", "none", { someOf: Object.keys(AUGMENTS) }),
  "no-test": flag(IMAGES, "Don't test on the test images after each epoch"),
  epochs: text(TRAINING, "Times that all images are learned from", "100"),
  "save-every": text(TRAINING, "Epochs between checkpoints; the last one is saved in any case", "10"),
  "batch-size": text(TRAINING, "Images of a step; what is left over at an epoch's end waits for the next", "100"),
  "micro-batch": text(TRAINING, "Images computed at once, where the memory is small: their gradients are added up", "all of a step"),
  optimizer: text(TRAINING, "adam, adamw or sgd, with PyTorch's defaults", "adam", one(OPTIMIZER_NAMES)),
  lr: text(TRAINING, "Learning rate", "0.001"),
  momentum: text(TRAINING, "Of sgd", "0"),
  nesterov: flag(TRAINING, "Nesterov's momentum"),
  "weight-decay": text(TRAINING, "Of every parameter, as PyTorch's optimizers have it", "0; adamw 0.01"),
  schedule: text(TRAINING, "Of the learning rate: constant, step or cosine", "constant", one(SCHEDULES)),
  "step-every": text(TRAINING, "Of --schedule step: epochs between its steps", "a third of the epochs"),
  "step-factor": text(TRAINING, "Of --schedule step: what the rate is multiplied by", "0.1"),
  "warm-up": text(TRAINING, "Epochs, or a part of one, in which the rate grows from 0", "0"),
  "label-smoothing": text(TRAINING, "Share of each label that goes to all classes alike", "0"),
  adversarial: { ...text(ADVERSARIAL, "Learn from attacked images, too: fgsm or pgd", "none", one(ATTACK_NAMES)), alias: "attack" },
  epsilon: text(ADVERSARIAL, "Strength of the attack"),
  "epsilon-space": text(ADVERSARIAL, "Unit of epsilon: after normalisation (input), or pixels of 0 to 1 (pixel, takes 8/255)", "input", one(EPSILON_SPACES)),
  ...shared(ADVERSARIAL, "steps", "step-size", "random-start"),
  clamp: flag(ADVERSARIAL, "Clamp attacked images to the valid range of pixels"),
  mix: text(ADVERSARIAL, "Share of the attacked images in the loss, at most 1", "0.5"),
  out: text(OUTPUT, "Folder for Saved_models/…; the same command goes on with an interrupted training", ".", "folder"),
  format: text(OUTPUT, "Of checkpoints: ckpt (as torch.save writes them) or safetensors", "ckpt", one(CHECKPOINT_FORMATS)),
  resume: flag(OUTPUT, "Go on with a training, and begin none"),
  overwrite: flag(OUTPUT, "Start anew in folders that hold a training"),
  "no-report": flag(OUTPUT, "Draw no learning curves and write no training.html at the end"),
  shard: text(OUTPUT, "Train part i of n (2/3) of the initialisations; auto: as the Slurm array or Kubernetes job says", "all"),
  "no-shard": { ...RUN_FLAGS["no-shard"], description: "Train all, whatever INFERLINK_SHARDS says", group: OUTPUT },
  ...shared(OUTPUT, "deadline", "adapter", "kernels"),
  config: { ...CONFIG_FLAG.config, group: OUTPUT },
  json: flag(OUTPUT, "Print one JSON object instead of the table"),
  profile: flag(OUTPUT, "Print the adapter's time by kernel, and how long it was idle"),
  quiet: flag(OUTPUT, "Print errors only"),
};
