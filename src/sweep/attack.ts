/** What of a sweep's configuration is about its attack, and what that comes to. */
import { OptionError } from "../errors.js";
import { isNumber, isWhole, oneOf, rule, type Rule } from "../rules.js";
import { ATTACKS, type AttackName } from "./row.js";

/** All absent where the attack is FGSM: one step of length epsilon. */
export interface AttackConfig {
  attack?: AttackName;
  /** Of pgd; 10 by default. */
  steps?: number;
  /** Length of a step of pgd, in the unit of epsilon; null: 2.5 epsilon / steps, which is 2/255 at 8/255 in ten steps. */
  stepSize?: number | null;
  /** Seed of the random place in the ball around each image at which pgd begins; null: at the image. */
  randomStart?: number | null;
}

/** A thousand are far more than anybody takes. */
const MOST_STEPS = 10_000;

export const ATTACK_RULES: Record<keyof AttackConfig, Rule> = {
  attack: oneOf(...ATTACKS),
  steps: rule(`a whole number from 1 to ${MOST_STEPS.toLocaleString("en-US")}`, (value) => isWhole(value) && value !== 0 && (value as number) <= MOST_STEPS),
  stepSize: rule("a number above 0", (value) => value === null || (isNumber(value) && Math.fround(value) > 0 && Number.isFinite(Math.fround(value)))),
  randomStart: rule("a seed, a whole number of at least 0", (value) => value === null || isWhole(value)),
};

const PGD = { attack: "pgd", steps: 10, stepSize: null, randomStart: null } as const satisfies Required<AttackConfig>;
const FIELDS = Object.keys(PGD) as (keyof AttackConfig)[];

/**
 * The attack's part of a whole configuration.
 * @throws OptionError for what belongs to the other attack
 */
export function completeAttack(given: AttackConfig, naming: (field: keyof AttackConfig) => string): AttackConfig {
  const there = FIELDS.filter((field) => given[field] !== undefined && given[field] !== null);
  if (given.attack === "pgd") return { ...PGD, ...Object.fromEntries(there.map((field) => [field, given[field]])) };
  const stray = there.find((field) => field !== "attack");
  if (stray !== undefined) throw new OptionError([naming(stray)], `goes with ${naming("attack")} pgd; fgsm is one step`);
  return {};
}

export const attackOf = ({ attack = "fgsm" }: AttackConfig): AttackName => attack;

/** What a plan has to know of it; null for FGSM. */
export const pgdOf = ({ attack, steps = PGD.steps, randomStart = null }: AttackConfig): { steps: number; randomStart: number | null } | null => (attack === "pgd" ? { steps, randomStart } : null);

/** Length of a step. Madry et al. 2018 take 2.5 epsilon / steps, so that the whole ball can be reached. */
export const stepOf = ({ steps = PGD.steps, stepSize = null }: AttackConfig, epsilon: number): number => stepSize ?? (2.5 * epsilon) / steps;

/** Passes through the whole network, forward or back, of a sweep's attacks: the gradient of the images as they are, and each strength's own. */
export function attackPasses(config: AttackConfig, epsilons: number): number {
  const pgd = pgdOf(config);
  if (!pgd) return 1 + epsilons;
  const isShared = pgd.randomStart === null;
  return Number(isShared) + epsilons * (2 * (pgd.steps - Number(isShared)) + 1);
}

/** The largest epsilon that the steps cannot reach from the image, and how far they reach; null where they do. */
export function unreachable({ steps = PGD.steps, stepSize, epsilons }: AttackConfig & { epsilons: number[] }): { epsilon: number; reach: number } | null {
  const epsilon = Math.max(...epsilons);
  const reach = steps * (stepSize ?? epsilon);
  return reach < epsilon * (1 - 1e-9) ? { epsilon, reach } : null;
}

/** In words, with its unit left out: "PGD, 10 steps of 0.01, random start by seed 3". */
export function attackText(config: AttackConfig): string {
  const { steps, stepSize, randomStart } = { ...PGD, ...config };
  if (attackOf(config) === "fgsm") return "FGSM";
  return `PGD, ${steps} step${steps === 1 ? "" : "s"} of ${stepSize ?? "2.5 epsilon / steps"}${randomStart === null ? "" : `, random start by seed ${randomStart}`}`;
}
