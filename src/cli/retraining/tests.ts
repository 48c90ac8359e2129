/** How a retrained network does: every epoch under every attack, as rows of retraining.arrow. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Gpu } from "../../gpu/device.js";
import type { Dataset } from "../../io/types.js";
import type { Network } from "../../model/architecture.js";
import { readRetraining, RETRAINING, writeRetraining, type RetrainingRow } from "../../results/retraining/rows.js";
import { attackOf } from "../../sweep/attack.js";
import type { SweepConfig } from "../../sweep/config.js";
import { wholeNetwork, type Tested } from "../../train/testing.js";
import type { Counts } from "./selection.js";

export type RowSource = Pick<RetrainingRow, "network" | "dataset" | "checkpoint" | "init" | "seed" | "variant" | "by">;

export class RetrainingTests {
  #rows: RetrainingRow[];

  /** @param done epochs that are saved: what was tested behind them is tested again */
  constructor(private readonly folder: string, private readonly source: RowSource, private readonly attacks: SweepConfig[], private readonly metadata: Record<string, string>, done: number) {
    this.#rows = done > 0 && existsSync(join(folder, RETRAINING)) ? readRetraining(folder).rows.filter(({ epoch }) => epoch <= done) : [];
  }

  has(epoch: number): boolean {
    return this.#rows.some((row) => row.epoch === epoch);
  }

  /** Tests a network under every attack and writes it down. @param counts of what was updated in the epoch */
  async add(gpu: Gpu, network: Network, dataset: Dataset, epoch: number, counts: Counts): Promise<Tested> {
    const { images } = dataset;
    this.#rows = this.#rows.filter((row) => row.epoch < epoch);
    let clean: Tested = { loss: NaN, correct: 0, images };
    for (const config of this.attacks) {
      const sums = (await wholeNetwork(gpu, network, dataset, config))!;
      clean = { loss: sums.lossClean[0] / images, correct: sums.correctClean[0], images };
      config.epsilons.forEach((epsilon, e) => this.#rows.push({
        ...this.source, epoch, attack: attackOf(config), epsilon, images,
        correct_clean: clean.correct, correct_adv: sums.correctAdv[e][0], accuracy_clean: clean.correct / images, accuracy_adv: sums.correctAdv[e][0] / images,
        loss_clean: clean.loss, loss_adv: sums.lossAdv[e][0] / images, ...counts,
      }));
    }
    await writeRetraining(this.folder, this.#rows, this.metadata);
    return clean;
  }
}

/** Nothing is updated before the first epoch. */
export const NONE_UPDATED: Omit<Counts, "weights"> = { updated: 0, updated_fragile: 0, updated_robust: 0, updated_antifragile: 0, updated_uncovered: 0 };
