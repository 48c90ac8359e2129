/** The benchmark's results in words and numbers: Markdown to read, CSV to calculate with, JSON with every sample. */
import { shapeText } from "../layout/shape.js";
import { csvText } from "../tables/csv.js";
import { markdownText } from "../tables/markdown.js";
import type { Column } from "../tables/table.js";
import { unitOf, type Case } from "./case.js";
import { environmentLines, type Environment } from "./environment.js";
import { isMeasured, rateOf, type Absence, type Outcome } from "./measure.js";

export const OUTPUTS = ["md", "csv", "json", "jsonl"] as const;
export type Output = (typeof OUTPUTS)[number];

/** Four significant digits: more is noise. */
export const rounded = (value: number): number => Number(value.toPrecision(4));

const SPELT: Record<Absence["kind"], string> = { missing: "missing", unable: "not compared", failed: "failed" };

function caseCells({ network, width, input, batch, work, sweep }: Case): { network: string; width: number; input: string; work: string; images: number } {
  const what = sweep ? `sweep ${sweep.filters.join("+")} x ${sweep.thresholds}${sweep.layers ? ` of ${sweep.layers.join("+")}` : ""}` : work;
  return { network, width, input: shapeText(input), work: what, images: batch };
}

interface Line {
  network: string;
  width: number;
  input: string;
  work: string;
  engine: string;
  device: string;
  batch: number | null;
  rate: string;
  median: number | null;
  "avg ± stddev": string;
  "ours / this": number | null;
}

const text = <Name extends string>(name: Name): Column<Name> => ({ name, type: "utf8", nullable: false });
const float = <Name extends string>(name: Name): Column<Name> => ({ name, type: "float64", nullable: true });
const int = <Name extends string>(name: Name): Column<Name> => ({ name, type: "int32", nullable: true });

function line(outcome: Outcome): Line {
  const { images, ...cells } = caseCells(outcome.case);
  const base = { ...cells, engine: outcome.peer.label };
  if (!isMeasured(outcome)) return { ...base, device: "", batch: null, rate: "", median: null, "avg ± stddev": SPELT[outcome.kind], "ours / this": null };
  const { work, device, batch, rate, ratio } = outcome;
  return {
    ...base, device, batch: outcome.case.sweep && ratio === null ? images : batch, rate: unitOf(work), median: rounded(rate.median),
    "avg ± stddev": `${rounded(rate.mean)} ± ${Number(rate.stddev.toPrecision(2))}`, "ours / this": ratio === null ? null : Number(ratio.toPrecision(3)),
  };
}

/** Why there are no samples, and what to do about it: a line per peer and reason. */
function absenceLines(outcomes: Outcome[]): string[] {
  const absences = outcomes.filter((outcome): outcome is Absence => !isMeasured(outcome));
  const lines = absences.map(({ peer, kind, reason }) => `${peer.label}: ${SPELT[kind]}: ${reason}${kind === "missing" && peer.install ? `; to install: ${peer.install}` : ""}`);
  return [...new Set(lines)];
}

/** Which versions this engine was measured beside. */
function peerLines(outcomes: Outcome[]): string[] {
  const [, ...others] = new Set(outcomes.filter(isMeasured).map(({ name, version }) => `${name} ${version}`));
  return others.length > 0 ? [`peers: ${others.join("; ")}`] : [];
}

export function markdownReport(outcomes: Outcome[], environment: Environment): string {
  const compared = outcomes.some(({ peer }) => peer.id !== outcomes[0].peer.id);
  const columns = [
    text("network"), int("width"), text("input"), text("work"), ...(compared ? [text("engine"), text("device")] : []), int("batch"), float("median"), text("rate"), text("avg ± stddev"),
    ...(compared ? [float("ours / this")] : []),
  ] as Column<keyof Line>[];
  const notes = compared ? [...peerLines(outcomes), ...absenceLines(outcomes)] : [];
  return `${markdownText({ columns, rows: outcomes.map(line) })}\n${[...notes, ...environmentLines(environment)].join("\n")}\n`;
}

/** One flat object per outcome, everything that JSON says of it. */
function record(outcome: Outcome, environment: Environment): Record<string, unknown> {
  const { network, width, input, classes, batch: images, work, sweep } = outcome.case;
  const what = { network, width, input: shapeText(input), classes, work, images, ...(sweep ?? { filters: null, thresholds: null, epsilons: null, layers: null, networks: null }) };
  const { adapter, kernels, cpu, cores, memory, system, versions, commit, date, load } = environment;
  const where = {
    adapter: adapter.name, adapter_type: adapter.type, backend: adapter.backend, driver: adapter.driver, kernels, cpu, cores, memory, system,
    load, package_version: versions.package, node: versions.node, webgpu: versions.webgpu, commit, date,
  };
  const engine = { engine: outcome.peer.id };
  if (!isMeasured(outcome)) return { ...engine, status: outcome.kind, reason: outcome.reason, install: outcome.kind === "missing" ? outcome.peer.install : null, ...what, ...where };
  const { name, version, device, batch, rate, ratio, samples, peakMemory, work: done } = outcome;
  return {
    ...engine, status: "measured", name, version, device, ...what, measured_work: done, batch, unit: unitOf(done),
    median: rate.median, avg: rate.mean, stddev: rate.stddev, min: rate.min, max: rate.max, ours_over_this: ratio,
    peak_memory: peakMemory, samples: samples.map((sample) => ({ ...sample, rate: rateOf(sample) })), ...where,
  };
}

const CSV_COLUMNS: Column<string>[] = [
  ...["engine", "status", "reason", "name", "version", "device", "network"].map(text), int("width"), text("input"), int("classes"), text("work"), int("images"),
  text("filters"), int("thresholds"), text("epsilons"), text("layers"), text("measured_work"), int("batch"), text("unit"),
  ...["median", "avg", "stddev", "min", "max", "ours_over_this"].map(float), float("peak_memory"), text("adapter"), text("adapter_type"), text("backend"), text("driver"), text("kernels"),
  text("cpu"), int("cores"), text("system"), float("load"), text("package_version"), text("node"), text("webgpu"), text("commit"), text("date"),
];

export function report(outcomes: Outcome[], environment: Environment, output: Output): string {
  if (output === "md") return markdownReport(outcomes, environment);
  const records = outcomes.map((outcome) => record(outcome, environment));
  if (output === "json") return `${JSON.stringify(records, null, 2)}\n`;
  if (output === "jsonl") return records.map((item) => `${JSON.stringify(item)}\n`).join("");
  const cell = (value: unknown): unknown => (Array.isArray(value) ? value.join("+") : (value ?? null));
  const rows = records.map((item) => Object.fromEntries(CSV_COLUMNS.map(({ name }) => [name, cell(item[name])])));
  return csvText({ columns: CSV_COLUMNS, rows });
}
