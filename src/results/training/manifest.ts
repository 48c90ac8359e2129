/** training.json: what is trained in the folder of an initialisation, from what, with what and when. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../errors.js";
import type { AdapterSummary } from "../../gpu/adapter.js";
import type { Normalisation } from "../../io/types.js";
import { replaceFile } from "../folder/durable.js";
import { readJson } from "../folder/jsonFile.js";
import type { DeviceIdentity } from "../identity.js";
import type { TrainingConfig } from "../../train/config.js";

export const TRAINING_MANIFEST = "training.json";
const MAX_FILE = 2 ** 23;
const VERSION = 1;

/** Trainings of equal identity write the same bytes into their checkpoints, however often they are stopped. */
export interface TrainingIdentity extends DeviceIdentity {
  packageVersion: string;
  /** `program`: SHA-256 of an exported program; `from`: of the file that is gone on from. Absent where there is none. */
  network: { name: string; width: number; channels: number; classes: number; program?: string; from?: string };
  init: number;
  /** What the user gave, and that of this initialisation, made of it. */
  seed: { given: number; own: number };
  /** Without the numbers of epochs and of checkpoints, which may grow; a cosine's epochs are those of its schedule. */
  config: Omit<TrainingConfig, "epochs" | "saveEvery"> & { epochs?: number };
  dataset: { name: string; images: number; sha256: string; normalisation: Normalisation | null; order?: string };
  /** What is updated, by which marks, and how it is tested; absent for a training of all. */
  retraining?: Record<string, unknown>;
  /** Null where no images are tested. */
  test: { images: number; sha256: string } | null;
}

export interface TrainingManifest {
  manifest_version: number;
  status: "running" | "interrupted" | "done";
  identity: TrainingIdentity;
  epochs: number;
  save_every: number;
  /** Finished epochs and steps. */
  epochs_done: number;
  steps_done: number;
  checkpoints: { epoch: number; file: string; sha256: string }[];
  data: { files: string[]; test: string[] };
  adapter: Omit<AdapterSummary, "limits" | "features" | "index">;
  versions: Record<string, string>;
  started: string;
  resumed: string[];
  ended: string | null;
  /** Seconds of training so far, in all processes. */
  seconds: number;
  faults: { time: string; kind: string; message: string; action: string }[];
}

export const identityOfConfig = ({ epochs, saveEvery: _, ...config }: TrainingConfig): TrainingIdentity["config"] => ({ ...config, ...(config.schedule.kind === "cosine" && { epochs }) });

export const newManifest = (facts: Pick<TrainingManifest, "identity" | "epochs" | "save_every" | "data" | "adapter" | "versions">): TrainingManifest => ({
  manifest_version: VERSION, status: "running", epochs_done: 0, steps_done: 0, checkpoints: [], started: new Date().toISOString(), resumed: [], ended: null, seconds: 0, faults: [], ...facts,
});

export async function writeTrainingManifest(folder: string, manifest: TrainingManifest): Promise<void> {
  await replaceFile(join(folder, TRAINING_MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);
const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;

/** The first field that is not what this program writes, or null. What is compared with this training's identity needs no check. */
function problemOf(value: unknown): string | null {
  if (!isObject(value)) return "no object";
  const { manifest_version: version, status, identity, epochs_done: epochs, steps_done: steps, checkpoints, started, resumed, seconds, faults } = value;
  if (version !== VERSION) return "manifest_version";
  if (!["running", "interrupted", "done"].includes(status as string)) return "status";
  if (!isObject(identity) || !isObject(identity.network)) return "identity";
  if (!isCount(epochs) || !isCount(steps) || typeof seconds !== "number" || typeof started !== "string") return "counts";
  if (!Array.isArray(resumed) || !Array.isArray(faults)) return "resumed";
  const isCheckpoint = (each: unknown): boolean => isObject(each) && isCount(each.epoch) && typeof each.file === "string" && /^[^/\\]+$/.test(each.file) && typeof each.sha256 === "string";
  return Array.isArray(checkpoints) && checkpoints.every(isCheckpoint) ? null : "checkpoints";
}

/** @returns null where there is none. @throws InputError for a file that no training wrote */
export function readTrainingManifest(folder: string): TrainingManifest | null {
  const path = join(folder, TRAINING_MANIFEST);
  if (!existsSync(path)) return null;
  const value = readJson(path, MAX_FILE);
  const problem = problemOf(value);
  if (problem !== null) throw new InputError(path, `is no manifest of a training by this program (${problem}); choose another --out, or start anew with --overwrite`);
  return value as TrainingManifest;
}
