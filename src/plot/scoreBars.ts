/** Scores per layer as bars, clean and adversarial, with their difference; one panel per filter. */
import type { PlotCheckpoint } from "./data.js";
import { figure, horizontalAxis, isTall, lineLegend, markersMarkup, panelHeading, panels, text, TICKS_ABOVE, ticksAbove, tipArea, type LegendItem, type Panel, type Setup } from "./figure.js";
import { domainWithZero, linearScale, roundTicks, type Scale } from "./scale.js";
import { element, pixels } from "./svg.js";
import { attackStyle, CLEAN, DIFFERENCE, fill, stroke } from "./theme.js";
import { curveAt, describeFilter, epsilonText, headingOf, layerName, layersOf, rowNames, scoreText } from "./words.js";

export interface ScoreChoice {
  checkpoint: PlotCheckpoint;
  filters: string[];
  epsilon: number;
  /** Scores this near to 0 count as robust. */
  band: number;
  notice: string | null;
  /** Marked in the report. */
  layer?: string;
}

const ATTACK = attackStyle(0, 1);

function bar(x: Scale, value: number | null, y: number, height: number, colour: string): string {
  if (value === null) return "";
  const [from, to] = [Math.min(x(0), x(value)), Math.max(x(0), x(value))];
  return element("rect", { x: from, y, width: Math.max(0.5, to - from), height, ...fill(colour) });
}

function panelMarkup(panel: Panel, filter: string, layers: string[], choice: ScoreChoice, domain: [number, number], setup: Setup): string {
  const { checkpoint, epsilon, band } = choice;
  const { name } = rowNames(layers, setup.width);
  const x = linearScale(domain, [panel.x, panel.x + panel.width]);
  const bottom = panel.y + panel.height;
  const high = panel.height / layers.length;
  let markup = element("rect", { x: x(Math.max(domain[0], -band)), y: panel.y, width: x(Math.min(domain[1], band)) - x(Math.max(domain[0], -band)), height: panel.height, opacity: "0.6", ...fill("grid") });
  for (const { value } of roundTicks(domain, panel.width / 52)) markup += element("path", { d: `M${pixels(x(value))},${pixels(panel.y)}V${pixels(bottom)}`, "stroke-width": 1, ...stroke(value === 0 ? "zero" : "grid") });
  const [differences, tips]: [{ x: number; y: number }[], string[]] = [[], []];
  layers.forEach((layer, row) => {
    const y = panel.y + row * high;
    const isChosen = layer === choice.layer;
    if (panel.first) markup += text(panel.x - 8, y + high / 2 + 4, name(layer), { colour: isChosen ? "ink" : "muted", anchor: "end", weight: isChosen ? 600 : undefined });
    const score = curveAt(checkpoint, layer, filter)?.scores[checkpoint.epsilons.indexOf(epsilon)];
    if (!score) return;
    const thick = Math.min(11, (high - 6) / 2);
    markup += bar(x, score.clean, y + high / 2 - thick, thick, CLEAN.colour) + bar(x, score.adversarial, y + high / 2, thick, ATTACK.colour);
    if (score.difference !== null) differences.push({ x: x(score.difference), y: y + high / 2 });
    for (const [value, at] of [[score.clean, y + high / 2 - thick / 2], [score.adversarial, y + high / 2 + thick / 2]] as const) {
      if (value === null) markup += text(x(0) + 5, at + 3, "no score", { colour: "muted", size: 9 });
    }
    if (setup.inPage) tips.push(tipArea(panel.x, y, panel.width, high, `${layerName(layer)}, ${filter}, ε ${epsilonText(epsilon, checkpoint)}\n${scoreText(score)}`, layer));
  });
  // A rim in the page's colour keeps the markers apart from the bars.
  return markup + markersMarkup(differences, { ...DIFFERENCE, colour: "paper" }, 4) + markersMarkup(differences, DIFFERENCE) + ticksAbove(panel, x, roundTicks(domain, panel.width / 52)) + horizontalAxis(panel, x, "score S (no unit)") + tips.join("");
}

const swatch = (label: string, colour: string): LegendItem => ({ label, symbol: (x, y) => element("rect", { x: x - 13, y: y - 5, width: 26, height: 10, ...fill(colour) }) });

/** @returns the SVG; rows are layers, from the input down */
export function scoreFigure(choice: ScoreChoice, setup: Setup): string {
  const { checkpoint, filters, epsilon, band } = choice;
  const layers = layersOf(checkpoint);
  const e = checkpoint.epsilons.indexOf(epsilon);
  const scores = filters.flatMap((filter) => layers.flatMap((layer) => { const score = curveAt(checkpoint, layer, filter)?.scores[e]; return score ? [{ layer, filter, score }] : []; }));
  const domain = domainWithZero(scores.flatMap(({ score }) => [score.clean, score.adversarial, score.difference].filter((value) => value !== null)));
  const ranked = scores.filter(({ score }) => score.clean !== null).sort((a, b) => a.score.clean! - b.score.clean!);
  const heading = {
    ...headingOf(checkpoint, choice.notice, true, `; below 0 fragile, above 0 antifragile, shaded: robust (within ±${band})`),
    title: `Scores of the layers, ε = ${epsilonText(epsilon, checkpoint)}`,
    description: ranked.length === 0 ? "No curve has a score." : `Clean scores go from ${ranked[0].score.clean!.toFixed(3)} (${layerName(ranked[0].layer)}, ${ranked[0].filter}) to ${ranked.at(-1)!.score.clean!.toFixed(3)} (${layerName(ranked.at(-1)!.layer)}, ${ranked.at(-1)!.filter}).`,
  };
  const legend = [swatch("clean", CLEAN.colour), swatch("adversarial", ATTACK.colour), lineLegend("adversarial − clean", { ...DIFFERENCE, width: 0 })];
  return figure(setup, heading, legend, (top) => {
    const height = Math.max(34, 22 * layers.length);
    const grid = { columns: filters.length, left: rowNames(layers, setup.width).left, gap: 22, height, above: 30 + (isTall({ height }) ? TICKS_ABOVE : 0), below: 44 };
    const places = panels(filters.length, grid, setup.width, top);
    return { markup: filters.map((filter, i) => panelHeading(places.panels[i], describeFilter(filter, places.panels[i].width)) + panelMarkup(places.panels[i], filter, layers, choice, domain, setup)).join(""), bottom: places.bottom };
  });
}
