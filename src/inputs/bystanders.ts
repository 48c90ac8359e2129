/** Which tensors beside a network are none of its weights: what training keeps in the same dict. */
import { isFloat, type ArrayRef } from "../io/arrays.js";

/** Words of a name's part, between its underscores. */
const wordsOf = (part: string): string[] => part.toLowerCase().split("_").filter((word) => word !== "");

const isLoss = (part: string): boolean => /loss|criteri|^objective$/i.test(part);
/** Weights of classes in a loss, kept under a name of their own. */
const CLASS_WEIGHT = /^(?:pos|cls|class|label|sample|loss)e?s?_?(?:weights?|prior|freq|frequenc(?:y|ies)|counts?)$/i;
const METRIC = /^(?:metrics?|confmat|confusion(?:_matrix)?|accuracy|(?:train|val|valid|validation|test)_(?:acc|accuracy|metrics?|auroc|f1|confmat|precision|recall))$/i;
const OPTIMIZER = /^(?:optim|optimizers?|optimizer_states?|schedulers?|lr_scheduler|grad_scaler|scaler|exp_avg|exp_avg_sq|momentum_buffer)$/i;
/** Copies of a network that are not the one that was trained last, and what else has a number for each weight. */
const COPY = new Set(["ema", "swa", "avg", "average", "averaged", "averages", "teacher", "momentum", "target", "shadow", "polyak", "slow", "k", "best", "old", "prev", "previous", "init", "initial", "backup", "copy", "attacker", "grad", "grads", "gradients", "fisher"]);

/** True for a path that speaks of a moving average, a teacher, the best of earlier epochs and the like. */
export const isCopy = (path: string): boolean => path.split(/[.[\]]+/).some((part) => wordsOf(part.replace(/([a-z])([A-Z])/g, "$1_$2")).some((word) => COPY.has(word)));

/** True for a number in a list of its own, say a step or a temperature. A PReLU has one number, too, and the network's output depends on it. */
export const isSingleNumber = (name: string, { shape }: ArrayRef): boolean => shape.every((size) => size === 1) && !/(?:^|\.)(?:weight|bias)$/.test(name);

/** True for a part of a name that speaks of an optimizer, a loss or a metric. */
export const isOfTraining = (part: string): boolean => METRIC.test(part) || OPTIMIZER.test(part) || isLoss(part);

/** True for a tensor that no network's output depends on, by its kind or by what its name says. */
export function isBystander(name: string, array: ArrayRef): boolean {
  const parts = name.split(".");
  if (parts.at(-1) === "num_batches_tracked" || !isFloat(array.dtype) || array.shape.length === 0) return true;
  return parts.some(isOfTraining) || (array.shape.length === 1 && CLASS_WEIGHT.test(parts.at(-1)!));
}
