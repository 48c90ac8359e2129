/** What the learning curves of trainings are drawn from: every initialisation that lies in a folder of the tree. */
import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { readTrainingManifest, type TrainingManifest } from "../../results/training/manifest.js";
import { epochsIn, readTrainingRows, type TrainingRow } from "../../results/training/rows.js";

export interface InitCurves {
  init: number;
  manifest: TrainingManifest;
  steps: TrainingRow[];
  epochs: TrainingRow[];
}

export interface TrainingData {
  network: string;
  dataset: string;
  inits: InitCurves[];
}

const INIT = /^Init_(\d{1,9})$/;

/** @param folder `…/<network>/<dataset>`. @throws InputError for a file that no training wrote */
export function trainingData(folder: string): TrainingData {
  const inits = readdirSync(folder).flatMap((name): InitCurves[] => {
    const path = join(folder, name);
    const manifest = INIT.test(name) ? readTrainingManifest(path) : null;
    const rows = manifest ? readTrainingRows(path) : [];
    return manifest && rows.length > 0 ? [{ init: Number(INIT.exec(name)![1]), manifest, steps: rows.filter(({ kind }) => kind === "step"), epochs: epochsIn(rows) }] : [];
  });
  return { network: basename(dirname(folder)), dataset: basename(folder), inits: inits.sort((a, b) => a.init - b.init) };
}
