/** What `run` says at its end: the table or the JSON object on stdout, how to go on on stderr. */
import { dirname, join } from "node:path";
import { writeRunReport } from "../../plot/write.js";
import { readRows, RESULTS } from "../../results/arrow/arrow.js";
import { MANIFEST } from "../../results/manifest.js";
import { shardName, type Shard } from "../../sweep/shards.js";
import { profileObject, renderProfile } from "../profile.js";
import type { Run } from "./run.js";
import { summarise } from "./summary.js";
import { renderTable } from "../table.js";
import { clock, grouped, note, quoted, say } from "../terminal.js";

/** The flag and, where it has one, its value. */
function without(words: string[], flag: string, hasValue: boolean): string[] {
  return words.filter((word, i) => word !== flag && !word.startsWith(`${flag}=`) && !(hasValue && words[i - 1] === flag));
}

/** The command that goes on with this folder, also outside of the cluster that chose the shard. */
export function again({ argv, options, session }: Run): string {
  let words = without(argv, "--overwrite", false);
  if (options.out === null) words = [...words, "--out", session.folder];
  const { shard } = options.part;
  if (shard) words = [...without(words, "--shard", true), "--shard", `${shard.index}/${shard.count}`];
  return `wgpu-inferlink ${quoted(words)}`;
}

/** How the parts become a result, and which is the folder they lie in. */
function mergeHint(folder: string, shard: Shard): string {
  return `shard ${shard.index}/${shard.count} is done; when all are: wgpu-inferlink merge ${quoted([folder.endsWith(shardName(shard)) ? dirname(folder) : folder])}`;
}

/** The report is a view of results that are safe already: where it can't be written, the run is no less done. */
async function writePage({ options, session }: Run): Promise<string | null> {
  if (!options.report) return null;
  try {
    return await writeRunReport(session.folder);
  } catch (error) {
    say(`wgpu-inferlink: results are written, report.html is not: ${(error as Error).message.replace(/\s*\n\s*/g, " ")}; try: wgpu-inferlink plot ${quoted([session.folder])}`);
    return null;
  }
}

export async function report(run: Run, status: "done" | "interrupted"): Promise<void> {
  const { options, plan, gpu, session } = run;
  const { shard } = options.part;
  const seconds = (performance.now() - run.started) / 1000;
  const results = status === "done" && !shard ? join(session.folder, RESULTS) : null;
  const rows = results ? await readRows(results) : [];
  const summary = summarise(rows);
  const profile = (await run.profiler?.result()) ?? null;
  const page = results ? await writePage(run) : null;
  if (options.json) {
    const files = { results, manifest: join(session.folder, MANIFEST), report: page };
    const object = { status, out: session.folder, shard, rows: rows.length, networks: plan.networks, images: plan.images, seconds, first_result_seconds: run.firstResult, adapter: gpu.adapter.name, files, summary, ...(profile && { profile: profileObject(profile) }) };
    process.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
  } else if (results && !options.quiet) {
    process.stdout.write(`${renderTable(summary, process.stdout)}\n\n${grouped(rows.length)} rows in ${results}${page ? `\nreport in ${page}` : ""}\n`);
  }
  if (profile && !options.json) say(`\n${renderProfile(profile, run.firstResult, process.stderr)}\n`);
  if (status === "interrupted") note(options, `interrupted; finished work is kept. To go on: ${again(run)}`);
  else if (session.complete) note(options, `this ${shard ? "shard" : "run"} was complete before; nothing was evaluated`);
  else note(options, `done in ${clock(seconds)}`);
  if (status === "done" && shard) note(options, mergeHint(session.folder, shard));
}
