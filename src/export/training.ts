/** Losses and accuracies of a training as the method's notebooks pickle them: `training_loss` and `training_accuracy`, one an epoch. */
import * as py from "../io/checkpoints/pickleWriter.js";
import { epochsIn, type TrainingRow } from "../results/training/rows.js";

export function trainingPickle(rows: readonly TrainingRow[]): Uint8Array {
  const epochs = epochsIn(rows);
  const list = (value: (row: TrainingRow) => number): py.Pickled => py.list(epochs.map((row) => py.float(value(row))));
  return py.pickle(py.dict([[py.text("training_loss"), list(({ loss }) => loss)], [py.text("training_accuracy"), list(({ correct, images }) => correct / images)]]));
}
