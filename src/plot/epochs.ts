/** Scores over epochs as lines, with their spread over initialisations; one panel per layer and filter. */
import type { PlotCheckpoint, PlotScore } from "./data.js";
import { figure, horizontalAxis, lineLegend, lineMarkup, panelHeading, panels, tipArea, verticalAxis, type Panel, type Setup } from "./figure.js";
import { domainWithZero, linearScale, type Scale } from "./scale.js";
import { element, fixed, pixels } from "./svg.js";
import { attackStyle, CLEAN, DIFFERENCE, fill, stroke, type LineStyle } from "./theme.js";
import { curveAt, describeFilter, epsilonText, layerName } from "./words.js";

export interface EpochChoice {
  /** Of one family; those without an epoch are left out. */
  checkpoints: PlotCheckpoint[];
  layers: string[];
  filters: string[];
  epsilon: number;
  notice: string | null;
}

type Metric = "clean" | "adversarial" | "difference";

const STYLES: Record<Metric, LineStyle> = { clean: CLEAN, adversarial: attackStyle(0, 1), difference: DIFFERENCE };
const METRICS = Object.keys(STYLES) as Metric[];
const LABELS: Record<Metric, string> = { clean: "clean", adversarial: "adversarial", difference: "adversarial − clean" };

/** Pixels between two numbers of the axis. */
const ROOM = 26;

/** One epoch's scores over the initialisations. */
interface Spread {
  mean: number;
  low: number;
  high: number;
  count: number;
}

/** Epochs in ascending order; a family has a figure when there are two at least. */
export function epochsOf(checkpoints: PlotCheckpoint[]): number[] {
  return [...new Set(checkpoints.flatMap(({ epoch }) => (epoch === null ? [] : [epoch])))].sort((a, b) => a - b);
}

function scoresAt(choice: EpochChoice, layer: string, filter: string, epoch: number): PlotScore[] {
  return choice.checkpoints.filter((checkpoint) => checkpoint.epoch === epoch).flatMap((checkpoint) => {
    const score = curveAt(checkpoint, layer, filter)?.scores[checkpoint.epsilons.indexOf(choice.epsilon)];
    return score ? [score] : [];
  });
}

function spreadOf(scores: PlotScore[], metric: Metric): Spread | null {
  const values = scores.map((score) => score[metric]).filter((value) => value !== null);
  if (values.length === 0) return null;
  return { mean: values.reduce((a, b) => a + b, 0) / values.length, low: Math.min(...values), high: Math.max(...values), count: values.length };
}

/** Areas between lowest and highest; an epoch without scores leaves a gap. */
function bandMarkup(epochs: number[], spreads: (Spread | null)[], x: Scale, y: Scale, colour: string): string {
  const parts: number[][] = [[]];
  spreads.forEach((spread, i) => (spread && spread.count > 1 ? parts.at(-1)!.push(i) : parts.push([])));
  const d = parts.filter((part) => part.length > 0).map((part) => {
    const [upper, lower] = [part.map((i) => `${pixels(x(epochs[i]))},${pixels(y(spreads[i]!.high))}`), part.toReversed().map((i) => `${pixels(x(epochs[i]))},${pixels(y(spreads[i]!.low))}`)];
    return `M${[...upper, ...lower].join("L")}z`;
  });
  return d.length > 0 ? element("path", { d: d.join(""), opacity: "0.18", ...fill(colour) }) : "";
}

function panelMarkup(panel: Panel, layer: string, filter: string, choice: EpochChoice, epochs: number[], domain: [number, number], setup: Setup, isLast: boolean): string {
  const x = linearScale([epochs[0], epochs.at(-1)!], [panel.x + 8, panel.x + panel.width - 8]);
  const y = linearScale(domain, [panel.y + panel.height, panel.y]);
  const scores = epochs.map((epoch) => scoresAt(choice, layer, filter, epoch));
  const spreads = METRICS.map((metric) => scores.map((at) => spreadOf(at, metric)));
  const lines = METRICS.map((metric, m) => lineMarkup(spreads[m].map((spread, i) => spread && { x: x(epochs[i]), y: y(spread.mean) }), STYLES[metric], true));
  const bands = METRICS.map((metric, m) => bandMarkup(epochs, spreads[m], x, y, STYLES[metric].colour));
  const tips = !setup.inPage ? [] : epochs.map((epoch, i) => {
    const told = METRICS.map((metric, m) => {
      const spread = spreads[m][i];
      if (!spread) return `${LABELS[metric]}: no score`;
      return `${LABELS[metric]}: ${fixed(spread.mean, 3)}${spread.count > 1 ? ` (${fixed(spread.low, 3)} to ${fixed(spread.high, 3)}, ${spread.count} inits)` : ""}`;
    });
    const [from, to] = [i === 0 ? panel.x : (x(epochs[i - 1]) + x(epoch)) / 2, i + 1 === epochs.length ? panel.x + panel.width : (x(epoch) + x(epochs[i + 1])) / 2];
    return tipArea(from, panel.y, to - from, panel.height, [`${layerName(layer)}, ${filter}, epoch ${epoch}, ε ${epsilonText(choice.epsilon, choice.checkpoints[0])}`, ...told].join("\n"));
  });
  // From the last epoch back, those with room for their number.
  const ticks = epochs.reduceRight<number[]>((kept, epoch) => (kept.length === 0 || x(kept[0]) - x(epoch) >= ROOM ? [epoch, ...kept] : kept), []);
  return [
    verticalAxis(panel, y, choice.layers.length === 1 ? "score S (no unit)" : "S"),
    horizontalAxis(panel, x, isLast ? "epoch" : "", ticks.map((value) => ({ value, text: String(value) }))),
    element("path", { d: `M${pixels(panel.x)},${pixels(y(0))}h${pixels(panel.width)}`, "stroke-width": 1, ...stroke("zero") }),
    ...bands,
    ...lines,
    ...tips,
  ].join("");
}

/** @returns the SVG; layers go down, filters side by side */
export function epochFigure(choice: EpochChoice, setup: Setup): string {
  const { checkpoints, layers, filters, epsilon } = choice;
  const epochs = epochsOf(checkpoints);
  const cells = layers.flatMap((layer) => filters.map((filter) => ({ layer, filter })));
  const all = cells.flatMap(({ layer, filter }) => epochs.flatMap((epoch) => scoresAt(choice, layer, filter, epoch))).flatMap((score) => METRICS.map((metric) => score[metric]).filter((value) => value !== null));
  const domain = domainWithZero(all);
  const inits = new Set(checkpoints.map(({ init }) => init)).size;
  const isOne = layers.length === 1;
  const [{ network, dataset, images, epsilonUnit }] = checkpoints;
  const heading = {
    title: `Scores of ${isOne ? layerName(layers[0]) : "the layers"} over epochs, ε = ${epsilonText(epsilon, checkpoints[0])}`,
    subtitle: `${network} on ${dataset}, ${checkpoints.length} checkpoints; ${images.toLocaleString("en-US")} images; ε in ${epsilonUnit}${inits > 1 ? `; lines: mean of up to ${inits} inits, areas: lowest to highest` : ""}`,
    notice: choice.notice,
    description: cells.map(({ layer, filter }) => {
      const [first, last] = [epochs[0], epochs.at(-1)!].map((epoch) => spreadOf(scoresAt(choice, layer, filter, epoch), "clean"));
      return first && last ? `${layerName(layer)}, ${filter}: the mean clean score goes from ${fixed(first.mean, 3)} at epoch ${epochs[0]} to ${fixed(last.mean, 3)} at epoch ${epochs.at(-1)}.` : "";
    }).filter(Boolean).join(" "),
  };
  return figure(setup, heading, METRICS.map((metric) => lineLegend(LABELS[metric], STYLES[metric])), (top) => {
    const grid = { columns: filters.length, left: 60, gap: 22, height: isOne ? 190 : 104, above: 30, below: isOne ? 44 : 28 };
    const places = panels(cells.length, grid, setup.width, top);
    const markup = cells.map(({ layer, filter }, i) => {
      const panel = places.panels[i];
      return panelHeading(panel, isOne ? describeFilter(filter, panel.width) : `${layerName(layer)}, ${filter}`) + panelMarkup(panel, layer, filter, choice, epochs, domain, setup, isOne || i >= cells.length - filters.length);
    });
    return { markup: markup.join(""), bottom: places.bottom + (isOne ? 0 : 16) };
  });
}
