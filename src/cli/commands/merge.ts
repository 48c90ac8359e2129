/** `merge`: the parts of a sweep, put together to one result. */
import { join, resolve } from "node:path";
import { EXIT, IncompleteError, UsageError } from "../../errors.js";
import { writeRunReport } from "../../plot/write.js";
import { readRows, RESULTS } from "../../results/arrow/arrow.js";
import { makeFolder, onFile } from "../../results/folder/durable.js";
import { examine, type Examined, type Problem } from "../../results/folder/examine.js";
import { differences } from "../../results/identity.js";
import { FolderLock } from "../../results/folder/lock.js";
import { MANIFEST, readManifest, type Manifest } from "../../results/manifest.js";
import { writeMerged } from "../../results/merge.js";
import { findParts } from "../../results/folder/parts.js";
import { removeDerived, removeTemporaries, strangers } from "../../results/folder/runFolder.js";
import { isShardName } from "../../sweep/shards.js";
import { JSON_FLAG, type Command } from "../command.js";
import type { Arguments } from "../options.js";
import { summarise } from "../running/summary.js";
import { renderTable } from "../table.js";
import { grouped, note, plural, say } from "../terminal.js";
import { single, wrong, type Given } from "../values.js";

export interface MergeOptions {
  /** Folders of runs and shards, or of several shards. */
  parts: string[];
  /** Null: the one folder in which the shards lie. */
  out: string | null;
  overwrite: boolean;
  mixedAdapters: boolean;
  report: boolean;
  json: boolean;
  quiet: boolean;
}

function mergeOptions(args: Arguments): MergeOptions {
  return {
    parts: args.part as string[],
    out: single("out", args.out as Given),
    overwrite: args.overwrite === true,
    mixedAdapters: args["mixed-adapters"] === true,
    report: args["no-report"] !== true,
    json: args.json === true,
    quiet: args.quiet === true,
  };
}

/** Another run's result in the folder is not ours to replace; the same sweep's is, by the same bytes. */
async function refuseOther(out: string, manifest: Manifest): Promise<void> {
  const there = await readManifest(out);
  if (!there) {
    const left = (await strangers(out)).filter((name) => !isShardName(name) && name !== RESULTS);
    if (left.length > 0) throw new UsageError(`${out}: the folder isn't empty and holds no run of this program (${left[0]}); choose another --out`);
    return;
  }
  const different = differences(there.identity, manifest.identity);
  const paths = ({ checkpoints }: Manifest): string => checkpoints.map(({ path, sha256 }) => `${path} ${sha256}`).join();
  if (different.length === 0 && paths(there) !== paths(manifest)) different.push("checkpoints: others");
  if (different.length > 0) throw new UsageError(`${out}: holds another run (${different.slice(0, 8).join("; ")}); choose another --out, or replace it with --overwrite`);
  if (there.status !== "done") throw new UsageError(`${out}: holds an unfinished run; choose another --out, or replace it with --overwrite`);
}

/** @throws IncompleteError unless every unit is there and no part is of another run */
function demandWhole({ manifest, problems, missing, total }: Examined): Manifest {
  if (manifest && missing === 0 && !problems.some(({ kind }) => kind === "different")) return manifest;
  const count = (kind: Problem["kind"]): number => problems.filter((problem) => problem.kind === kind).length;
  const found = [
    manifest ? `${grouped(missing)} of ${grouped(total)} units are missing` : "no part could be read",
    ...(count("damaged") > 0 ? [`${count("damaged")} damaged`] : []),
    ...(count("different") > 0 ? [`${count("different")} of another run`] : []),
  ];
  throw new IncompleteError(`not merged: ${found.join(", ")}`);
}

async function write(out: string, manifest: Manifest, parts: Examined["parts"], options: MergeOptions): Promise<number> {
  await onFile(out, () => makeFolder(out));
  const lock = await FolderLock.acquire(out);
  try {
    if (!options.overwrite) await refuseOther(out, manifest);
    await removeTemporaries(out);
    await removeDerived(out);
    return await writeMerged(out, manifest, parts);
  } finally {
    await lock.release();
  }
}

/** @returns the exit code */
export async function merge(options: MergeOptions): Promise<number> {
  const { parts: given, json } = options;
  const folders = given.flatMap(findParts);
  const expanded = given.length === 1 && folders[0] !== given[0];
  if (options.out === null && !expanded) throw wrong("out", "is missing; say where the result goes");
  const out = options.out ?? given[0];
  if (folders.some((folder) => resolve(folder) === resolve(out))) throw new UsageError(`${out}: is one of the parts; choose another --out`);
  const examined = await examine(folders, options);
  const { parts, problems } = examined;
  const isWhole = examined.manifest !== null && examined.missing === 0;
  for (const { kind, message } of problems) if (kind !== "missing" || !isWhole) say(`${kind}: ${message}`);
  let manifest: Manifest;
  try {
    manifest = demandWhole(examined);
  } catch (error) {
    if (json) process.stdout.write(`${JSON.stringify({ status: "incomplete", problems, missing: examined.missing, units: examined.total }, null, 2)}\n`);
    throw error;
  }
  const rows = await write(out, manifest, parts, options);
  const results = join(out, RESULTS);
  const summary = summarise(await readRows(results));
  const page = options.report ? await writeRunReport(out) : null;
  if (json) {
    const files = { results, manifest: join(out, MANIFEST), report: page };
    process.stdout.write(`${JSON.stringify({ status: "done", out, parts: parts.length, units: examined.total, rows, files, summary }, null, 2)}\n`);
  } else if (!options.quiet) {
    process.stdout.write(`${renderTable(summary, process.stdout)}\n\n${grouped(rows)} rows in ${results}${page ? `\nreport in ${page}` : ""}\n`);
  }
  note(options, `merged ${grouped(examined.total)} units of ${plural(parts.length, "part")}`);
  return EXIT.done;
}

export const mergeCommand: Command = {
  flags: {
    out: { type: "string", requiresArg: true, completes: "folder", description: "Folder of the result", defaultDescription: "the folder in which the shards lie" },
    overwrite: { type: "boolean", description: "Replace another run in --out" },
    "mixed-adapters": { type: "boolean", description: "Take parts of different adapters or drivers, too: counts may then differ by images at the border of two classes" },
    "no-report": { type: "boolean", description: "Write no report.html" },
    ...JSON_FLAG,
    quiet: { type: "boolean", description: "Print errors only" },
  },
  completes: "folder",
  describe: (y) =>
    y
      .usage("$0 merge <part..> [options]\n\nPuts shards together, in any order, also twice the same. The result is that of a run in one piece, byte for byte.")
      .positional("part", { type: "string", array: true, description: "Folders of shards, or one in which they lie" })
      .example("$0 merge sweep", "All shard-i-of-n in sweep, into sweep")
      .epilogue("Exit codes: 0 done, 2 usage, 3 parts are missing, damaged or of another run (each is named), 74 file system."),
  run: (args) => merge(mergeOptions(args)),
};
