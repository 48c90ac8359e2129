/** Response curves: accuracy clean and adversarial, and density, against the threshold; one panel per layer and filter. */
import type { PlotCheckpoint, PlotCurve } from "./data.js";
import { emptyPanel, figure, horizontalAxis, lineLegend, lineMarkup, panelHeading, panels, tipArea, verticalAxis, type Panel, type Setup } from "./figure.js";
import { linearScale } from "./scale.js";
import { percent, significant } from "./svg.js";
import { attackStyle, ATTACKS, CLEAN, DENSITY } from "./theme.js";
import { curveAt, describeFilter, epsilonText, headingOf, layerName, spread } from "./words.js";

/** What to draw of a checkpoint. */
export interface ResponseChoice {
  checkpoint: PlotCheckpoint;
  layers: string[];
  filters: string[];
  notice: string | null;
  /** Drawn in full strength, the others faintly; without it all are. */
  epsilon?: number;
}

/** Everything at one threshold, for the reader's pointer. */
function tipOf(curve: PlotCurve, i: number, checkpoint: PlotCheckpoint): string {
  const { alphas, clean, adversarial, removed, weights, images } = curve;
  const of = (correct: number): string => `${percent(correct / images)} (${correct} of ${images})`;
  return [
    `${layerName(curve.layer)}, ${curve.filter}, α = ${significant(alphas[i], 5)} (${i + 1} of ${alphas.length})`,
    `clean: ${of(clean[i])}`,
    ...checkpoint.epsilons.flatMap((epsilon, e) => (adversarial[e][i] === null ? [] : [`adversarial, ε ${epsilonText(epsilon, checkpoint)}: ${of(adversarial[e][i]!)}`])),
    `density: ${percent(1 - removed[i] / weights)} (${removed[i]} of ${weights} weights removed)`,
  ].join("\n");
}

function panelMarkup(panel: Panel, curve: PlotCurve | undefined, choice: ResponseChoice, drawn: number[], setup: Setup, isLast: boolean): string {
  const y = linearScale([0, 100], [panel.y + panel.height, panel.y]);
  const axis = verticalAxis(panel, y, choice.layers.length === 1 ? "accuracy, density (%)" : "%");
  if (!curve) return axis + emptyPanel(panel, "not in the results");
  const { alphas, clean, adversarial, removed, weights, images } = curve;
  // In sweep order: h_b goes from the largest threshold down, so that all three panels begin with hardly anything removed.
  const falls = alphas[0] > alphas.at(-1)!;
  const [low, high] = [Math.min(...alphas), Math.max(...alphas)];
  const x = linearScale(falls ? [high, low] : [low, high], [panel.x, panel.x + panel.width]);
  const order = alphas.map((_, i) => i).sort((a, b) => x(alphas[a]) - x(alphas[b]));
  const along = (value: (i: number) => number | null): ({ x: number; y: number } | null)[] =>
    order.map((i) => (value(i) === null ? null : { x: x(alphas[i]), y: y(100 * value(i)!) }));
  const withMarkers = panel.width / alphas.length > 6;
  const attacks = drawn.map((e, place) => {
    const style = attackStyle(place, drawn.length);
    const faint = choice.epsilon !== undefined && choice.checkpoint.epsilons[e] !== choice.epsilon;
    const line = lineMarkup(along((i) => (adversarial[e][i] === null ? null : adversarial[e][i]! / images)), style, withMarkers);
    return faint ? `<g opacity="0.35">${line}</g>` : line;
  });
  const label = isLast ? `threshold α (value of a weight)${falls ? ", falling" : ""}` : "";
  const edges = order.map((i, n) => (n === 0 ? panel.x : (x(alphas[order[n - 1]]) + x(alphas[i])) / 2));
  const tips = !setup.inPage ? [] : order.map((i, n) => tipArea(edges[n], panel.y, (edges[n + 1] ?? panel.x + panel.width) - edges[n], panel.height, tipOf(curve, i, choice.checkpoint)));
  return [
    axis,
    horizontalAxis(panel, x, label),
    lineMarkup(along((i) => 1 - removed[i] / weights), DENSITY, false),
    ...attacks,
    lineMarkup(along((i) => clean[i] / images), CLEAN, withMarkers),
    ...tips,
  ].join("");
}

/** @returns the SVG; layers go down, filters side by side */
export function responseFigure(choice: ResponseChoice, setup: Setup): string {
  const { checkpoint, layers, filters } = choice;
  const { epsilons } = checkpoint;
  const drawn = spread(epsilons, ATTACKS);
  const cells = layers.flatMap((layer) => filters.map((filter) => ({ layer, filter, curve: curveAt(checkpoint, layer, filter) })));
  const isOne = layers.length === 1;
  const name = isOne ? layerName(layers[0]) : "every layer";
  const weights = isOne ? cells.find(({ curve }) => curve)?.curve?.weights : undefined;
  const left = drawn.length < epsilons.length ? ` (${drawn.length} of ${epsilons.length} epsilons drawn)` : "";
  const description = cells.flatMap(({ layer, filter, curve }) => {
    if (!curve) return [];
    const { clean, adversarial, images } = curve;
    const [first, least] = [clean[0] / images, Math.min(...clean) / images];
    const under = adversarial.at(-1)?.[0];
    return [`${layerName(layer)}, ${filter}: clean accuracy starts at ${percent(first)}${under == null ? "" : `, ${percent(under / images)} under the strongest attack`}, and is ${percent(least)} at its lowest.`];
  });
  const legend = [
    lineLegend("clean accuracy", CLEAN),
    ...drawn.map((e, place) => lineLegend(`adversarial, ε = ${epsilonText(epsilons[e], checkpoint)}`, attackStyle(place, drawn.length))),
    lineLegend("density: weights left", DENSITY),
  ];
  const heading = {
    ...headingOf(checkpoint, choice.notice, true, `${weights === undefined ? "" : `, ${weights.toLocaleString("en-US")} weights`}${left}`),
    title: `Response of ${name} to synaptic filtering`,
    description: description.join(" "),
  };
  return figure(setup, heading, legend, (top) => {
    const grid = { columns: filters.length, left: 60, gap: 22, height: isOne ? 190 : 104, above: 30, below: isOne ? 44 : 28 };
    const places = panels(cells.length, grid, setup.width, top);
    const markup = cells.map(({ layer, filter, curve }, i) => {
      const panel = places.panels[i];
      const title = isOne ? describeFilter(filter, panel.width) : `${layerName(layer)}, ${filter}`;
      return panelHeading(panel, title) + panelMarkup(panel, curve, choice, drawn, setup, isOne || i >= cells.length - filters.length);
    });
    return { markup: markup.join(""), bottom: places.bottom + (isOne ? 0 : 16) };
  });
}
