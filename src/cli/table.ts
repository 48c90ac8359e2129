/** The table at the end of a run: one line per layer. */
import type { Filter } from "../sweep/row.js";
import type { LayerSummary } from "./running/summary.js";
import { bold, grouped, printable } from "./terminal.js";

export const percent = (value: number): string => `${(100 * value).toFixed(1)}`;
/** More tables than this are cut: the files have them all. */
export const TABLES = 4;

const HEADINGS: Record<Filter, string> = { h_a: "h_a half at", h_b: "h_b half at", h_c: "h_c lowest", magnitude: "magnitude half at" };

function cell(summary: LayerSummary, filter: Filter): string {
  const found = summary.filters.find((entry) => entry.filter === filter);
  if (!found) return "";
  if (filter === "h_c") return percent(found.lowest_accuracy_clean);
  return found.halved_density === null ? "never" : percent(found.halved_density);
}

/** Columns of equal width, the first flush left, the others flush right. */
export function columns(cells: string[][]): string[] {
  const lines = cells.map((line) => line.map((cell) => printable(cell).replaceAll("\n", " ")));
  const widths = lines[0].map((_, i) => Math.max(...lines.map((line) => line[i].length)));
  return lines.map((line) => line.map((text, i) => (i === 0 ? text.padEnd(widths[i]) : text.padStart(widths[i]))).join("  ").trimEnd());
}

function checkpointTable(layers: LayerSummary[], stream: NodeJS.WriteStream): string {
  const filters = layers[0].filters.map((entry) => entry.filter);
  const head = ["layer", "weights", "clean", "adversarial", ...filters.map((filter) => HEADINGS[filter])];
  const body = layers.map((summary) => [
    summary.layer === "*" ? "all layers" : summary.layer,
    grouped(summary.weights),
    percent(summary.accuracy_clean),
    percent(summary.accuracy_adv),
    ...filters.map((filter) => cell(summary, filter)),
  ]);
  const [first, ...rest] = columns([head, ...body]);
  return [`${printable(layers[0].checkpoint)}: ${grouped(layers[0].images)} images, epsilon ${layers[0].epsilon}`, bold(first, stream), ...rest].join("\n");
}

/** The whole table with its legend. */
export function renderTable(summaries: LayerSummary[], stream: NodeJS.WriteStream): string {
  const checkpoints = [...new Set(summaries.map((summary) => summary.checkpoint))];
  const tables = checkpoints.slice(0, TABLES).map((checkpoint) => checkpointTable(summaries.filter((summary) => summary.checkpoint === checkpoint), stream));
  if (checkpoints.length > TABLES) tables.push(`(${checkpoints.length - TABLES} more checkpoints in results.arrow)`);
  const legend =
    "In percent. clean, adversarial: accuracy with the fewest weights removed. half at: weights of the layer left\n" +
    "when clean accuracy first falls below half of that. lowest: lowest clean accuracy over all windows.";
  return [...tables, legend].join("\n\n");
}
