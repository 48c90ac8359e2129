/** What every figure has: title, subtitle, legend, a grid of panels, axes with labels, and the text for who can't see it. */
import { roundTicks, type Scale } from "./scale.js";
import { element, escapeXml, pixels, textWidth, wrapText } from "./svg.js";
import { darkStyle, fill, stroke, type LineStyle } from "./theme.js";

/** How and where a figure is shown. */
export interface Setup {
  /** Of the figure in its page; ids within are made from it. */
  id: string;
  /** In pixels; panels that don't fit beside each other go below each other. */
  width: number;
  /** In the report's page: its own style sheet, and areas that answer the pointer. Otherwise a file of its own. */
  inPage: boolean;
}

export interface Heading {
  title: string;
  /** Where the numbers come from; muted, beneath the title. */
  subtitle: string;
  /** What is missing from the run, or null. */
  notice: string | null;
  /** The figure told in a sentence or two. */
  description: string;
}

const FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif";
const TITLE = 16;
const TEXT = 12;
const SMALL = 11;
const PAD = 16;
/** Bold text is so much wider. */
export const BOLD = 1.1;

export function text(x: number, y: number, content: string, options: { size?: number; colour?: string; anchor?: "middle" | "end"; weight?: number; transform?: string } = {}): string {
  const { size = SMALL, colour = "ink", anchor, weight, transform } = options;
  return element("text", { x, y, "font-size": size, "text-anchor": anchor, "font-weight": weight, transform, ...fill(colour) }, escapeXml(content));
}

// --- legend -----------------------------------------------------------------------------------------------------------------

export interface LegendItem {
  label: string;
  /** Drawn into a box of 26 by 12 around x, y (its middle). */
  symbol(x: number, y: number): string;
}

/** Items side by side, on as many lines as they need. */
function legendMarkup(items: LegendItem[], width: number, top: number): { markup: string; bottom: number } {
  let [x, y, markup] = [PAD, top + 8, ""];
  for (const { label, symbol } of items) {
    const wide = 34 + textWidth(label, TEXT) + 16;
    if (x > PAD && x + wide - 16 > width - PAD) [x, y] = [PAD, y + 20];
    markup += symbol(x + 13, y) + text(x + 34, y + 4, label, { size: TEXT });
    x += wide;
  }
  return items.length > 0 ? { markup, bottom: y + 14 } : { markup: "", bottom: top };
}

// --- panels -----------------------------------------------------------------------------------------------------------------

/** A panel's drawing area, and where it stands among the others. */
export interface Panel {
  x: number;
  y: number;
  width: number;
  height: number;
  /** First of its line: carries the labels of the shared vertical axis. */
  first: boolean;
}

export interface PanelGrid {
  columns: number;
  /** Room left of a line's first panel for the vertical axis, and between panels. */
  left: number;
  gap: number;
  /** Height of a drawing area, and room above (heading) and below it (horizontal axis). */
  height: number;
  above: number;
  below: number;
}

const LEAST_PANEL = 190;

/** Panels beside each other as far as each stays wide enough to be read, in lines from `top` down. */
export function panels(count: number, grid: PanelGrid, width: number, top: number): { panels: Panel[]; bottom: number } {
  const inner = width - grid.left - PAD;
  const columns = Math.max(1, Math.min(grid.columns, count, Math.floor((inner + grid.gap) / (LEAST_PANEL + grid.gap))));
  const wide = (inner - grid.gap * (columns - 1)) / columns;
  const line = grid.above + grid.height + grid.below;
  const places = Array.from({ length: count }, (_, i) => {
    // Rows of the grid that were broken into several lines start anew.
    const [row, column] = [Math.floor(i / grid.columns), i % grid.columns];
    const lines = Math.ceil(Math.min(grid.columns, count) / columns);
    const y = top + (row * lines + Math.floor(column / columns)) * line + grid.above;
    return { x: grid.left + (column % columns) * (wide + grid.gap), y, width: wide, height: grid.height, first: column % columns === 0 };
  });
  return { panels: places, bottom: count > 0 ? places[count - 1].y + grid.height + grid.below : top };
}

/** Lines across the panel at round values; their texts left of a line's first panel. */
export function verticalAxis(panel: Panel, scale: Scale, label: string): string {
  const right = panel.x + panel.width;
  let markup = "";
  for (const tick of roundTicks(scale.domain, panel.height / 30)) {
    const y = scale(tick.value);
    markup += element("path", { d: `M${pixels(panel.x)},${pixels(y)}H${pixels(right)}`, "stroke-width": 1, ...stroke("grid") });
    if (panel.first) markup += text(panel.x - 7, y + 4, tick.text, { colour: "muted", anchor: "end" });
  }
  if (!panel.first) return markup;
  const [x, y] = [panel.x - 40, panel.y + panel.height / 2];
  return markup + text(x, y, label, { colour: "muted", anchor: "middle", transform: `rotate(-90 ${pixels(x)} ${pixels(y)})` });
}

/** Ticks at round values, or at those given, below the panel; and the axis' label. */
export function horizontalAxis(panel: Panel, scale: Scale, label: string, ticks?: { value: number; text: string }[]): string {
  const bottom = panel.y + panel.height;
  let markup = element("path", { d: `M${pixels(panel.x)},${pixels(bottom)}H${pixels(panel.x + panel.width)}`, "stroke-width": 1, ...stroke("zero") });
  for (const tick of ticks ?? roundTicks(scale.domain, panel.width / 52)) {
    const x = scale(tick.value);
    markup += element("path", { d: `M${pixels(x)},${pixels(bottom)}v4`, "stroke-width": 1, ...stroke("zero") });
    markup += text(x, bottom + 16, tick.text, { colour: "muted", anchor: "middle" });
  }
  return markup + (label ? text(panel.x + panel.width / 2, bottom + 33, label, { colour: "muted", anchor: "middle" }) : "");
}

/** A panel so high that its axis below can be out of sight has the ticks above it, too. */
export const isTall = (panel: { height: number }): boolean => panel.height > 600;
/** Room for them. */
export const TICKS_ABOVE = 18;

export function ticksAbove(panel: Panel, scale: Scale, ticks: { value: number; text: string }[]): string {
  if (!isTall(panel)) return "";
  return ticks.map(({ value, text: label }) => element("path", { d: `M${pixels(scale(value))},${pixels(panel.y)}v-4`, "stroke-width": 1, ...stroke("zero") }) + text(scale(value), panel.y - 8, label, { colour: "muted", anchor: "middle" })).join("");
}

/** Said in a panel that has nothing to show. */
export const emptyPanel = (panel: Panel, reason: string): string => text(panel.x + panel.width / 2, panel.y + panel.height / 2 + 4, reason, { colour: "muted", anchor: "middle" });

/** A heading above a panel, and above its ticks where they are there. */
export const panelHeading = (panel: Panel, content: string): string => text(panel.x, panel.y - 9 - (isTall(panel) ? TICKS_ABOVE : 0), content, { size: TEXT, weight: 600 });

// --- lines ------------------------------------------------------------------------------------------------------------------

/** Markers of one line as a single element: a short file matters more than one element a point. */
export function markersMarkup(points: { x: number; y: number }[], { marker, colour }: LineStyle, r = 2.6): string {
  const all = (shape: string, dx: number, dy: number): string => points.map(({ x, y }) => `M${pixels(x + dx)},${pixels(y + dy)}${shape}`).join("");
  const [t, u] = [r + 0.4, 2 * r + 0.8];
  switch (marker) {
    case "none": return "";
    // A dot is the round cap of a line of hardly any length.
    case "circle": return element("path", { d: all("h.01", 0, 0), "stroke-width": 2 * r, "stroke-linecap": "round", ...stroke(colour) });
    case "square": return element("path", { d: all(`h${2 * r}v${2 * r}h${-2 * r}z`, -r, -r), ...fill(colour) });
    case "triangle": return element("path", { d: all(`l${t},${u}h${-u}z`, 0, -r - 0.8), ...fill(colour) });
    case "diamond": return element("path", { d: all(`l${r + 1},${r + 1}l${-r - 1},${r + 1}l${-r - 1},${-r - 1}z`, 0, -r - 1), ...fill(colour) });
    case "cross": return element("path", { d: all(`l${2 * r},${2 * r}m${-2 * r},0l${2 * r},${-2 * r}`, -r, -r), "stroke-width": 1.5, ...stroke(colour) });
    case "bar": return element("path", { d: all(`v${2 * r + 2}`, 0, -r - 1), "stroke-width": 1.8, ...stroke(colour) });
  }
}

/** A line through points with its markers; null leaves a gap. */
export function lineMarkup(points: ({ x: number; y: number } | null)[], style: LineStyle, withMarkers: boolean): string {
  let [d, pen] = ["", false];
  for (const point of points) {
    if (point) d += `${pen ? "L" : "M"}${pixels(point.x)},${pixels(point.y)}`;
    pen = point !== null;
  }
  const there = points.filter((point) => point !== null);
  const line = there.length > 1 ? element("path", { d, "stroke-width": style.width ?? 1.8, "stroke-dasharray": style.dash, "stroke-linejoin": "round", ...stroke(style.colour) }) : "";
  if (there.length === 1) return markersMarkup(there, style.marker === "none" ? { ...style, marker: "circle" } : style);
  return line + (withMarkers ? markersMarkup(there, style) : "");
}

export function lineLegend(label: string, style: LineStyle): LegendItem {
  const symbol = (x: number, y: number): string => element("path", { d: `M${pixels(x - 13)},${pixels(y)}h26`, "stroke-width": style.width ?? 1.8, "stroke-dasharray": style.dash, ...stroke(style.colour) }) + markersMarkup([{ x, y }], style, 3);
  return { label, symbol };
}

/** An area that shows `tip` under the pointer, in the report's page. `layer` is chosen by a click. */
export function tipArea(x: number, y: number, width: number, height: number, tip: string, layer?: string): string {
  return element("rect", { class: "tip", x, y, width, height, fill: "none", "pointer-events": "all", "data-tip": tip, "data-layer": layer });
}

// --- the whole --------------------------------------------------------------------------------------------------------------

/** The SVG of a figure. `body` draws from a height downwards and says where it ended. */
export function figure(setup: Setup, heading: Heading, legend: LegendItem[], body: (top: number) => { markup: string; bottom: number }): string {
  const { id, width, inPage } = setup;
  const titles = wrapText(heading.title, (width - 2 * PAD) / BOLD, TITLE).map((line, i) => text(PAD, 28 + 20 * i, line, { size: TITLE, weight: 600 }));
  let y = 28 + 20 * titles.length;
  const below = [
    ...wrapText(heading.subtitle, width - 2 * PAD, TEXT).map((line) => ({ line, colour: "muted" })),
    ...(heading.notice ? wrapText(heading.notice, width - 2 * PAD, TEXT).map((line) => ({ line, colour: "attack1" })) : []),
  ].map(({ line, colour }) => text(PAD, (y += 17) - 17, line, { size: TEXT, colour }));
  const drawnLegend = legendMarkup(legend, width, y - 2);
  const drawn = body(drawnLegend.bottom + 6);
  const height = Math.ceil(drawn.bottom + 10);
  const [titleId, descriptionId] = [`${id}-title`, `${id}-description`];
  return element(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${pixels(width)} ${height}`, width, height, role: "img", "aria-labelledby": titleId, "aria-describedby": descriptionId, "font-family": FONT },
    // A page's browser would show the title under the pointer, over the values.
    inPage ? element("desc", { id: titleId }, escapeXml(heading.title)) : element("title", { id: titleId }, escapeXml(heading.title)),
    element("desc", { id: descriptionId }, escapeXml(heading.description)),
    inPage ? "" : element("style", {}, darkStyle()) + element("rect", { width, height, ...fill("paper") }),
    ...titles,
    ...below,
    drawnLegend.markup,
    drawn.markup,
  );
}
