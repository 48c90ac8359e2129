/** Heat maps, layer by threshold: accuracy clean or adversarial, or what the attack costs; one panel per filter. */
import type { PlotCheckpoint, PlotCurve } from "./data.js";
import { figure, horizontalAxis, isTall, panelHeading, panels, text, TICKS_ABOVE, ticksAbove, tipArea, type Panel, type Setup } from "./figure.js";
import { linearScale, roundTicks } from "./scale.js";
import { element, fixed, percent, pixels, significant } from "./svg.js";
import { DIVERGING, mapColour, SEQUENTIAL, stroke } from "./theme.js";
import { curveAt, describeFilter, epsilonText, headingOf, layerName, layersOf, rowNames } from "./words.js";

export type HeatKind = "clean" | "adversarial" | "difference";

export interface HeatChoice {
  kind: HeatKind;
  checkpoint: PlotCheckpoint;
  filters: string[];
  /** One of the checkpoint's; `clean` needs none. */
  epsilon: number;
  notice: string | null;
  /** Marked in the report. */
  layer?: string;
}

/** The value of a cell as a fraction, null where it isn't known. */
function valueAt(curve: PlotCurve, kind: HeatKind, e: number, i: number): number | null {
  const { clean, adversarial, images } = curve;
  if (kind === "clean") return clean[i] / images;
  const correct = adversarial[e]?.[i] ?? null;
  if (correct === null) return null;
  return kind === "adversarial" ? correct / images : (clean[i] - correct) / images;
}

/** Percentage points with their sign. */
const points = (fraction: number): string => `${fraction > 0 ? "+" : ""}${fixed(100 * fraction, 1)} points`;

/** So many colours of a map are told apart. */
const SHADES = 200;

interface Colours {
  map: string[];
  domain: [number, number];
  label: string;
}

/** One scale for every epsilon of a checkpoint, so that figures can be compared. */
function coloursOf({ kind, checkpoint }: HeatChoice): Colours {
  if (kind !== "difference") return { map: SEQUENTIAL, domain: [0, 1], label: `${kind === "clean" ? "clean accuracy" : "adversarial accuracy"} (%)` };
  let most = 0.1;
  for (const curve of checkpoint.curves) {
    for (const [e] of checkpoint.epsilons.entries()) curve.alphas.forEach((_, i) => (most = Math.max(most, Math.abs(valueAt(curve, kind, e, i) ?? 0))));
  }
  most = Math.ceil(most * 10 - 1e-9) / 10;
  return { map: DIVERGING, domain: [-most, most], label: "clean − adversarial accuracy (percentage points)" };
}

function colourBar({ map, domain, label }: Colours, top: number, width: number): { markup: string; bottom: number } {
  const [x, wide, steps] = [32, Math.min(260, width - 64), 52];
  const scale = linearScale([100 * domain[0], 100 * domain[1]], [x, x + wide]);
  let markup = text(16, top + 8, label, { colour: "muted" });
  for (let i = 0; i < steps; i++) {
    // Each step reaches below the next, or the page would show through between them.
    const from = x + (i * wide) / steps;
    markup += element("rect", { x: from, y: top + 14, width: Math.min(x + wide - from, wide / steps + 1), height: 10, fill: mapColour(map, (i + 0.5) / steps) });
  }
  for (const tick of roundTicks(scale.domain, 5)) markup += text(scale(tick.value), top + 37, tick.text, { colour: "muted", anchor: "middle" });
  return { markup, bottom: top + 46 };
}

function tipOf(curve: PlotCurve, choice: HeatChoice, e: number, i: number): string {
  const { clean, adversarial, images, removed, weights } = curve;
  const under = adversarial[e]?.[i] ?? null;
  return [
    `${layerName(curve.layer)}, ${curve.filter}, α = ${significant(curve.alphas[i], 5)} (${i + 1} of ${curve.alphas.length})`,
    `clean: ${percent(clean[i] / images)}`,
    ...(under === null ? [] : [`adversarial, ε ${epsilonText(choice.epsilon, choice.checkpoint)}: ${percent(under / images)}`, `clean − adversarial: ${points((clean[i] - under) / images)}`]),
    `density: ${percent(1 - removed[i] / weights)}`,
  ].join("\n");
}

function panelMarkup(panel: Panel, filter: string, layers: string[], choice: HeatChoice, colours: Colours, setup: Setup): string {
  const { checkpoint, kind } = choice;
  const { name } = rowNames(layers, setup.width);
  const e = checkpoint.epsilons.indexOf(choice.epsilon);
  const curves = layers.map((layer) => curveAt(checkpoint, layer, filter));
  const steps = curves.reduce((most, curve) => Math.max(most, curve?.alphas.length ?? 0), 1);
  const high = panel.height / layers.length;
  const edge = (i: number): number => panel.x + Math.round((10 * i * panel.width) / steps) / 10;
  let [tips, names, frame] = ["", "", ""];
  /** Cells of one colour are one path. */
  const cells = new Map<string, string>();
  curves.forEach((curve, row) => {
    const y = panel.y + row * high;
    const isChosen = layers[row] === choice.layer;
    if (panel.first) names += text(panel.x - 8, y + high / 2 + 4, name(layers[row]), { colour: isChosen ? "ink" : "muted", anchor: "end", weight: isChosen ? 600 : undefined });
    if (!curve) return;
    for (let i = 0; i < curve.alphas.length; i++) {
      const value = valueAt(curve, kind, e, i);
      if (value === null) continue;
      const fraction = (value - colours.domain[0]) / (colours.domain[1] - colours.domain[0]);
      const colour = mapColour(colours.map, Math.round(fraction * SHADES) / SHADES);
      const wide = pixels(edge(i + 1) - edge(i));
      cells.set(colour, `${cells.get(colour) ?? ""}M${pixels(edge(i))},${pixels(y)}h${wide}v${pixels(high - 1)}h-${wide}z`);
      if (setup.inPage) tips += tipArea(edge(i), y, edge(i + 1) - edge(i), high, tipOf(curve, choice, e, i), curve.layer);
    }
    if (isChosen) frame = element("path", { d: `M${pixels(panel.x - 1)},${pixels(y - 1)}H${pixels(panel.x + panel.width + 1)}v${pixels(high + 1)}H${pixels(panel.x - 1)}z`, "stroke-width": 1.5, ...stroke("ink") });
  });
  const every = steps <= 10 ? 1 : 5 * Math.ceil(steps / 50);
  const ticks = [...new Set([1, ...Array.from({ length: Math.floor(steps / every) }, (_, i) => every * (i + 1))])].map((step) => ({ value: step, text: String(step) }));
  const scale = linearScale([0.5, steps + 0.5], [panel.x, panel.x + panel.width]);
  return [
    element("g", { "shape-rendering": "crispEdges" }, ...[...cells].map(([colour, d]) => element("path", { d, fill: colour }))),
    frame,
    names,
    ticksAbove(panel, scale, ticks),
    horizontalAxis(panel, scale, "threshold (number, in sweep order)", ticks),
    tips,
  ].join("");
}

const TITLES: Record<HeatKind, string> = {
  clean: "Clean accuracy, layer by threshold",
  adversarial: "Adversarial accuracy, layer by threshold",
  difference: "What the attack costs: clean − adversarial accuracy, layer by threshold",
};

function describe(choice: HeatChoice, layers: string[]): string {
  const e = choice.checkpoint.epsilons.indexOf(choice.epsilon);
  return choice.filters.flatMap((filter) => {
    const cells = layers.flatMap((layer) => {
      const curve = curveAt(choice.checkpoint, layer, filter);
      return curve ? curve.alphas.flatMap((_, i) => { const value = valueAt(curve, choice.kind, e, i); return value === null ? [] : [{ layer, value }]; }) : [];
    });
    if (cells.length === 0) return [];
    const [low, high] = [cells.reduce((a, b) => (b.value < a.value ? b : a)), cells.reduce((a, b) => (b.value > a.value ? b : a))];
    return [`${filter}: from ${percent(low.value)} (${layerName(low.layer)}) to ${percent(high.value)} (${layerName(high.layer)}).`];
  }).join(" ");
}

/** @returns the SVG; rows are layers, from the input down */
export function heatFigure(choice: HeatChoice, setup: Setup): string {
  const { checkpoint, kind, filters, epsilon } = choice;
  const layers = layersOf(checkpoint);
  const colours = coloursOf(choice);
  const heading = { ...headingOf(checkpoint, choice.notice, kind !== "clean"), title: TITLES[kind] + (kind === "clean" ? "" : `, ε = ${epsilonText(epsilon, checkpoint)}`), description: describe(choice, layers) };
  return figure(setup, heading, [], (top) => {
    const bar = colourBar(colours, top, setup.width);
    const height = Math.max(24, 17 * layers.length);
    const grid = { columns: filters.length, left: rowNames(layers, setup.width).left, gap: 16, height, above: 30 + (isTall({ height }) ? TICKS_ABOVE : 0), below: 44 };
    const places = panels(filters.length, grid, setup.width, bar.bottom);
    const markup = filters.map((filter, i) => panelHeading(places.panels[i], describeFilter(filter, places.panels[i].width)) + panelMarkup(places.panels[i], filter, layers, choice, colours, setup));
    return { markup: bar.markup + markup.join(""), bottom: places.bottom };
  });
}
