/** The figures of a run as files: which there are, and what they are called. */
import type { PlotCheckpoint, PlotData } from "./data.js";
import { epochFigure, epochsOf } from "./epochs.js";
import type { Setup } from "./figure.js";
import { heatFigure, type HeatKind } from "./heat.js";
import { responseFigure } from "./response.js";
import { scoreFigure } from "./scoreBars.js";
import { epsilonText, filtersOf, layersOf } from "./words.js";

export interface FigureFile {
  /** Below the folder of figures, with slashes. */
  path: string;
  /** The SVG. */
  draw(): string;
}

const WIDTH = 960;

/** A name for a file out of any text: "init 1, epoch 2" is init-1-epoch-2; never empty, never hidden, never long. */
export function fileName(text: string): string {
  const name = text.replace(/[^\p{L}\p{N}._]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "").slice(-40).replace(/^[-.]+/, "");
  return name || "unnamed";
}

/** Names that differ even where letters' case doesn't count. */
export function distinctNames(texts: string[]): string[] {
  const taken = new Set<string>();
  return texts.map((text) => {
    let name = fileName(text);
    for (let n = 2; taken.has(name.toLowerCase()); n++) name = `${fileName(text)}-${n}`;
    taken.add(name.toLowerCase());
    return name;
  });
}

const layerFiles = (layers: string[]): string[] => distinctNames(layers.map((layer) => (layer === "*" ? "all-layers" : layer)));
const epsilonFiles = (epsilons: number[], checkpoint: PlotCheckpoint): string[] => distinctNames(epsilons.map((epsilon) => `epsilon-${epsilonText(epsilon, checkpoint)}`));

function* checkpointFigures(checkpoint: PlotCheckpoint, data: PlotData, notice: string | null, setup: Setup): Generator<FigureFile> {
  const [layers, filters] = [layersOf(checkpoint), filtersOf(checkpoint)];
  const [layerNames, epsilonNames] = [layerFiles(layers), epsilonFiles(checkpoint.epsilons, checkpoint)];
  for (const [i, layer] of layers.entries()) yield { path: `response/${layerNames[i]}.svg`, draw: () => responseFigure({ checkpoint, layers: [layer], filters, notice }, setup) };
  if (layers.length > 1) yield { path: "responses.svg", draw: () => responseFigure({ checkpoint, layers, filters, notice }, setup) };
  const heat = (kind: HeatKind, epsilon: number): string => heatFigure({ kind, checkpoint, filters, epsilon, notice }, setup);
  yield { path: "heat-clean.svg", draw: () => heat("clean", checkpoint.epsilons[0]) };
  for (const [i, epsilon] of checkpoint.epsilons.entries()) {
    const at = epsilonNames[i];
    yield { path: `heat-adversarial-${at}.svg`, draw: () => heat("adversarial", epsilon) };
    yield { path: `heat-difference-${at}.svg`, draw: () => heat("difference", epsilon) };
    yield { path: `scores-${at}.svg`, draw: () => scoreFigure({ checkpoint, filters, epsilon, band: data.band, notice }, setup) };
  }
}

function* epochFigures(checkpoints: PlotCheckpoint[], notice: string | null, setup: Setup): Generator<FigureFile> {
  const [layers, filters] = [layersOf, filtersOf].map((of) => [...new Set(checkpoints.flatMap(of))]);
  const epsilons = [...new Set(checkpoints.flatMap((checkpoint) => checkpoint.epsilons))].sort((a, b) => a - b);
  const [layerNames, epsilonNames] = [layerFiles(layers), epsilonFiles(epsilons, checkpoints[0])];
  for (const [e, epsilon] of epsilons.entries()) {
    const at = epsilonNames[e];
    for (const [i, layer] of layers.entries()) yield { path: `epochs/${layerNames[i]}-${at}.svg`, draw: () => epochFigure({ checkpoints, layers: [layer], filters, epsilon, notice }, setup) };
    if (layers.length > 1) yield { path: `epochs-${at}.svg`, draw: () => epochFigure({ checkpoints, layers, filters, epsilon, notice }, setup) };
  }
}

/** Every figure, drawn when asked for: those of a checkpoint in a folder of its own where there are several. */
export function* figuresOf(data: PlotData): Generator<FigureFile> {
  const noticeOf = (checkpoints: PlotCheckpoint[]): string | null => checkpoints.map(({ run }) => data.runs[run].notice).find((notice) => notice !== null) ?? null;
  const setup: Setup = { id: "figure", width: WIDTH, inPage: false };
  const folders = data.checkpoints.length > 1 ? distinctNames(data.checkpoints.map(({ label }) => label)).map((name) => `${name}/`) : [""];
  for (const [i, checkpoint] of data.checkpoints.entries()) {
    for (const { path, draw } of checkpointFigures(checkpoint, data, noticeOf([checkpoint]), setup)) yield { path: folders[i] + path, draw };
  }
  const families = [...new Set(data.checkpoints.map(({ family }) => family))].map((family) => data.checkpoints.filter((checkpoint) => checkpoint.family === family));
  const overEpochs = families.filter((checkpoints) => epochsOf(checkpoints).length > 1);
  const names = distinctNames(overEpochs.map(([{ network, dataset }]) => `${network}-${dataset}`));
  for (const [i, checkpoints] of overEpochs.entries()) {
    for (const { path, draw } of epochFigures(checkpoints, noticeOf(checkpoints), setup)) yield { path: (overEpochs.length > 1 ? `${names[i]}/` : "") + path, draw };
  }
}
