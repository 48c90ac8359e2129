/** What `retrain` was asked for: texts of the command line to checked, typed options. */
import { ROBUST_BAND } from "../../analysis/classes.js";
import type { ResponseName } from "../../analysis/parameters.js";
import { needsMarks, parseUpdate, UPDATE_WORDS, type Update } from "../../analysis/update.js";
import { UsageError } from "../../errors.js";
import { PIXEL_FRACTION } from "../../inputs/inputs.js";
import { completeConfig, type SweepConfig } from "../../sweep/config.js";
import type { AttackName } from "../../sweep/row.js";
import { ALSO, type Also } from "../../train/selective.js";
import { ATTACK_NAMES, EPSILON_SPACES } from "../choices.js";
import { responseOf } from "../commands/scoreMarks.js";
import { atLeast, from, many, one, text, type Arguments } from "../options.js";
import { trainOptions, type TrainOptions } from "../training/options.js";
import { distinct, fraction, list, number, single, whole, wrong, type Given } from "../values.js";
import { TRAINING_FLAGS } from "./flags.js";

export interface RetrainOptions {
  /** Folder of the finished sweep, or its results.arrow. */
  run: string;
  update: Update;
  by: ResponseName;
  band: number;
  /** Strength of the run's attack that the classes go by; null: the only one. */
  marksEpsilon: number | null;
  also: Also[];
  keepsStatistics: boolean;
  /** Epochs; null for never. */
  rescoreEvery: number | null;
  /** Which of the run's checkpoints; null for all. */
  inits: number[] | null;
  epoch: number | null;
  /** Where checkpoints are now. */
  checkpoints: string[];
  testLimit: number | null;
  seed: number;
  /** Configurations of attacks to test with, given that of the run. */
  attacks(run: SweepConfig): SweepConfig[];
  /** Those of `train`, for a checkpoint's file. */
  training(file: string): TrainOptions;
}

function attacksOf(args: Arguments): RetrainOptions["attacks"] {
  const names = many(args, "attack", from(ATTACK_NAMES)) as AttackName[] | undefined;
  const epsilons = many(args, "epsilon", fraction);
  const space = one(args, "epsilon-space", from(EPSILON_SPACES));
  const [steps, stepSize, randomStart] = [one(args, "steps", atLeast(1)), one(args, "step-size", fraction), one(args, "random-start", atLeast(0))];
  const fractions = ["epsilon", "step-size"].filter((name) => (list(name, args[name] as Given) ?? []).some((given) => given.includes("/")));
  const flags: Partial<Record<keyof SweepConfig, string>> = { epsilons: "epsilon", epsilonSpace: "epsilon-space", stepSize: "step-size", randomStart: "random-start" };
  return (run) => {
    const own = names ?? [run.attack ?? "fgsm"];
    const ofSteps = { steps, stepSize, randomStart };
    const stray = (Object.keys(ofSteps) as (keyof typeof ofSteps)[]).find((field) => ofSteps[field] !== undefined);
    if (stray && !own.includes("pgd")) throw wrong(flags[stray] ?? stray, "goes with --attack pgd; fgsm is one step");
    if (fractions.length > 0 && (space ?? run.epsilonSpace) !== "pixel") throw wrong(fractions, PIXEL_FRACTION);
    return own.map((attack) => completeConfig({
      attack, epsilons: epsilons ?? run.epsilons, epsilonSpace: space ?? run.epsilonSpace, clamp: args.clamp === true || run.clamp,
      ...(attack === "pgd" && { steps: steps ?? run.steps, stepSize: stepSize ?? run.stepSize, randomStart: randomStart ?? run.randomStart }),
    }, (field) => `--${flags[field] ?? field}`));
  };
}

function alsoOf(args: Arguments): Also[] {
  const given = list("also", args.also as Given);
  if (!given) return [...ALSO];
  if (given.length === 1 && given[0] === "none") return [];
  const stray = distinct("also", given).find((name) => !(ALSO as readonly string[]).includes(name));
  if (stray !== undefined) throw wrong("also", `"${stray}" is none of ${ALSO.join(", ")}, none`);
  return ALSO.filter((name) => given.includes(name));
}

export function retrainOptions(args: Arguments): RetrainOptions {
  const given = list("update", args.update as Given)?.join(",");
  if (given === undefined) throw wrong("update", `is missing; say what is updated: ${UPDATE_WORDS}`);
  const update = parseUpdate(given);
  if (!update) throw wrong("update", `"${given}" is not ${UPDATE_WORDS}`);
  const byText = single("by", args.by as Given);
  if (byText !== null && !needsMarks(update)) throw wrong("by", `has nothing to say where --update ${given} chooses without marks`);
  const by = update.kind === "targeted" ? "difference" : responseOf(byText);
  if (byText !== null && responseOf(byText) !== by) throw wrong(["update", "by"], "targeted weights are those that are fragile by the difference; leave --by out");
  const band = one(args, "robust-band", number) ?? ROBUST_BAND;
  if (band < 0) throw wrong("robust-band", "has to be 0 or more");
  const rescoreEvery = one(args, "rescore-every", atLeast(1)) ?? null;
  if (rescoreEvery !== null && !needsMarks(update)) throw wrong("rescore-every", `renews marks, and --update ${given} chooses without them`);
  if (one(args, "out", text) === undefined) throw wrong("out", "is missing; name a folder for the retrained networks");
  const shared: Arguments = Object.fromEntries(TRAINING_FLAGS.map((name) => [name, args[name]]));
  const training = (file: string): TrainOptions => trainOptions({ ...shared, from: file, init: "1", inits: "1" });
  training("net.ckpt"); // so that what is wrong of it comes out first
  const seed = one(args, "seed", (name, word) => whole(name, word, 0)) ?? 0;
  if (args.data === undefined) throw new UsageError("--data: is missing; give the folder of the images, such as --data Dataset/MNIST/raw");
  return {
    run: String(args.run), update, by, band, also: alsoOf(args), rescoreEvery, seed, training,
    marksEpsilon: one(args, "marks-epsilon", fraction) ?? null,
    keepsStatistics: args["keep-statistics"] === true,
    inits: many(args, "init", atLeast(0)) ?? null,
    epoch: one(args, "epoch", atLeast(0)) ?? null,
    checkpoints: [args.checkpoint ?? []].flat() as string[],
    testLimit: one(args, "test-limit", atLeast(1)) ?? null,
    attacks: attacksOf(args),
  };
}
