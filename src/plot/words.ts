/** Names and captions that several figures share, and small look-ups. */
import type { PlotCheckpoint, PlotCurve, PlotScore } from "./data.js";
import { BOLD, type Heading } from "./figure.js";
import { fittedEnd, fixed, significant, textWidth } from "./svg.js";

export const layerName = (layer: string): string => (layer === "*" ? "all layers at once" : layer);

const FILTERS: Record<string, [short: string, long: string]> = {
  h_a: ["low-pass", "removes w ≤ α"],
  h_b: ["high-pass", "removes w ≥ α"],
  h_c: ["pulse", "removes α − δ ≤ w < α + δ"],
  magnitude: ["of weights", "removes |w| ≤ α"],
};

/** "h_a low-pass: removes w ≤ α", or less where there is no room. */
export function describeFilter(filter: string, width: number): string {
  const [short, long] = FILTERS[filter] ?? ["", ""];
  const full = `${filter} ${short}: ${long}`;
  return textWidth(full, 12) <= width ? full : `${filter} ${short}`;
}

export function curveAt(checkpoint: PlotCheckpoint, layer: string, filter: string): PlotCurve | undefined {
  return checkpoint.curves.find((curve) => curve.layer === layer && curve.filter === filter);
}

/** 0.38; in pixels of 0 to 1 rather 8/255, where it is that. */
export function epsilonText(epsilon: number, checkpoint: PlotCheckpoint): string {
  const levels = Math.round(epsilon * 255);
  const isLevels = checkpoint.epsilonUnit.startsWith("pixels") && levels > 0 && Math.abs(epsilon * 255 - levels) < 1e-9;
  return isLevels ? `${levels}/255` : significant(epsilon, 6);
}

const distinct = <T>(values: T[]): T[] => [...new Set(values)];
/** In the order of the rows: from the input on. */
export const layersOf = (checkpoint: PlotCheckpoint): string[] => distinct(checkpoint.curves.map((curve) => curve.layer));
export const filtersOf = (checkpoint: PlotCheckpoint): string[] => distinct(checkpoint.curves.map((curve) => curve.filter));

/** A row's name left of a panel, and the room that the names of all rows take: at most two fifths of a figure. */
export function rowNames(layers: string[], width: number): { name(layer: string): string; left: number } {
  const name = (layer: string): string => fittedEnd(layerName(layer), 0.36 * width, 11);
  // The chosen one is bold.
  return { name, left: 24 + BOLD * Math.max(...layers.map((layer) => textWidth(name(layer), 11))) };
}

/** Indices of at most `most` items, evenly, the first and the last among them. */
export function spread(items: unknown[], most: number): number[] {
  if (items.length <= most) return items.map((_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.round((i * (items.length - 1)) / (most - 1)));
}

/** The line beneath a figure's title. */
export function headingOf(checkpoint: PlotCheckpoint, notice: string | null, hasEpsilon: boolean, more = ""): Pick<Heading, "subtitle" | "notice"> {
  const { network, dataset, label, images, epsilonUnit } = checkpoint;
  return { subtitle: `${network} on ${dataset}, ${label}; ${images.toLocaleString("en-US")} images${more}${hasEpsilon ? `; ε in ${epsilonUnit}` : ""}`, notice };
}

/** A curve's three scores, one a line. */
export function scoreText({ clean, adversarial, difference, reason }: PlotScore): string {
  const told = (name: string, value: number | null): string => `${name}: ${value === null ? "no score" : fixed(value, 3)}`;
  return [told("clean", clean), told("adversarial", adversarial), told("adversarial − clean", difference), ...(reason ? [reason] : [])].join("\n");
}
