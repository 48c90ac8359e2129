/** The words that flags take, with what each stands for; --help, completion and the checks read them here. */
import { AUGMENTATIONS, type Augmentation } from "../train/augment.js";
import type { OptimizerConfig } from "../train/optimizer.js";
import type { Order } from "../train/order.js";
import type { ScheduleKind } from "../train/schedule.js";
import type { CheckpointFormat } from "../io/checkpoints/stateDict.js";
import type { ExportFormat } from "../export/export.js";
import type { ArrayKind } from "../export/notebooks.js";
import type { DatasetName } from "../io/types.js";
import type { Kernels } from "../layout/blocks.js";
import type { AttackName, Filter, Scope } from "../sweep/row.js";

export const DATASETS: Record<string, DatasetName> = {
  mnist: "mnist", "fashion-mnist": "fashion-mnist", kmnist: "kmnist", qmnist: "qmnist",
  "emnist-balanced": "emnist-balanced", "emnist-byclass": "emnist-byclass", "emnist-bymerge": "emnist-bymerge", "emnist-digits": "emnist-digits", "emnist-letters": "emnist-letters", "emnist-mnist": "emnist-mnist",
  cifar10: "cifar10", cifar100: "cifar100", "tiny-imagenet": "tiny-imagenet", "tiny-imagenet-200": "tiny-imagenet", images: "images",
};
/** With the notebooks' names. */
export const FILTER_NAMES: Record<string, Filter> = { h_a: "h_a", h_b: "h_b", h_c: "h_c", magnitude: "magnitude", minmax: "h_a", maxmin: "h_b", pulseminmax: "h_c" };
export const SCOPES: Record<string, Scope> = { local: "local", global: "global" };
export const ATTACK_NAMES: Record<string, AttackName> = { fgsm: "fgsm", pgd: "pgd" };
export const SPLITS = { test: "test", train: "train" } as const;
export const EPSILON_SPACES = { input: "input", pixel: "pixel" } as const;
export const BATCH_NORMS = { running: "running", batch: "batch" } as const;
export const STEM_POOLS = { yes: "yes", no: "no" } as const;
export const EXPORT_FORMATS: Record<string, ExportFormat> = { parquet: "parquet", csv: "csv", jsonl: "jsonl", ndjson: "jsonl", pickle: "pickle" };
export const ARRAY_KINDS: Record<string, ArrayKind> = { numpy: "numpy", torch: "torch" };
/** Of trainings. */
export const OPTIMIZER_NAMES: Record<string, OptimizerConfig["kind"]> = { adam: "adam", adamw: "adamw", sgd: "sgd" };
export const SCHEDULES: Record<string, ScheduleKind> = { constant: "constant", step: "step", cosine: "cosine" };
export const AUGMENTS = Object.fromEntries(AUGMENTATIONS.map((name) => [name, name])) as Record<string, Augmentation>;
export const ORDERS: Record<string, Order> = { shuffle: "shuffle", file: "file" };
export const CHECKPOINT_FORMATS: Record<string, CheckpointFormat> = { ckpt: "ckpt", safetensors: "safetensors" };
export const KERNELS: Record<string, Kernels> = { software: "software", hardware: "hardware" };
