/** `export`: a run's results in the formats that other programs read. */
import { statSync } from "node:fs";
import { dirname } from "node:path";
import { EXIT, UsageError } from "../../errors.js";
import { defaultPlace, exportFiles, exportFormatOf, exportTable, type ExportFormat, type TableFormat } from "../../export/export.js";
import type { ArrayKind } from "../../export/notebooks.js";
import { makeFolder, onFile, replaceFile } from "../../results/folder/durable.js";
import { loadRun } from "../../results/loadRun.js";
import { ARRAY_KINDS, EXPORT_FORMATS } from "../choices.js";
import { JSON_FLAG, type Command } from "../command.js";
import type { Arguments } from "../options.js";
import { grouped, say } from "../terminal.js";
import { choice, single, type Given } from "../values.js";

const STDOUT = "-";

interface ExportOptions {
  format: ExportFormat;
  /** Null: in the run's folder. */
  out: string | null;
  overwrite: boolean;
  arrays: ArrayKind;
  json: boolean;
}

function exportOptions(args: Arguments): ExportOptions {
  const one = (name: string): string | null => single(name, args[name] as Given);
  const [format, out, arrays] = [one("format"), one("out"), one("arrays")];
  const chosen = format !== null ? choice("format", format, EXPORT_FORMATS) : ((out !== null && exportFormatOf(out)) || "parquet");
  if (arrays !== null && chosen !== "pickle") throw new UsageError("--arrays: belongs to --format pickle");
  if (out === STDOUT && (chosen === "pickle" || args.json === true)) throw new UsageError(`--out -: ${chosen === "pickle" ? "pickles are several files; give a folder" : "stdout holds one thing, leave out --json"}`);
  return { format: chosen, out, overwrite: args.overwrite === true, arrays: arrays === null ? "numpy" : choice("arrays", arrays, ARRAY_KINDS), json: args.json === true };
}

/** A folder named for a table takes it under its usual name. */
function placeOf(folder: string, { format, out }: ExportOptions): string {
  const isFolder = out !== null && statSync(out, { throwIfNoEntry: false })?.isDirectory() === true;
  return out === null || (isFolder && format !== "pickle") ? defaultPlace(out ?? folder, format) : out;
}

/** What lies in the run's folder under our own names may be made anew; nothing else is touched unasked. */
function refuseExisting(paths: string[], { out, overwrite }: ExportOptions): void {
  for (const path of paths) {
    const there = statSync(path, { throwIfNoEntry: false });
    if (there && !there.isFile()) throw new UsageError(`${path}: is no file; choose another --out`);
    if (there && out !== null && !overwrite) throw new UsageError(`${path}: exists; choose another --out, or replace it with --overwrite`);
  }
}

export async function exportRun(given: string, options: ExportOptions): Promise<number> {
  const run = await loadRun(given);
  if (!run.complete) say(`${run.file}: the run is not finished; these are the layers that are`);
  if (options.out === STDOUT) {
    process.stdout.write(exportTable(run, options.format as TableFormat));
    return EXIT.done;
  }
  const files = exportFiles(run, options.format, placeOf(run.folder, options), options.arrays);
  const paths = files.map(({ path }) => path);
  refuseExisting(paths, options);
  for (const { path, content } of files) {
    await onFile(path, () => makeFolder(dirname(path)));
    await replaceFile(path, content);
  }
  if (options.json) process.stdout.write(`${JSON.stringify({ format: options.format, rows: run.rows.length, complete: run.complete, files: paths }, null, 2)}\n`);
  else {
    process.stdout.write(paths.map((path) => `${path}\n`).join(""));
    say(`${grouped(run.rows.length)} rows in ${paths.length === 1 ? "one file" : `${paths.length} files`}`);
    if (options.format === "pickle" && options.arrays === "numpy") say("thresholds are NumPy arrays; cells that call .cpu() on them want --arrays torch");
  }
  return EXIT.done;
}

export const exportCommand: Command = {
  flags: {
    format: { type: "string", requiresArg: true, completes: { oneOf: Object.keys(EXPORT_FORMATS) }, description: "parquet, csv, jsonl, or pickle (the notebooks' own files)", defaultDescription: "what --out ends in, or parquet" },
    out: { type: "string", requiresArg: true, completes: "file", description: "File, - for stdout; for pickles the Saved_models folder", defaultDescription: "in the run's folder: results.<format>, Saved_models" },
    overwrite: { type: "boolean", description: "Replace files that exist at --out" },
    arrays: { type: "string", requiresArg: true, completes: { oneOf: Object.keys(ARRAY_KINDS) }, description: "Thresholds in pickles: numpy, or torch tensors as the notebooks save them", defaultDescription: "numpy" },
    ...JSON_FLAG,
  },
  describe: (y) =>
    y
      .usage("$0 export <run> [options]")
      .positional("run", { type: "string", description: "Folder of a run, or its results.arrow" })
      .example("$0 export runs/mine --format parquet", "")
      .example("$0 export runs/mine --format pickle --out Saved_models", ""),
  run: (args) => exportRun(String(args.run), exportOptions(args)),
};
