/** Flags of `retrain`: its own, those of `train` that hold for it, and those of an attack. */
import { RESPONSES } from "../../analysis/parameters.js";
import { ROBUST_BAND } from "../../analysis/classes.js";
import { UPDATE_WORDS } from "../../analysis/update.js";
import { ALSO } from "../../train/selective.js";
import { ATTACK_NAMES } from "../choices.js";
import type { Flag } from "../command.js";
import { SWEEP_FLAGS } from "../flags.js";
import { TRAIN_FLAGS } from "../training/flags.js";

const CHOICE = "What is updated:";
const TESTS = "Tested after each epoch:";
const text = (group: string, description: string, defaultDescription?: string, completes?: Flag["completes"]): Flag => ({ type: "string", requiresArg: true, group, description, ...(defaultDescription && { defaultDescription }), ...(completes && { completes }) });

/** Flags of `train` that begin a network, or attack it in training: a retraining has the run's networks. */
const NOT_OURS = ["network", "width", "from", "key", "stem-stride", "stem-pool", "inits", "init", "shard", "no-shard", "adversarial", "epsilon", "epsilon-space", "mix", "steps", "step-size", "no-test"];
export const TRAINING_FLAGS = Object.keys(TRAIN_FLAGS).filter((name) => !NOT_OURS.includes(name));
export const ATTACK_FLAGS = ["attack", "epsilon", "epsilon-space", "clamp", "steps", "step-size", "random-start"];

export const RETRAIN_FLAGS: Record<string, Flag> = {
  update: text(CHOICE, UPDATE_WORDS, undefined, { someOf: ["robust", "antifragile", "fragile", "targeted", "all", "none"] }),
  by: text(CHOICE, `Response that the classes go by: ${RESPONSES.join(", ")}`, "adversarial", { oneOf: [...RESPONSES] }),
  "robust-band": text(CHOICE, "Changes this near to 0 are robust", String(ROBUST_BAND)),
  "marks-epsilon": text(CHOICE, "Strength of the run's attack that the classes go by", "the run's only one"),
  also: text(CHOICE, `What trains beside these weights: ${ALSO.join(", ")}, or none`, ALSO.join(","), { someOf: [...ALSO, "none"] }),
  "keep-statistics": { type: "boolean", group: CHOICE, description: "Leave the running statistics of batch norms as they are" },
  "rescore-every": text(CHOICE, "Sweep h_c again after so many epochs, and renew the marks", "never"),
  init: text(CHOICE, "Only the run's checkpoints of these initialisations: 1,2", "all"),
  epoch: text(CHOICE, "Only the run's checkpoints of this epoch", "all"),
  checkpoint: { ...text(CHOICE, "Where a checkpoint is now, if it moved: the file, or a folder that holds it; may be repeated"), completes: "file" },
  ...Object.fromEntries(ATTACK_FLAGS.map((name) => [name, { ...SWEEP_FLAGS[name], group: TESTS, ...(SWEEP_FLAGS[name].type === "string" && { defaultDescription: name === "attack" || name === "epsilon" || name === "epsilon-space" ? "as in the run" : SWEEP_FLAGS[name].defaultDescription }) }])),
  attack: { ...text(TESTS, "fgsm, pgd or both, by commas", "as in the run"), completes: { someOf: Object.keys(ATTACK_NAMES) } },
  "test-limit": text(TESTS, "Only the first so many test images", "all"),
  ...Object.fromEntries(TRAINING_FLAGS.map((name) => [name, TRAIN_FLAGS[name]])),
};
