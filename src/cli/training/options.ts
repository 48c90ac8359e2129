/** What `train` was asked for: texts of the command line to checked, typed options. */
import { PIXEL_FRACTION } from "../../inputs/inputs.js";
import type { TrainingInputs } from "../../inputs/training.js";
import type { CheckpointFormat } from "../../io/checkpoints/stateDict.js";
import type { Kernels } from "../../layout/blocks.js";
import { MEMBERS, memberNamed } from "../../model/networks/table.js";
import { nearest } from "../../suggest.js";
import { type AttackConfig, completeAttack } from "../../sweep/attack.js";
import type { AdversarialConfig, TrainingConfig } from "../../train/config.js";
import { OPTIMIZER_DEFAULTS, type OptimizerConfig } from "../../train/optimizer.js";
import type { Schedule } from "../../train/schedule.js";
import { ATTACK_NAMES, AUGMENTS, CHECKPOINT_FORMATS, DATASETS, EPSILON_SPACES, OPTIMIZER_NAMES, ORDERS, SCHEDULES } from "../choices.js";
import { duration } from "../duration.js";
import { normalisationOf } from "../normalisation.js";
import { atLeast, from, kernelsOf, many, one, pixels, stemOptions, text, type Arguments, type Read } from "../options.js";
import { chooseShard, type Environment } from "../running/shard.js";
import { fraction, number, whole, wrong } from "../values.js";

export interface TrainOptions {
  inputs: TrainingInputs;
  config: TrainingConfig;
  seed: number;
  /** Initialisations to train here, and how many there are in all, those of other tasks among them. */
  inits: number[];
  of: number;
  out: string;
  format: CheckpointFormat;
  resume: boolean;
  overwrite: boolean;
  report: boolean;
  /** Seconds after which the training stops in order; null for never. */
  deadline: number | null;
  adapter: string | null;
  kernels: Kernels | undefined;
  json: boolean;
  profile: boolean;
  quiet: boolean;
  /** Who said which initialisations; null where there is nothing to tell. */
  note: string | null;
}

/** A number in a range. @param isRight null where every number is */
const inRange = (wants: string, isRight: (value: number) => boolean, read: Read<number> = number): Read<number> => (name, given) => {
  const value = read(name, given);
  if (!isRight(value)) throw wrong(name, `takes ${wants}, not ${given}`);
  return value;
};
const above0 = inRange("a number above 0", (value) => value > 0);
const atLeast0 = inRange("a number of at least 0", (value) => value >= 0);
const below1 = inRange("a number from 0 to below 1", (value) => value >= 0 && value < 1);
const share = inRange("a number above 0 and at most 1", (value) => value > 0 && value <= 1);

/** @throws OptionError for flags that say something about what was not asked for */
function refuseStray(args: Arguments, names: string[], belongs: string): void {
  const stray = names.find((name) => args[name] !== undefined && args[name] !== false);
  if (stray !== undefined) throw wrong(stray, `belongs to ${belongs}`);
}

const isProgram = (name: string): boolean => /\.pt2$/i.test(name);

function networkOf(args: Arguments, start: string | null): TrainingInputs["network"] {
  const given = one(args, "network", text);
  if (given === undefined) {
    if (start === null) throw wrong("network", `is missing; give a name such as ResNet18, an exported program, or --from a checkpoint`);
    return isProgram(start) ? { program: start } : null;
  }
  if (isProgram(given)) return { program: given };
  const member = memberNamed(given);
  if (member !== null) return { member };
  const names = [...MEMBERS.values()].flatMap(({ name, title }) => [title, name]);
  const near = nearest(given, names);
  throw wrong("network", `"${given}" is no network that is known by its name${near ? `; did you mean ${near}?` : `: there are ${[...MEMBERS.keys()].join(", ")}`}; or name an exported program (.pt2)`);
}

/** PyTorch's default. */
const ADAMW_DECAY = 0.01;

function optimizerOf(args: Arguments): OptimizerConfig {
  const kind = one(args, "optimizer", from(OPTIMIZER_NAMES)) ?? "adam";
  const [momentum, nesterov] = [one(args, "momentum", below1) ?? 0, args.nesterov === true];
  if (kind !== "sgd") refuseStray(args, ["momentum", "nesterov"], "--optimizer sgd");
  if (nesterov && momentum === 0) throw wrong("nesterov", "wants --momentum with it, such as 0.9");
  return { kind, ...OPTIMIZER_DEFAULTS, momentum, nesterov, weightDecay: one(args, "weight-decay", atLeast0) ?? (kind === "adamw" ? ADAMW_DECAY : 0) };
}

function scheduleOf(args: Arguments, epochs: number): Schedule {
  const kind = one(args, "schedule", from(SCHEDULES)) ?? "constant";
  if (kind !== "step") refuseStray(args, ["step-every", "step-factor"], "--schedule step");
  const warmUp = one(args, "warm-up", atLeast0) ?? 0;
  if (warmUp >= epochs) throw wrong("warm-up", `takes fewer epochs than the ${epochs} there are`);
  const steps = kind === "step" ? { every: one(args, "step-every", atLeast(1)) ?? Math.ceil(epochs / 3), factor: one(args, "step-factor", above0) ?? 0.1 } : { every: 0, factor: 1 };
  return { kind, rate: one(args, "lr", above0) ?? 1e-3, warmUp, ...steps };
}

const above0Fraction = inRange("a number above 0", (value) => value > 0, fraction);
const ATTACK_FLAGS: Record<keyof AttackConfig, string> = { attack: "adversarial", steps: "steps", stepSize: "step-size", randomStart: "random-start" };

function adversarialOf(args: Arguments): AdversarialConfig | null {
  const attack = one(args, "adversarial", from(ATTACK_NAMES));
  if (attack === undefined) {
    refuseStray(args, ["epsilon", "epsilon-space", "steps", "step-size", "random-start", "clamp", "mix"], "--adversarial fgsm or pgd");
    return null;
  }
  const space = one(args, "epsilon-space", from(EPSILON_SPACES)) ?? "input";
  const epsilon = one(args, "epsilon", above0Fraction);
  if (epsilon === undefined) throw wrong("epsilon", "is missing beside --adversarial; say how strong the attack is");
  const fractions = ["epsilon", "step-size"].find((name) => String(args[name]).includes("/"));
  if (space === "input" && fractions) throw wrong(fractions, PIXEL_FRACTION);
  if (space === "pixel" && epsilon > 1) throw wrong("epsilon", `is in pixels of 0 to 1, so ${epsilon} is far too much; did you mean ${epsilon}/255?`);
  const steps = completeAttack({ attack, steps: one(args, "steps", atLeast(1)), stepSize: one(args, "step-size", above0Fraction), randomStart: one(args, "random-start", atLeast(0)) }, (field) => ATTACK_FLAGS[field]);
  return { ...steps, attack, epsilon, epsilonSpace: space, clamp: args.clamp === true, mix: one(args, "mix", share) ?? 0.5 };
}

function configOf(args: Arguments): TrainingConfig {
  const epochs = one(args, "epochs", atLeast(1)) ?? 100;
  const batch = one(args, "batch-size", atLeast(1)) ?? 100;
  const microBatch = one(args, "micro-batch", atLeast(1)) ?? batch;
  if (microBatch > batch) throw wrong("micro-batch", `takes at most the ${batch} images of a step`);
  return {
    optimizer: optimizerOf(args),
    schedule: scheduleOf(args, epochs),
    epochs,
    saveEvery: one(args, "save-every", atLeast(1)) ?? 10,
    batch, microBatch,
    labelSmoothing: one(args, "label-smoothing", below1) ?? 0,
    augment: Object.values(AUGMENTS).filter((each) => many(args, "augment", from(AUGMENTS))?.includes(each)),
    order: one(args, "order", from(ORDERS)) ?? "shuffle",
    adversarial: adversarialOf(args),
  };
}

/** Initialisations of this task. */
function initsOf(args: Arguments, env: Environment): Pick<TrainOptions, "inits" | "of" | "note"> {
  const only = many(args, "init", atLeast(1));
  const of = one(args, "inits", atLeast(1)) ?? Math.max(3, ...(only ?? []));
  if (of > MOST_INITS) throw wrong("inits", `takes at most ${MOST_INITS}`);
  const beyond = only?.find((init) => init > of);
  if (beyond !== undefined) throw wrong("init", `there is no Init_${beyond} among ${of}; raise --inits`);
  if (only && args.shard !== undefined) throw wrong(["init", "shard"], "give one of them");
  const { shard, note } = only ? { shard: null, note: null } : chooseShard(one(args, "shard", text), args["no-shard"] === true, env);
  const all = only ?? Array.from({ length: of }, (_, i) => i + 1);
  const inits = shard ? all.filter((_, i) => i % shard.count === shard.index - 1) : all;
  return { inits, of, note: note && shard ? `${note}: ${inits.length > 0 ? inits.map((init) => `Init_${init}`).join(", ") : "there are fewer initialisations than parts, so none"}` : note && "this Slurm array has several tasks, and this one trains all initialisations; to share them out say --shard auto or --init, to silence this --no-shard" };
}
const MOST_INITS = 1000;

/** @param env asked for the shard where a cluster is to say it */
export function trainOptions(args: Arguments, env: Environment = process.env): TrainOptions {
  const start = one(args, "from", text) ?? null;
  const network = networkOf(args, start);
  if (start === null) refuseStray(args, ["key", "stem-stride", "stem-pool"], "--from");
  const width = one(args, "width", atLeast(1)) ?? null;
  if (width !== null && network && "program" in network) throw wrong("width", "an exported program has its own");
  const data = one(args, "data", text);
  if (data === undefined) throw wrong("data", "is missing; give the folder of the images, such as --data Dataset/MNIST/raw");
  if (args.resume === true && args.overwrite === true) throw wrong(["resume", "overwrite"], "give one of them");
  return {
    inputs: {
      network, width, from: start, data,
      key: one(args, "key", text) ?? null,
      stem: stemOptions(args),
      dataset: one(args, "dataset", from(DATASETS)) ?? null,
      limit: one(args, "limit", atLeast(1)) ?? null,
      coarse: args.coarse === true,
      resize: one(args, "resize", pixels) ?? null,
      crop: one(args, "crop", pixels) ?? null,
      normalisation: normalisationOf(args),
      tests: args["no-test"] !== true,
    },
    config: configOf(args),
    seed: one(args, "seed", (name, given) => whole(name, given, 0)) ?? 0,
    ...initsOf(args, env),
    out: one(args, "out", text) ?? ".",
    format: one(args, "format", from(CHECKPOINT_FORMATS)) ?? "ckpt",
    resume: args.resume === true,
    overwrite: args.overwrite === true,
    report: args["no-report"] !== true,
    deadline: one(args, "deadline", duration) ?? null,
    adapter: one(args, "adapter", text) ?? null,
    kernels: kernelsOf(args),
    json: args.json === true,
    profile: args.profile === true,
    quiet: args.quiet === true,
  };
}
