/** `compare`: retrainings side by side, as a table, a figure and a page. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { COMPARED_COLUMNS, compareRetrainings, type Compared, type ComparisonProblem } from "../../analysis/comparison.js";
import { groupBy } from "../../analysis/curves.js";
import { EXIT, UsageError } from "../../errors.js";
import { PACKAGE_VERSION } from "../../package.js";
import { comparisonFigure, comparisonGroups } from "../../plot/comparison/figure.js";
import { comparisonPage } from "../../plot/comparison/page.js";
import { writePlanned } from "../../plot/write.js";
import { makeFolder, onFile, replaceFile } from "../../results/folder/durable.js";
import { safeName } from "../../results/folder/runFolder.js";
import { readRetraining, type RetrainingRow } from "../../results/retraining/rows.js";
import type { AttackName } from "../../sweep/row.js";
import { encodeTable, FORMATS, type Format } from "../../tables/format.js";
import type { Table } from "../../tables/table.js";
import { ATTACK_NAMES } from "../choices.js";
import { JSON_FLAG, type Command } from "../command.js";
import type { Arguments } from "../options.js";
import { columns } from "../table.js";
import { bold, plural, printable, say } from "../terminal.js";
import { choice, fraction, list, number, single, whole, wrong, type Given } from "../values.js";

interface CompareCommand {
  retrainings: string[];
  epoch: number | null;
  baseline: string | null;
  /** Null: all there are. */
  attacks: AttackName[] | null;
  epsilons: number[] | null;
  confidence: number;
  seed: number;
  /** Folder of the files; null: the table alone, on stdout. */
  out: string | null;
  format: Format;
  overwrite: boolean;
  json: boolean;
}

function compareOptions(args: Arguments): CompareCommand {
  const one = (name: string): string | null => single(name, args[name] as Given);
  const [epoch, confidence, seed, format] = ["epoch", "confidence", "seed", "format"].map(one);
  const sure = confidence === null ? 0.95 : number("confidence", confidence);
  if (!(sure > 0 && sure < 1)) throw wrong("confidence", `takes a number between 0 and 1, not ${confidence}`);
  return {
    retrainings: args.retraining as string[],
    epoch: epoch === null ? null : whole("epoch", epoch, 1),
    baseline: one("baseline"),
    attacks: list("attack", args.attack as Given)?.map((name) => choice("attack", name, ATTACK_NAMES)) ?? null,
    epsilons: list("epsilon", args.epsilon as Given)?.map((text) => fraction("epsilon", text)) ?? null,
    confidence: sure,
    seed: seed === null ? 0 : whole("seed", seed, 0),
    out: one("out"),
    format: format === null ? "arrow" : choice("format", format, Object.fromEntries(FORMATS.map((name) => [name, name])) as Record<string, Format>),
    overwrite: args.overwrite === true,
    json: args.json === true,
  };
}

/** @throws UsageError for files that come twice, and where nothing is left */
function loadRows({ retrainings, attacks, epsilons }: CompareCommand): RetrainingRow[] {
  const loaded = retrainings.map(readRetraining);
  const twice = loaded.find(({ file }, i) => loaded.findIndex((other) => other.file === file) !== i);
  if (twice) throw new UsageError(`${twice.file}: comes twice; name each retraining once`);
  const all = loaded.flatMap(({ rows }) => rows);
  const rows = all.filter(({ attack, epsilon }) => (attacks === null || attacks.includes(attack)) && (epsilons === null || epsilons.includes(epsilon)));
  if (rows.length === 0) throw wrong(attacks === null ? "epsilon" : epsilons === null ? "attack" : ["attack", "epsilon"], `leaves nothing; there are ${[...new Set(all.map(({ attack, epsilon }) => `${attack} at ${epsilon}`))].join(", ")}`);
  return rows;
}

function refusal(problem: ComparisonProblem): Error {
  if ("baseline" in problem) return wrong("baseline", `"${problem.baseline}" is none of ${problem.known.join("; ")}`);
  if ("epoch" in problem) return wrong("epoch", `${problem.epoch} is missing for ${problem.of.variant} of ${problem.of.checkpoint}, seed ${problem.of.seed}; leave it out for the last epoch that all have`);
  if ("begun" in problem) return new UsageError(`${problem.begun.variant} and ${problem.other.variant} of ${problem.begun.checkpoint}, seed ${problem.begun.seed}, began with different networks, or were tested on different images; compare those that began alike`);
  return new UsageError(`${problem.twice.variant} of ${problem.twice.checkpoint}, seed ${problem.twice.seed}, is there twice; leave one of them out`);
}

const percent = (value: number): string => (100 * value).toFixed(1);
const withSpread = (mean: number, std: number | null): string => `${percent(mean)}${std === null ? "" : ` ± ${percent(std)}`}`;
/** What rounds to nothing has no sign. */
const signed = (value: number): string => (Number(percent(value)) === 0 ? "0.0" : `${value > 0 ? "+" : ""}${percent(value)}`);

function difference(mean: number | null, low: number | null, high: number | null): string {
  if (mean === null) return "";
  return low === null || high === null ? signed(mean) : `${signed(mean)} (${signed(low)}…${signed(high)})`;
}

function renderGroup(rows: Compared[], stream: NodeJS.WriteStream): string {
  const [{ network, dataset, attack, epsilon, baseline }] = rows;
  const head = ["in percent", "seeds", "updated", "clean", "adversarial", `adversarial − ${baseline}`, `clean − ${baseline}`];
  const body = rows.map((row) => [
    row.variant, String(row.seeds), percent(row.updated), withSpread(row.accuracy_clean, row.accuracy_clean_std), withSpread(row.accuracy_adv, row.accuracy_adv_std),
    difference(row.difference_adv, row.difference_adv_low, row.difference_adv_high), difference(row.difference_clean, row.difference_clean_low, row.difference_clean_high),
  ]);
  const [first, ...rest] = columns([head, ...body]);
  return [printable(`${network}, ${dataset}: ${attack}, epsilon ${epsilon}, after ${plural(Math.max(...rows.map(({ epoch }) => epoch)), "epoch")}`), bold(first, stream), ...rest].join("\n");
}

function render(rows: Compared[], confidence: number, stream: NodeJS.WriteStream): string {
  const groups = [...groupBy(rows, (row) => JSON.stringify([row.network, row.dataset, row.attack, row.epsilon])).values()];
  const legend =
    `clean, adversarial: mean ± standard deviation over seeds. updated: share of the weights. Differences are of the same seed; in brackets the\n` +
    `${percent(confidence)} % percentile interval of the bootstrap over seeds. A few seeds make wide intervals, and of one there is none.`;
  return [...groups.map((group) => renderGroup(group, stream)), legend].join("\n\n");
}

/** @returns paths of what was written */
async function write(rows: Compared[], { out, format, confidence, overwrite, seed }: CompareCommand): Promise<string[]> {
  if (out === null) return [];
  const groups = comparisonGroups(rows);
  const figures = groups.map((group, i) => ({ path: join(out, groups.length === 1 ? "comparison.svg" : `comparison-${safeName(`${group.network}-${group.dataset}`)}.svg`), content: () => comparisonFigure(group, { id: `comparison-${i + 1}`, width: 960, inPage: false }) }));
  const page = { path: join(out, "comparison.html"), content: () => comparisonPage(rows, confidence, PACKAGE_VERSION) };
  const table = join(out, `comparison.${format}`);
  const there = overwrite ? undefined : [table, page.path, ...figures.map(({ path }) => path)].find((path) => existsSync(path));
  if (there !== undefined) throw new UsageError(`${there}: exists; choose another --out, or replace it with --overwrite`);
  await onFile(out, () => makeFolder(out));
  await replaceFile(table, encodeTable(tableOf(rows, confidence, seed), format));
  for (const file of [...figures, page]) await writePlanned(file);
  return [table, ...figures.map(({ path }) => path), page.path];
}

const tableOf = (rows: Compared[], confidence: number, seed: number): Table<Compared> =>
  ({ columns: COMPARED_COLUMNS, rows, metadata: new Map([["table", "comparison"], ["schema_version", "1"], ["package_version", PACKAGE_VERSION], ["confidence", String(confidence)], ["bootstrap_seed", String(seed)]]) });

/** @returns the exit code */
export async function compare(command: CompareCommand): Promise<number> {
  const rows = loadRows(command);
  const { epoch, baseline, confidence, seed, json } = command;
  const compared = compareRetrainings(rows, { epoch, baseline, confidence, seed });
  if (!Array.isArray(compared)) throw refusal(compared);
  const last = Math.max(...rows.map((row) => row.epoch));
  const used = Math.max(...compared.map((row) => row.epoch));
  if (epoch === null && used < last) say(`compared after ${plural(used, "epoch")}, which all have; some went on to ${last}`);
  const files = await write(compared, command);
  if (json) process.stdout.write(`${JSON.stringify({ confidence, files, rows: JSON.parse(encodeTable(tableOf(compared, confidence, seed), "json") as string) as unknown }, null, 2)}\n`);
  else process.stdout.write(`${render(compared, confidence, process.stdout)}\n${files.length > 0 ? `\nwritten: ${files.join(", ")}\n` : ""}`);
  return EXIT.done;
}

export const compareCommand: Command = {
  flags: {
    epoch: { type: "string", requiresArg: true, description: "After so many epochs of retraining", defaultDescription: "the last that all have" },
    baseline: { type: "string", requiresArg: true, description: "Variant that the others are compared with: all, before, …", defaultDescription: "all; before where nobody updated all" },
    attack: { type: "string", requiresArg: true, completes: { someOf: Object.keys(ATTACK_NAMES) }, description: "Only under these attacks: fgsm, pgd", defaultDescription: "all there are" },
    epsilon: { type: "string", requiresArg: true, description: "Only at these strengths, by commas", defaultDescription: "all there are" },
    confidence: { type: "string", requiresArg: true, description: "Of the bootstrap's intervals", defaultDescription: "0.95" },
    seed: { type: "string", requiresArg: true, description: "Of the resamples, where there are more than six seeds", defaultDescription: "0" },
    out: { type: "string", requiresArg: true, completes: "folder", description: "Folder for comparison.arrow, comparison.svg and comparison.html", defaultDescription: "none: the table alone" },
    format: { type: "string", requiresArg: true, completes: { oneOf: [...FORMATS] }, description: `Of the table at --out: ${FORMATS.join(", ")}`, defaultDescription: "arrow" },
    overwrite: { type: "boolean", description: "Replace files that exist at --out" },
    ...JSON_FLAG,
  },
  describe: (y) =>
    y
      .usage("$0 compare <retraining..> [options]\n\nAccuracy of retrained networks on clean and attacked images: means over seeds, and differences between variants of the same seed.")
      .positional("retraining", { type: "string", description: "Folder of a retraining, or its retraining.arrow" })
      .example("$0 compare regular selective random --out comparison", "")
      .example("$0 compare study/* --attack pgd --baseline before", ""),
  run: (args) => compare(compareOptions(args)),
};
