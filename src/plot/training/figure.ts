/** Learning curves: loss and accuracy over epochs, of the images that are learned from and of those that are not. */
import { figure, horizontalAxis, lineLegend, lineMarkup, panelHeading, panels, verticalAxis, type Panel, type Setup } from "../figure.js";
import { linearScale } from "../scale.js";
import { fixed, percent } from "../svg.js";
import { attackStyle, CLEAN, type LineStyle } from "../theme.js";
import type { InitCurves, TrainingData } from "./data.js";

interface Point {
  /** In epochs. */
  at: number;
  value: number;
}

const TRAIN: LineStyle = { ...CLEAN, marker: "none" };
const TEST: LineStyle = attackStyle(0, 1);
/** Steps are averaged to so many points at most. */
const POINTS = 160;

/** Means over steps that follow each other. @param value of one step, for each of its images */
function means({ steps, epochs }: InitCurves, value: (step: InitCurves["steps"][number]) => number): Point[] {
  const perEpoch = epochs.length > 0 ? epochs[0].step : steps.length;
  const bin = Math.max(1, Math.ceil(steps.length / POINTS));
  return Array.from({ length: Math.ceil(steps.length / bin) }, (_, i) => {
    const part = steps.slice(i * bin, (i + 1) * bin);
    return { at: (i * bin + part.length / 2) / perEpoch, value: part.reduce((sum, step) => sum + value(step), 0) / part.reduce((sum, { images }) => sum + images, 0) };
  });
}

interface Curves {
  heading: string;
  label: string;
  lines: { points: Point[]; style: LineStyle }[];
  least: number | null;
  most: number | null;
}

function curvesOf({ inits }: TrainingData): Curves[] {
  const test = (value: (row: InitCurves["epochs"][number]) => number): Curves["lines"] =>
    inits.map(({ epochs }) => ({ style: TEST, points: epochs.filter(({ test_images: images }) => images !== null).map((row) => ({ at: row.epoch, value: value(row) })) }));
  return [
    { heading: "Loss", label: "mean cross-entropy", least: 0, most: null, lines: [...inits.map((init) => ({ style: TRAIN, points: means(init, ({ loss, images }) => loss * images) })), ...test((row) => row.test_loss!)] },
    { heading: "Accuracy", label: "% right", least: null, most: 100, lines: [...inits.map((init) => ({ style: TRAIN, points: means(init, ({ correct }) => 100 * correct) })), ...test((row) => (100 * row.test_correct!) / row.test_images!)] },
  ];
}

/** Where most of the values lie: a few at the very beginning may be far off. */
function domainOf({ lines, least, most }: Curves): [number, number] {
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value)).filter(Number.isFinite).sort((a, b) => a - b);
  if (values.length === 0) return [least ?? 0, most ?? 1];
  const [low, high] = [least ?? Math.max(0, values[Math.floor(0.02 * (values.length - 1))]), most ?? values[Math.ceil(0.98 * (values.length - 1))]];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

function panelMarkup(panel: Panel, curves: Curves, epochs: number): string {
  const x = linearScale([0, epochs], [panel.x, panel.x + panel.width]);
  const y = linearScale(domainOf(curves), [panel.y + panel.height, panel.y]);
  const inside = (value: number): number => Math.min(panel.y + panel.height, Math.max(panel.y, y(value)));
  return [
    verticalAxis(panel, y, panel.first ? curves.label : ""),
    horizontalAxis(panel, x, "epoch"),
    panelHeading(panel, curves.heading),
    ...curves.lines.map(({ points, style }) => lineMarkup(points.map(({ at, value }) => (Number.isFinite(value) ? { x: x(at), y: inside(value) } : null)), style, points.length <= 40)),
  ].join("");
}

/** The last epoch of each initialisation, told. */
function description({ inits }: TrainingData): string {
  return inits.map(({ init, epochs }) => {
    const last = epochs.at(-1);
    if (!last) return `Init ${init} has not finished an epoch.`;
    const test = last.test_images === null ? "" : `, and ${percent(last.test_correct! / last.test_images)} of the test images`;
    return `Init ${init}: after epoch ${last.epoch} the loss is ${fixed(last.loss, 4)}; ${percent(last.correct / last.images)} are right of the images learned from${test}.`;
  }).join(" ");
}

/** @returns the SVG */
export function trainingFigure(data: TrainingData, setup: Setup): string {
  const { network, dataset, inits } = data;
  const epochs = Math.max(1, ...inits.map((init) => Math.max(init.epochs.at(-1)?.epoch ?? 0, Math.ceil(means(init, () => 0).at(-1)?.at ?? 0))));
  const images = inits[0]?.manifest.identity.dataset.images ?? 0;
  const heading = {
    title: `Training of ${network} on ${dataset}`,
    subtitle: `${inits.length === 1 ? `init ${inits[0].init}` : `${inits.length} initialisations, a line each`}; ${images.toLocaleString("en-US")} images to learn from, seen by the network as it was at each step`,
    notice: inits.some(({ manifest }) => manifest.status !== "done") ? "Not all of it is trained to its end yet." : null,
    description: description(data),
  };
  const isTested = inits.some(({ epochs: rows }) => rows.some(({ test_images: tested }) => tested !== null));
  return figure(setup, heading, [lineLegend("learned from", TRAIN), ...(isTested ? [lineLegend("test images", TEST)] : [])], (top) => {
    const curves = curvesOf(data);
    const places = panels(curves.length, { columns: 2, left: 60, gap: 60, height: 240, above: 30, below: 44 }, setup.width, top);
    return { markup: curves.map((each, i) => panelMarkup({ ...places.panels[i], first: true }, each, epochs)).join(""), bottom: places.bottom };
  });
}
