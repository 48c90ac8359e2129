/** The folder of one initialisation in the tree of networks: what its files are called, and who works in it. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { UsageError } from "../../errors.js";
import type { CheckpointFormat } from "../../io/checkpoints/stateDict.js";
import { makeFolder, onFile } from "../folder/durable.js";
import { FolderLock, type Owner } from "../folder/lock.js";
import { safeName, strangers } from "../folder/runFolder.js";
import { differences } from "../identity.js";
import { readTrainingManifest, TRAINING_MANIFEST, type TrainingIdentity, type TrainingManifest } from "./manifest.js";
import { RETRAINING } from "../retraining/rows.js";
import { TRAINING } from "./rows.js";

/** `<network>_<dataset>`: how the names of an initialisation's files begin. A `_` in a dataset's name would belong to the network's. */
const stemOf = (network: string, dataset: string): string => `${safeName(network)}_${safeName(dataset).replaceAll("_", "-")}`;

/** Paths of a tree `Saved_models/<network>/<dataset>/Init_<i>/…`, as the notebooks have it. */
export class TrainingTree {
  readonly root: string;
  /** Of all initialisations. */
  readonly folder: string;
  readonly #stem: string;

  constructor(out: string, network: string, dataset: string) {
    this.root = join(out, "Saved_models");
    this.folder = join(this.root, safeName(network), safeName(dataset).replaceAll("_", "-"));
    this.#stem = stemOf(network, dataset);
  }

  init(init: number): string {
    return join(this.folder, `Init_${init}`);
  }

  checkpoint(epoch: number, format: CheckpointFormat): string {
    return `${this.#stem}_${epoch}epochs.${format}`;
  }

  /** Marks by which a retraining chooses from an epoch on. */
  marks(epoch: number): string {
    return `${this.#stem}_marks_${epoch}epochs.safetensors`;
  }

  get state(): string {
    return `${this.#stem}.state`;
  }

  /** The notebooks' pickle of losses and accuracies. */
  pickle(init: number): string {
    return `${this.#stem}_training_Init_${init}.pkl`;
  }

  /** Whether a file in the folder of an initialisation is one that a training writes, or was writing when it was killed. */
  isOurs(name: string): boolean {
    const plain = name.replace(/\.[0-9a-f]{8}\.tmp$/, "");
    return [TRAINING, RETRAINING, TRAINING_MANIFEST, this.state].includes(plain) || (plain.startsWith(`${this.#stem}_`) && /_(?:(?:marks_)?\d+epochs\.(?:ckpt|safetensors)|training_Init_\d+\.pkl)$/.test(plain));
  }
}

export interface TrainingFolder {
  path: string;
  lock: FolderLock;
  /** Null for a new training. */
  earlier: TrainingManifest | null;
}

export interface TrainingFolderRequest {
  tree: TrainingTree;
  identity: TrainingIdentity;
  overwrite: boolean;
  /** Whether there has to be a training to go on with. */
  resume: boolean;
  onWait?(owner: Owner): void;
}

const MOST = 8;

/**
 * Opens the folder for this process alone.
 * @throws UsageError for a folder with another training, or with files of somebody else; TryAgainError while another process works in it
 */
export async function openTrainingFolder({ tree, identity, overwrite, resume, onWait }: TrainingFolderRequest): Promise<TrainingFolder> {
  const path = tree.init(identity.init);
  await onFile(path, () => makeFolder(path));
  const lock = await FolderLock.acquire(path, onWait);
  try {
    const ours = (await onFile(path, () => readdir(path))).filter((name) => tree.isOurs(name) && (overwrite || name.endsWith(".tmp")));
    // The manifest last: until then the folder is known as a training's.
    for (const name of ours.sort((a, b) => Number(a === TRAINING_MANIFEST) - Number(b === TRAINING_MANIFEST))) await onFile(join(path, name), () => rm(join(path, name), { force: true }));
    const earlier = readTrainingManifest(path);
    const [stranger] = earlier ? [] : await strangers(path);
    if (stranger !== undefined) throw new UsageError(`${path}: holds ${stranger}, which no training by this program wrote; choose another --out${tree.isOurs(stranger) ? ", or start anew with --overwrite" : ""}`);
    if (resume && !earlier) throw new UsageError(`--resume: ${path} holds no training to go on with; leave --resume out to begin one`);
    const different = earlier ? differences(earlier.identity, identity) : [];
    if (different.length > 0) {
      throw new UsageError(`${path}: holds another training (${[...different.slice(0, MOST), ...(different.length > MOST ? [`and ${different.length - MOST} more`] : [])].join("; ")}); choose another --out, or start it anew with --overwrite`);
    }
    return { path, lock, earlier };
  } catch (error) {
    await lock.release();
    throw error;
  }
}
