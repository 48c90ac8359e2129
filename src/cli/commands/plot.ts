/** `plot`: the figures of runs as SVG files, and report.html. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROBUST_BAND } from "../../analysis/classes.js";
import { EXIT, InputError, UsageError } from "../../errors.js";
import { plotData } from "../../plot/data.js";
import { plannedFigures, plannedReport, writePlanned } from "../../plot/write.js";
import { loadRun, type LoadedRun } from "../../results/loadRun.js";
import { FIGURES } from "../../results/folder/runFolder.js";
import { JSON_FLAG, type Command } from "../command.js";
import type { Arguments } from "../options.js";
import { grouped, say } from "../terminal.js";
import { number, single, wrong, type Given } from "../values.js";

export interface PlotOptions {
  /** Folders of runs, or their results.arrow. */
  runs: string[];
  /** Scores this near to 0 are shown as robust. */
  band: number;
  /** Null: the run's own folder. */
  out: string | null;
  overwrite: boolean;
  report: boolean;
  json: boolean;
}

function plotOptions(args: Arguments): PlotOptions {
  const [out, bandText] = ["out", "robust-band"].map((name) => single(name, args[name] as Given));
  const band = bandText === null ? ROBUST_BAND : number("robust-band", bandText);
  if (band < 0) throw wrong("robust-band", "has to be 0 or more");
  const runs = args.run as string[];
  if (runs.length > 1 && out === null) throw wrong("out", "is missing; several runs are drawn together, so say where to");
  return { runs, band, out, overwrite: args.overwrite === true, report: args["no-report"] !== true, json: args.json === true };
}

async function openRuns(given: string[]): Promise<LoadedRun[]> {
  const runs: LoadedRun[] = [];
  for (const path of given) {
    const run = await loadRun(path);
    if (run.rows.length === 0) throw new InputError(run.file, "has no rows to draw yet; wait until the run has finished a layer");
    if (!run.complete) say(`${run.file}: the run is not finished; drawn is what there is`);
    runs.push(run);
  }
  return runs;
}

/** @returns the exit code */
export async function plot({ runs: given, band, out, overwrite, report, json }: PlotOptions): Promise<number> {
  const runs = await openRuns(given);
  const data = plotData(runs, band);
  const folder = out ?? join(runs[0].folder, FIGURES);
  const figures = plannedFigures(data, folder);
  const page = report ? plannedReport(data, out ?? runs[0].folder) : null;
  const files = page ? [...figures, page] : figures;
  // What lies in the run's folder under our own names may be made anew; nothing else is touched unasked.
  const there = out === null || overwrite ? undefined : files.find(({ path }) => existsSync(path));
  if (there) throw new UsageError(`${there.path}: exists; choose another --out, or replace it with --overwrite`);
  for (const file of files) await writePlanned(file);
  say(`${grouped(figures.length)} figures in ${folder}`);
  if (page) say(`report in ${page.path}`);
  if (json) process.stdout.write(`${JSON.stringify({ complete: runs.every((run) => run.complete), report: page?.path ?? null, files: files.map(({ path }) => path) }, null, 2)}\n`);
  return EXIT.done;
}

export const plotCommand: Command = {
  flags: {
    out: { type: "string", requiresArg: true, completes: "folder", description: "Folder of the figures and the report", defaultDescription: "plots/ in the run's folder, the report beside it" },
    overwrite: { type: "boolean", description: "Replace files that exist at --out" },
    "robust-band": { type: "string", requiresArg: true, description: "Scores this near to 0 are shown as robust", defaultDescription: String(ROBUST_BAND) },
    "no-report": { type: "boolean", description: "Write no report.html" },
    ...JSON_FLAG,
  },
  describe: (y) =>
    y
      .usage("$0 plot <run...> [options]\n\nDraws response curves, heat maps and scores of runs as SVG files, and report.html, a page that opens from disk.\nSeveral runs are drawn together: scores over epochs take checkpoints from all of them.")
      .positional("run", { type: "string", description: "Folder of a run, or its results.arrow; also of one that isn't finished" })
      .example("$0 plot runs/20250101T120000Z-ResNet18-mnist-abc123", "Figures in plots/ there")
      .example("$0 plot epoch-10 epoch-20 --out figures", "Two runs in one set of figures"),
  run: (args) => plot(plotOptions(args)),
};
