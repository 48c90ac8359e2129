/** Which part of the sweep this process evaluates: what --shard says, or the cluster's environment when it is asked. */
import { UsageError } from "../../errors.js";
import type { Shard } from "../../sweep/shards.js";
import { wrong } from "../values.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ShardChoice {
  /** Null: all of the sweep. */
  shard: Shard | null;
  /** Worth a line on stderr: who chose, or that nobody did where one might think so. */
  note: string | null;
}

const COUNT = "INFERLINK_SHARDS";
const SLURM = ["ID", "MIN", "MAX", "COUNT"].map((part) => `SLURM_ARRAY_TASK_${part}`);
const INDEX = "JOB_COMPLETION_INDEX";

const isGiven = (env: Environment, name: string): boolean => (env[name] ?? "") !== "";

function wholeOf(env: Environment, name: string): number {
  const text = env[name] ?? "";
  if (!/^\d{1,6}$/.test(text)) throw new UsageError(`${name}: ${text === "" ? "is not set" : `"${text}" is no whole number`}; say --shard i/n, or --no-shard`);
  return Number(text);
}

/** A task of a Slurm array. Only arrays numbered without gaps say which shard a task is: `2,5,7` has the same STEP as `2-4`. */
function slurmShard(env: Environment): Shard {
  const [id, min, max, count] = SLURM.map((name) => wholeOf(env, name));
  if (max - min + 1 !== count || id < min || id > max) {
    throw new UsageError(`this Slurm array has ${count} tasks between ${min} and ${max}, so it doesn't say which shard task ${id} is; number the tasks without gaps, or say --shard i/n`);
  }
  if (isGiven(env, COUNT) && wholeOf(env, COUNT) !== count) throw new UsageError(`${COUNT} is ${env[COUNT]}, and this Slurm array has ${count} tasks; make them equal, or say --shard i/n`);
  return { index: id - min + 1, count };
}

/** A pod of an indexed Kubernetes job; it knows its own index (from 0), and the number of pods only from us. */
function kubernetesShard(env: Environment): Shard {
  const [index, count] = [wholeOf(env, INDEX), wholeOf(env, COUNT)];
  if (index >= count) throw new UsageError(`${INDEX} is ${index}, and ${COUNT} says that there are ${count}; set it to the job's completions`);
  return { index: index + 1, count };
}

function environmentShard(env: Environment): Required<ShardChoice> {
  const [slurm, kubernetes] = [isGiven(env, SLURM[0]), isGiven(env, INDEX)];
  if (slurm && kubernetes) throw new UsageError(`${SLURM[0]} and ${INDEX} are both set; say --shard i/n`);
  if (slurm) return { shard: slurmShard(env), note: `task ${env[SLURM[0]]} of the Slurm array ${env[SLURM[1]]}-${env[SLURM[2]]}` };
  if (kubernetes) return { shard: kubernetesShard(env), note: `pod ${env[INDEX]} of ${env[COUNT]} of the Kubernetes job` };
  throw new UsageError(`which shard is this? Neither ${SLURM[0]} (a Slurm array) nor ${INDEX} (an indexed Kubernetes job) is set; say --shard i/n, or --no-shard${isGiven(env, COUNT) ? ` (${COUNT} is ${env[COUNT]})` : ""}`);
}

/** i/n, counted from 1. */
function parseShard(text: string): Shard {
  const [, index, count] = /^(\d{1,6})\/(\d{1,6})$/.exec(text)?.map(Number) ?? [];
  if (count === undefined) throw wrong("shard", `"${text}" is neither i/n, such as 2/8, nor auto`);
  if (count < 1 || index < 1 || index > count) throw wrong("shard", `there is no part ${text}; parts of ${count} count from 1 to ${count}`);
  return { index, count };
}

/**
 * An array may be an array of something else, say of initialisations, so its environment is asked only when the user says so:
 * by `--shard auto`, or by naming the number of shards in INFERLINK_SHARDS.
 * @param text what --shard says, undefined where it wasn't given
 * @param whole whether --no-shard was given
 * @throws UsageError where the environment doesn't say which shard this is
 */
export function chooseShard(text: string | undefined, whole: boolean, env: Environment): ShardChoice {
  if (whole && text !== undefined) throw wrong(["shard", "no-shard"], "give one of them");
  if (whole) return { shard: null, note: null };
  const asked = text === "auto" || (text === undefined && isGiven(env, COUNT));
  const { shard, note } = asked ? environmentShard(env) : { shard: text === undefined ? null : parseShard(text), note: null };
  if (shard) return shard.count === 1 ? { shard: null, note: null } : { shard, note: `shard ${shard.index}/${shard.count}${note ? ` (${note})` : ""}` };
  const tasks = Number(env[SLURM[3]] ?? 1);
  const array = text === undefined && isGiven(env, SLURM[0]) && tasks > 1;
  return { shard: null, note: array ? `this Slurm array has ${tasks} tasks, and this one evaluates the whole sweep; to share it out say --shard auto, to silence this --no-shard` : null };
}
