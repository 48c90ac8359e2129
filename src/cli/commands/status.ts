/** `status`: how far a run or its shards are, also while other processes work in the folder. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { EXIT, InputError } from "../../errors.js";
import { RESULTS } from "../../results/arrow/arrow.js";
import { findParts } from "../../results/folder/parts.js";
import { runStatus, type RunState, type RunStatus } from "../../results/status.js";
import { JSON_FLAG, type Command } from "../command.js";
import { columns } from "../table.js";
import { bold, clock, grouped } from "../terminal.js";

/** Shards that are done, or like many others, need no line each. */
const MOST_LINES = 24;

const percent = (fraction: number): string => `${Math.floor(100 * fraction)} %`;
const left = ({ secondsLeft }: Pick<RunStatus, "secondsLeft">): string => (secondsLeft === null ? "time left unknown" : `${clock(secondsLeft)} left`);
const rate = (value: number | null): string => (value === null ? "rate unknown" : `${grouped(value)} networks×images/s`);

function stateOf({ state, process: owner }: RunStatus): string {
  if (state === "running" && owner) return `running (process ${owner.pid} on ${owner.host})`;
  return state === "killed" ? "killed; its command goes on" : state === "interrupted" ? "interrupted; its command goes on" : state;
}

function errorLines(runs: RunStatus[]): string[] {
  const errors = runs.flatMap(({ errors, folder }) => errors.map((error) => ({ ...error, folder })));
  if (errors.length === 0) return ["errors: none"];
  const kinds = new Map<string, number>();
  for (const { kind } of errors) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  const last = errors.reduce((latest, error) => (error.time > latest.time ? error : latest));
  return [`errors: ${[...kinds].map(([kind, count]) => `${count} ${kind}`).join(", ")}; the last ${last.time}${runs.length > 1 ? ` in ${last.folder}` : ""}: ${last.message} (${last.action})`];
}

function runText(run: RunStatus): string[] {
  const { units, checkpoints, fraction } = run;
  const several = checkpoints && checkpoints.total > 1 ? `, ${checkpoints.done} of ${checkpoints.total} checkpoints` : "";
  return [
    `${run.folder}: ${stateOf(run)}`,
    `${grouped(units.done)} of ${grouped(units.total)} units${several} (${percent(fraction)})`,
    ...(run.state === "done" ? (run.rate === null ? [] : [rate(run.rate)]) : [`${rate(run.rate)}, ${left(run)}`]),
    ...errorLines([run]),
  ];
}

/** The shards of one folder, taken together. */
interface SetStatus {
  folder: string;
  state: RunState;
  units: { done: number; left: number; total: number };
  /** Sum over the running shards. */
  rate: number | null;
  /** Of the slowest running shard; null where a shard waits to be run. */
  secondsLeft: number | null;
  /** Whether their results are put together already. */
  merged: boolean;
  /** By state, and those that have no folder yet. */
  counts: Partial<Record<RunState, number>>;
  notStarted: string[];
  shards: RunStatus[];
}

function setStatus(folder: string, folders: string[], shards: RunStatus[]): SetStatus {
  const notStarted = folders.filter((path) => !shards.some((shard) => shard.folder === path)).map((path) => basename(path));
  for (const count of new Set(shards.map(({ shard }) => shard?.count ?? 0))) {
    for (let index = 1; index <= count; index++) if (!folders.some((path) => basename(path) === `shard-${index}-of-${count}`)) notStarted.push(`shard-${index}-of-${count}`);
  }
  const counts: SetStatus["counts"] = notStarted.length > 0 ? { "not started": notStarted.length } : {};
  for (const { state } of shards) counts[state] = (counts[state] ?? 0) + 1;
  const running = shards.filter(({ state }) => state === "running");
  const isDone = notStarted.length === 0 && shards.every(({ state }) => state === "done");
  const waits = !isDone && shards.filter(({ state }) => state !== "done").length + notStarted.length > running.length;
  const total = Math.max(0, ...shards.map(({ sweepUnits }) => sweepUnits));
  const done = Math.min(total, shards.reduce((sum, { units }) => sum + units.done, 0));
  const known = running.map(({ secondsLeft }) => secondsLeft);
  return {
    folder,
    state: isDone ? "done" : running.length > 0 ? "running" : shards.length === 0 ? "not started" : "interrupted",
    units: { done, left: total - done, total },
    rate: running.length === 0 ? null : running.reduce((sum, { rate }) => sum + (rate ?? 0), 0),
    secondsLeft: isDone ? 0 : waits || known.includes(null) ? null : Math.max(...(known as number[])),
    merged: existsSync(join(folder, RESULTS)),
    counts,
    notStarted,
    shards,
  };
}

function setText(set: SetStatus): string[] {
  const { units, shards, counts } = set;
  const open = shards.filter(({ state }) => state !== "done");
  const lines = open.slice(0, MOST_LINES).map((run) => [basename(run.folder), run.state, `${run.units.done}/${run.units.total}`, run.rate === null ? "" : grouped(run.rate), run.secondsLeft === null ? "" : clock(run.secondsLeft), run.process ? `${run.process.pid} on ${run.process.host}` : "", `${run.errors.length}`]);
  const [head, ...body] = columns([["shard", "state", "units", "networks×images/s", "left", "process", "errors"], ...lines]);
  return [
    `${set.folder}: shards: ${Object.entries(counts).map(([state, count]) => `${count} ${state}`).join(", ")}`,
    `${grouped(units.done)} of ${grouped(units.total)} units (${percent(units.total === 0 ? 0 : units.done / units.total)})`,
    ...(set.state === "running" ? [`${rate(set.rate)}, ${left(set)}`] : []),
    ...(set.state === "done" ? [set.merged ? `merged: ${join(set.folder, RESULTS)}` : `to merge: wgpu-inferlink merge ${set.folder}`] : []),
    ...errorLines(shards),
    ...(lines.length > 0 ? ["", bold(head, process.stdout), ...body] : []),
    ...(open.length > MOST_LINES ? [`(${open.length - MOST_LINES} more; --json lists all)`] : []),
  ];
}

/** @returns the exit code */
export async function status(folder: string, options: { json: boolean }): Promise<number> {
  const folders = findParts(folder);
  const runs: RunStatus[] = [];
  for (const path of folders) runs.push(...[await runStatus(path)].filter((run) => run !== null));
  const isSet = folders.length > 1 || folders[0] !== folder;
  if (!isSet && runs.length === 0) throw new InputError(folder, "holds no run yet; its process may be about to begin");
  const found = isSet ? setStatus(folder, folders, runs) : runs[0];
  process.stdout.write(`${options.json ? JSON.stringify(found, null, 2) : ("shards" in found ? setText(found) : runText(found)).join("\n")}\n`);
  return EXIT.done;
}

export const statusCommand: Command = {
  flags: JSON_FLAG,
  completes: "folder",
  describe: (y) =>
    y
      .usage("$0 status <run>\n\nDone, left, rate, time left and errors of a run, or of all shards in a folder. Needs no adapter; other processes may be at work there.")
      .positional("run", { type: "string", description: "Folder of a run, of a shard, or of all shards" })
      .example("watch -n 10 $0 status sweep", "Again every ten seconds"),
  run: (args) => status(String(args.run), { json: args.json === true }),
};
