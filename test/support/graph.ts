/** Any graph on the real device, as filtered networks stacked along the batch, against the plain loops of its ops. */
import * as assert from "uvu/assert";
import { blockLayout, blocksFor, fromBlocks, type MapShape, toBlocks } from "../../src/layout/blocks.js";
import type { GraphBuilder } from "../../src/model/builder.js";
import { type Graph, inferShapes, parametersOf } from "../../src/model/graph.js";
import { evaluateGraph } from "../../src/model/twin.js";
import { layerOf } from "../../src/ops/common/step.js";
import { planUnit, type PlanOptions } from "../../src/plan/plan.js";
import { GpuExecutor } from "../../src/run/gpu.js";
import { kernelLimits } from "../../src/run/limits.js";
import { NetworkResources } from "../../src/sweep/resources.js";
import type { Interval } from "../../src/sweep/filters.js";
import { assertClose, assertSigns, noise } from "./close.js";
import { gpu } from "./kernel.js";

export const CLASSES = 5;

export interface GraphRun {
  /** NCHW; as many images as labels. */
  pixels: Float32Array;
  labels: number[];
  batchNorm: "running" | "batch";
  /** Layers, in the order of each mask's intervals. */
  filtered: string[];
  /** One a filtered network. */
  masks: Interval[][];
  /** More of the plan, as of other adapters. */
  plan?: Partial<PlanOptions>;
}

/** What a filtered network gives; NCHW. */
export interface GraphOutcome {
  logits: Float32Array;
  /** By the kernels of a pass that no gradient follows. */
  attacked: Float32Array;
  loss: Float32Array;
  /** Of the sum of the losses, by the images. */
  gradient: Float32Array;
}

let shared: GpuExecutor | null = null;

/** @returns outcomes of each mask, and the names of the steps that made them */
export async function runGraph(graph: Graph, tensors: Map<string, Float32Array>, image: MapShape, { pixels, labels, batchNorm, filtered, masks, plan: more }: GraphRun): Promise<{ outcomes: GraphOutcome[]; steps: string[] }> {
  const device = await gpu();
  const limits = { ...kernelLimits(device, image), ...more };
  const images = labels.length;
  const blocks = blocksFor(images, limits);
  const classes = inferShapes(graph, image).get(graph.output)!;
  const network = { name: "network", width: 0, channels: image.channels, classes: classes.channels, graph, layers: [], tensors: new Map([...tensors].map(([name, data]) => [name, { shape: [data.length], data }])) };
  const attack = { epsilon: [0, 0, 0, 0], low: [0, 0, 0, 0], high: [0, 0, 0, 0] };
  const plan = planUnit(network, { image, filtered, variants: masks.length, blocksPerVariant: blocks, images, attacks: [attack], clamp: false, batchNorm, ...limits });
  const [logits, attacked, gradient] = [`clean/${plan.logits}`, `adv/${plan.logits}`, plan.inputGradient!];
  plan.kept = new Set([logits, attacked, gradient]);
  const executor = (shared ??= new GpuExecutor(device));
  const resources = new NetworkResources(executor, network);
  try {
    const prepared = await executor.prepare(plan, resources.lookup(plan));
    executor.writeTexture(prepared.texture(`clean/${graph.input}`), toBlocks(plan.input, pixels, blocks));
    const padded = new Uint32Array(blocks * plan.blockImages);
    padded.set(labels);
    resources.writeLabels(padded);
    resources.writeIntervals(filtered, masks);
    executor.submit([...prepared.prefix, ...prepared.body]);
    const readMaps = async (resource: string, shape: MapShape): Promise<Float32Array[]> => {
      const layout = blockLayout(shape, limits);
      const texels = await executor.readTexture(prepared.texture(resource));
      const rows = plan.tensors.get(resource)!.height / (blocks * layout.fold);
      // What no filter touches is there once for all of them.
      return masks.map((_, variant) => fromBlocks(layout, texels.subarray((variant % rows) * blocks * layout.fold * layout.texels * 4), images));
    };
    const maps = [await readMaps(logits, classes), await readMaps(attacked, classes), await readMaps(gradient, image)];
    const results = await executor.readBuffer(resources.resultsBuffer(plan), masks.length * blocks * plan.blockImages * 2);
    const outcomes = masks.map((_, variant) => ({
      logits: maps[0][variant], attacked: maps[1][variant], gradient: maps[2][variant],
      loss: Float32Array.from({ length: images }, (__, i) => results[(variant * blocks * plan.blockImages + i) * 2 + 1]),
    }));
    return { outcomes, steps: [...plan.prefix, ...plan.body].map(({ name }) => name) };
  } catch (error) {
    shared = null; // what failed on it fails there again
    executor.close();
    throw error;
  } finally {
    resources.close();
  }
}

/** Puts a linear layer behind any map, that sees each of its pixels. @returns the graph */
export function classify(b: GraphBuilder, x: string, image: MapShape, name = "fc"): Graph {
  const { channels, height, width } = inferShapes(b.graph(x), image).get(x)!;
  return b.graph(b.linear(b.flatten(x), name, channels * height * width, CLASSES));
}

/** Parameters with which values stay about as large as they are from layer to layer; no norm's scale is that of another channel. */
export function randomTensors(graph: Graph, seed = 1): Map<string, Float32Array> {
  return new Map(parametersOf(graph).map(({ tensor, shape, initial, buffer }, i) => {
    const values = noise(shape.reduce((a, b) => a * b, 1), seed * 1000 + i * 7 + 1);
    const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
    if (initial.kind !== "constant") return [tensor, values.map((v) => v * Math.sqrt(16 / fanIn))];
    // Variances stay above zero, weights of norms may be below.
    return [tensor, values.map((v) => initial.value + v * (buffer ? 1 : 2.4))];
  }));
}

/** Removes the weights between two quantiles of each layer. */
export const quantiles = (tensors: Map<string, Float32Array>, layers: string[], from: number, to: number): Interval[] =>
  layers.map((layer) => {
    const sorted = (tensors.get(`${layer}.weight`) ?? tensors.get(layer)!).toSorted();
    return { low: sorted[Math.floor(from * sorted.length)], high: sorted[Math.floor(to * sorted.length)] };
  });

export const layersOf = (graph: Graph): string[] => parametersOf(graph).filter(({ filterable }) => filterable).map(({ tensor }) => layerOf(tensor));

export type Which = "first" | "middle" | "last" | "all" | "none";

/** The layers that a test filters. */
export function filteredOf(graph: Graph, which: Which): string[] {
  const layers = layersOf(graph);
  if (which === "all" || which === "none") return which === "all" ? layers : [];
  return [layers[{ first: 0, middle: layers.length >> 1, last: layers.length - 1 }[which]]];
}

/** Of the kernels for hardware, with blocks of 16 images so that little is padding. */
export const HARDWARE: Partial<PlanOptions> = { kernels: "hardware", lanes: 4, shuffle: false, accumulators: 32 };

export interface GraphCheck {
  which?: Which;
  batchNorm?: "running" | "batch";
  seed?: number;
  images?: number;
  plan?: Partial<PlanOptions>;
}

/** Two filtered networks of a graph on the device against its twin. @returns names of the steps */
export async function checkGraph(graph: Graph, image: MapShape, { which = "all", batchNorm = "running", seed = 1, images = 5, plan }: GraphCheck = {}): Promise<string[]> {
  const tensors = randomTensors(graph, seed);
  const pixels = noise(images * image.channels * image.height * image.width, seed + 100).map((v) => v * 3);
  const labels = Array.from({ length: images }, (_, i) => (i * 3) % CLASSES);
  const filtered = filteredOf(graph, which);
  const masks = [quantiles(tensors, filtered, 0.15, 0.5), quantiles(tensors, filtered, 0.6, 0.8)];
  const { outcomes, steps } = await runGraph(graph, tensors, image, { pixels, labels, batchNorm, filtered, masks, plan });
  assert.is(outcomes.length, 2);
  outcomes.forEach((actual, variant) => {
    const removed = new Map(filtered.map((layer, i) => [layer, masks[variant][i]]));
    const expected = evaluateGraph(graph, tensors, { image, pixels, labels, batchNorm, removed });
    const of = (what: string): string => `${what} of network ${variant}, ${which} filtered, batch norm ${batchNorm}`;
    assertClose(actual.logits, expected.logits, 1e-4, of("logits"));
    assertClose(actual.attacked, expected.logits, 1e-4, of("logits under an attack of strength 0"));
    assertClose(actual.loss, expected.loss, 1e-4, of("losses"));
    assertClose(actual.gradient, expected.gradient, 1e-3, of("input gradient"));
    assertSigns(actual.gradient, expected.gradient, of("input gradient"));
    assert.ok(expected.gradient.some((g) => g !== 0), "a gradient of zeros checks nothing");
  });
  return steps;
}
