/** `plot`: the figures of runs as SVG files, and report.html. */
import { join } from "node:path";
import { EXIT, InputError, UsageError } from "../errors.js";
import { plotData } from "../plot/data.js";
import { writeFigures, writeReport } from "../plot/write.js";
import { loadRun } from "../results/loadRun.js";
import { JSON_FLAG, type Command } from "./command.js";
import { text } from "./flags.js";
import { single, type Given } from "./values.js";
import { grouped, say } from "./terminal.js";

export interface PlotOptions {
  /** Folders of runs, or their results.arrow. */
  runs: string[];
  /** Null: the run's own folder. */
  out: string | null;
  report: boolean;
  json: boolean;
}

/** @returns the exit code */
export async function plot(options: PlotOptions): Promise<number> {
  if (options.runs.length > 1 && options.out === null) throw new UsageError("plot: several runs are drawn together; say where to, with --out DIR");
  const runs = [];
  for (const given of options.runs) {
    const run = await loadRun(given);
    if (run.rows.length === 0) throw new InputError(run.file, "has no rows to draw yet; wait until the run has finished a layer");
    if (!run.complete) say(`${given}: the run isn't finished; drawing what is there`);
    runs.push(run);
  }
  const data = plotData(runs);
  const folder = options.out ?? join(runs[0].folder, "plots");
  const figures = await writeFigures(data, folder);
  say(`${grouped(figures.length)} figures in ${folder}`);
  const report = options.report ? await writeReport(data, options.out ?? runs[0].folder) : null;
  if (report) say(`report in ${report}`);
  if (options.json) process.stdout.write(`${JSON.stringify({ complete: runs.every((run) => run.complete), report, figures }, null, 2)}\n`);
  return EXIT.done;
}

export const plotCommand: Command = {
  flags: {
    out: text("", "Folder of the figures and the report", "plots/ in the run's folder, the report beside it"),
    "no-report": { type: "boolean", description: "Write no report.html" },
    ...JSON_FLAG,
  },
  describe: (y) =>
    y
      .usage("$0 plot <run...> [options]\n\nDraws response curves, heat maps and scores of runs as SVG files, and report.html, a page that opens from disk.\nSeveral runs are drawn together: scores over epochs take checkpoints from all of them.")
      .positional("run", { type: "string", description: "Folder of a run, or its results.arrow; also of one that isn't finished" })
      .example("$0 plot runs/20250101T120000Z-ResNet18-mnist-abc123", "Figures in plots/ there")
      .example("$0 plot epoch-10 epoch-20 --out figures", "Two runs in one set of figures"),
  run: (args) => plot({ runs: (args.run as string[]).map(String), out: single("out", args.out as Given), report: args["no-report"] !== true, json: args.json === true }),
};
