/** `score`: scores, classes and shares of weights from the rows of one or more runs. */
import { statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { ROBUST_BAND } from "../../analysis/classes.js";
import { completeCurves } from "../../analysis/completeness.js";
import { curvesOf, type Curve } from "../../analysis/curves.js";
import { meansOf } from "../../analysis/means.js";
import { meanTable, scoreTable, type ScoreSettings } from "../../analysis/scoreTables.js";
import { scoresOf, type Score } from "../../analysis/scores.js";
import { EXIT, InputError, UsageError } from "../../errors.js";
import { PACKAGE_VERSION } from "../../package.js";
import { RESULTS } from "../../results/arrow/arrow.js";
import { makeFolder, onFile, replaceFile } from "../../results/folder/durable.js";
import { loadRun, type LoadedRun } from "../../results/loadRun.js";
import { encodeTable, formatOf, FORMATS, type Format } from "../../tables/format.js";
import type { Table } from "../../tables/table.js";
import { JSON_FLAG, type Command } from "../command.js";
import type { Arguments } from "../options.js";
import { MARKS_FLAGS, marksOptions, writeMarks, type MarksCommand } from "./scoreMarks.js";
import { renderScores } from "./scoreReport.js";
import { plural, say } from "../terminal.js";
import { choice, number, single, type Given } from "../values.js";
import { CheckpointFinder, countedWeights } from "../weights.js";

const STDOUT = "-";

export interface ScoreCommand {
  runs: string[];
  band: number;
  /** Where checkpoints are now: files and folders. */
  checkpoints: string[];
  /** Beside scores.arrow, or at `out`; null: none beside, or what `out` ends in. */
  format: Format | null;
  /** One table of all runs: a file, a folder or `-`; null: each run's own in its folder. */
  out: string | null;
  overwrite: boolean;
  /** Null: none are written. */
  marks: MarksCommand | null;
  json: boolean;
}

function scoreOptions(args: Arguments): ScoreCommand {
  const one = (name: string): string | null => single(name, args[name] as Given);
  const [bandText, format, out] = [one("robust-band"), one("format"), one("out")];
  const band = bandText === null ? ROBUST_BAND : number("robust-band", bandText);
  if (band < 0) throw new UsageError("--robust-band: has to be 0 or more");
  const chosen = format === null ? null : choice("format", format, Object.fromEntries(FORMATS.map((name) => [name, name])) as Record<string, Format>);
  if (out !== null && chosen === null && formatOf(out) === null) throw new UsageError(`--out: ${out} doesn't say which format; add --format, one of ${FORMATS.join(", ")}`);
  if (out === STDOUT && args.json === true) throw new UsageError("--out -: stdout holds one thing, leave out --json");
  const marks = marksOptions(args);
  if (marks && (args.run as string[]).length > 1) throw new UsageError("--marks: goes with one run, for it is one file");
  return { runs: args.run as string[], band, checkpoints: [args.checkpoint ?? []].flat() as string[], format: chosen, out, overwrite: args.overwrite === true, marks, json: args.json === true };
}

/** The first few of many. */
const some = (items: string[], separator: string): string => `${items.slice(0, 3).join(separator)}${items.length > 3 ? `${separator}…` : ""}`;

/** What a run that is not finished lacks, by checkpoint. */
function missingOf({ manifest, rows }: LoadedRun): string {
  if (!manifest) return "which layers are missing its manifest would know";
  const there = new Set(rows.map(({ checkpoint, layer }) => JSON.stringify([checkpoint, layer])));
  const lacks = manifest.checkpoints.flatMap(({ path, network }) => {
    const layers = manifest.sweep.layers[network] ?? [];
    const missing = layers.filter((layer) => !there.has(JSON.stringify([path, layer])));
    return missing.length === 0 ? [] : [`${missing.length} of ${plural(layers.length, "layer")} of ${path} (${some(missing, ", ")})`];
  });
  return `missing: ${some(lacks, "; ")}`;
}

/** The runs with the names their scores carry: their folders', or what the user gave where two folders are called the same. */
async function loadRuns(given: string[]): Promise<{ run: LoadedRun; name: string }[]> {
  const runs: LoadedRun[] = [];
  for (const each of given) {
    const run = await loadRun(each);
    if (runs.some(({ file }) => resolve(file) === resolve(run.file))) throw new UsageError(`${each}: comes twice; name each run once`);
    runs.push(run);
  }
  const nameOf = ({ folder }: LoadedRun): string => basename(resolve(folder));
  return runs.map((run) => ({ run, name: runs.filter((other) => nameOf(other) === nameOf(run)).length > 1 ? run.given : nameOf(run) }));
}

interface ScoredRun {
  run: LoadedRun;
  /** With all their thresholds. */
  curves: Curve[];
  scores: Score[];
}

function scoreRun(run: LoadedRun, name: string, { band }: ScoreCommand, finder: CheckpointFinder): ScoredRun {
  if (!run.complete) say(`${run.file}: the run is not finished, what there is of it is scored; ${missingOf(run)}`);
  const config = run.manifest?.identity.config;
  const { complete, incomplete } = completeCurves(curvesOf(run.rows), config ? (config.alphas?.length ?? config.thresholds) : null);
  if (incomplete.length > 0) {
    const names = incomplete.map(({ checkpoint, layer, filter, epsilon }) => `${checkpoint} ${layer} ${filter} epsilon ${epsilon}`);
    say(`${run.file}: left out ${plural(incomplete.length, "curve")} that lack a threshold or have one twice: ${some(names, "; ")}`);
  }
  if (complete.length === 0) throw new InputError(run.file, "holds no curve with all its thresholds; let the run go on, then score it");
  const weights = countedWeights(run, complete, finder);
  if (weights.missing.size > 0) {
    const [[path, reason]] = weights.missing;
    const others = weights.missing.size > 1 ? ` (and ${weights.missing.size - 1} more checkpoints)` : "";
    say(`${path}: ${reason}${others}; shares of weights are counted from the rows, where weights between two windows are uncovered. Say where it is by --checkpoint`);
  }
  const settings = { name, epsilonSpace: run.metadata.get("epsilon_space") ?? "input", batchNorm: run.metadata.get("batch_norm") ?? "running" };
  return { run, curves: complete, scores: scoresOf(complete, { band, run: settings, windowCounts: weights.of }) };
}

/** A file's name with the ending of another format, and a word before it. */
function besides(path: string, word: string): string {
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}${word}${ending}`;
}

/** What is written: scores, and where there are several initialisations or epochs the means beside them. */
async function write(path: string, format: Format, scores: Score[], settings: ScoreSettings): Promise<string[]> {
  const { means } = meansOf(scores);
  const put = async <R extends object>(to: string, table: Table<R>): Promise<string> => {
    await onFile(to, () => makeFolder(dirname(to)));
    await replaceFile(to, encodeTable(table, format));
    return to;
  };
  const written = [await put(path, scoreTable(scores, settings))];
  const beside = besides(path, "-means");
  if (means.length > 0) written.push(await put(beside, meanTable(means, settings)));
  else await onFile(beside, () => rm(beside, { force: true })); // those of other scores
  return written;
}

/** Scores stand beside the results they are of: scores.arrow beside results.arrow. */
function placeBeside({ file, folder }: LoadedRun, format: Format): string {
  const name = basename(file, extname(file));
  return join(folder, `${basename(file) === RESULTS ? "" : `${name}.`}scores.${format}`);
}

async function writeAll(scored: ScoredRun[], { format, out, overwrite }: ScoreCommand, settings: ScoreSettings): Promise<string[]> {
  const all = scored.flatMap(({ scores }) => scores);
  if (out !== null) {
    const chosen = format ?? formatOf(out)!;
    if (out === STDOUT) return void process.stdout.write(encodeTable(scoreTable(all, settings), chosen)), [];
    const path = statSync(out, { throwIfNoEntry: false })?.isDirectory() ? join(out, `scores.${chosen}`) : out;
    const there = [path, besides(path, "-means")].find((file) => statSync(file, { throwIfNoEntry: false }));
    if (there !== undefined && !overwrite) throw new UsageError(`${there}: exists; choose another --out, or replace it with --overwrite`);
    return write(path, chosen, all, settings);
  }
  const written: string[] = [];
  for (const { run, scores } of scored.filter(({ run }) => run.complete)) {
    for (const each of new Set<Format>(["arrow", ...(format === null ? [] : [format])])) written.push(...(await write(placeBeside(run, each), each, scores, settings)));
  }
  return written;
}

const plainRows = <R extends object>(table: Table<R>): unknown => JSON.parse(encodeTable(table, "json") as string);

export async function score(command: ScoreCommand): Promise<number> {
  const finder = new CheckpointFinder(command.checkpoints);
  const runs = await loadRuns(command.runs);
  const scored = runs.map(({ run, name }) => scoreRun(run, name, command, finder));
  const marked: string[] = [];
  if (command.marks) for (const { run, curves } of scored) marked.push(await writeMarks(run, curves, command.marks, command.band, command.overwrite, finder));
  finder.checkUsed();
  const all = scored.flatMap(({ scores }) => scores);
  const { means, ambiguous } = meansOf(all);
  if (ambiguous.length > 0) {
    const [{ network, dataset, layer, filter }] = ambiguous[0];
    say(`no means of ${plural(ambiguous.length, "group")} of curves, since they hold one initialisation or epoch twice (${network}, ${dataset}, ${layer}, ${filter}); leave out a run`);
  }
  const normalisations = Object.fromEntries(runs.map(({ run, name }) => [name, run.metadata.get("normalisation") ?? "unknown"]));
  const settings: ScoreSettings = { band: command.band, packageVersion: PACKAGE_VERSION, normalisations };
  const files = [...(await writeAll(scored, command, settings)), ...marked];
  if (command.json) {
    const object = { robust_band: command.band, runs: runs.map(({ run, name }) => ({ run: name, given: run.given, complete: run.complete })), files, scores: plainRows(scoreTable(all, settings)), means: plainRows(meanTable(means, settings)) };
    process.stdout.write(`${JSON.stringify(object, null, 2)}\n`);
  } else if (command.out !== STDOUT) {
    process.stdout.write(`${renderScores(all, means, command.band, process.stdout)}\n${files.length === 0 ? "" : `\nwritten: ${files.join(", ")}\n`}`);
  }
  return EXIT.done;
}

export const scoreCommand: Command = {
  flags: {
    "robust-band": { type: "string", requiresArg: true, description: "Scores this near to 0 are robust", defaultDescription: String(ROBUST_BAND) },
    checkpoint: { type: "string", requiresArg: true, completes: "file", description: "Where a checkpoint is now, if it moved: the file, or a folder that holds it; may be repeated" },
    format: { type: "string", requiresArg: true, completes: { oneOf: [...FORMATS] }, description: `Another format beside scores.arrow, or that of --out: ${FORMATS.join(", ")}` },
    out: { type: "string", requiresArg: true, completes: "file", description: "One table of all runs: a file, or - for stdout", defaultDescription: "scores.arrow in each run's folder" },
    overwrite: { type: "boolean", description: "Replace files that exist at --out and --marks" },
    ...MARKS_FLAGS,
    ...JSON_FLAG,
  },
  describe: (y) =>
    y
      .usage("$0 score <run..> [options]")
      .positional("run", { type: "string", description: "Folder of a run, or its results.arrow" })
      .example("$0 score runs/mine", "")
      .example("$0 score runs/mine --marks marks.safetensors --by adversarial", "For a retraining by PyTorch")
      .example("$0 score runs/init1 runs/init2 --out scores.csv", ""),
  run: (args) => score(scoreOptions(args)),
};
