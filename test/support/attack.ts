/** Projected gradient descent on the real device and by plain loops in float64: what becomes of some images. */
import { blockLayout, fromBlocks, IMAGE_MULTIPLE, type MapShape, toBlocks } from "../../src/layout/blocks.js";
import { type Graph, inferShapes } from "../../src/model/graph.js";
import { evaluateGraph } from "../../src/model/twin.js";
import { startNoise } from "../../src/ops/pgd.js";
import { planUnit, type UnitPlan } from "../../src/plan/plan.js";
import { GpuExecutor } from "../../src/run/gpu.js";
import { kernelLimits } from "../../src/run/limits.js";
import { NetworkResources } from "../../src/sweep/resources.js";
import type { Interval } from "../../src/sweep/filters.js";
import { gpu } from "./kernel.js";

export interface PgdCase {
  graph: Graph;
  tensors: Map<string, Float32Array>;
  image: MapShape;
  /** NCHW; as many images as labels. */
  pixels: Float32Array;
  labels: number[];
  batchNorm: "running" | "batch";
  filtered: string[];
  /** One a filtered network. */
  masks: Interval[][];
  epsilons: number[];
  /** Length of a step. */
  step: number;
  steps: number;
  randomStart: number | null;
  /** Of the first image, in the data. */
  place: number;
  /** Range of pixels, where they are clamped. */
  range: [number, number] | null;
}

export interface PgdOutcome {
  /** Attacked images, NCHW. */
  images: Float32Array;
  logits: Float32Array;
  /** As the results have it. */
  correct: number;
}

const all = (value: number): number[] => [value, value, value, value];

export async function planPgd(given: PgdCase): Promise<UnitPlan> {
  const { image, batchNorm, filtered, masks, epsilons, step, steps, randomStart, range, labels } = given;
  const limits = kernelLimits(await gpu(), image);
  const [low, high] = range ?? [0, 0];
  return planUnit(networkOf(given), {
    image, filtered, variants: masks.length, blocksPerVariant: IMAGE_MULTIPLE / limits.lanes, images: labels.length, batchNorm,
    attacks: epsilons.map((epsilon) => ({ epsilon: all(epsilon), step: all(step), low: all(low), high: all(high) })),
    clamp: range !== null, pgd: { steps, randomStart }, ...limits,
  });
}

function networkOf({ graph, tensors, image }: PgdCase) {
  const { channels: classes } = inferShapes(graph, image).get(graph.output)!;
  return { name: "network", width: 0, channels: image.channels, classes, graph, layers: [], tensors: new Map([...tensors].map(([name, data]) => [name, { shape: [data.length], data }])) };
}

/** @returns outcomes by strength, then filtered network */
export async function attackOnDevice(given: PgdCase): Promise<PgdOutcome[][]> {
  const { graph, image, pixels, labels, filtered, masks, epsilons } = given;
  const device = await gpu();
  const limits = kernelLimits(device, image);
  const plan = await planPgd(given);
  const { blocksPerVariant: blocks } = plan;
  const passes = epsilons.map((_, i) => `adv${i || ""}`);
  plan.kept = new Set(passes.flatMap((pass) => [`${pass}/${graph.input}`, `${pass}/${plan.logits}`]));
  const executor = new GpuExecutor(device);
  const resources = new NetworkResources(executor, networkOf(given));
  try {
    const prepared = await executor.prepare(plan, resources.lookup(plan));
    executor.writeTexture(prepared.texture(`clean/${graph.input}`), toBlocks(plan.input, pixels, blocks));
    const padded = new Uint32Array(blocks * limits.lanes);
    padded.set(labels);
    resources.writeLabels(padded);
    resources.writePlaces(given.place);
    resources.writeIntervals(filtered, masks);
    executor.submit([...prepared.prefix, ...prepared.body]);
    const results = await executor.readBuffer(resources.resultsBuffer(plan), NetworkResources.resultBytes(plan) / 4);
    const read = async (resource: string, shape: MapShape): Promise<Float32Array[]> => {
      const layout = blockLayout(shape, limits);
      const texels = await executor.readTexture(prepared.texture(resource));
      return masks.map((_, variant) => fromBlocks(layout, texels.subarray(variant * blocks * layout.fold * layout.texels * 4), labels.length));
    };
    const outcomes: PgdOutcome[][] = [];
    for (const [i, pass] of passes.entries()) {
      const [images, logits] = [await read(`${pass}/${graph.input}`, image), await read(`${pass}/${plan.logits}`, inferShapes(graph, image).get(graph.output)!)];
      outcomes.push(masks.map((_, variant) => {
        const first = ((i + 1) * masks.length + variant) * blocks * limits.lanes;
        return { images: images[variant], logits: logits[variant], correct: labels.reduce((sum, __, n) => sum + results[2 * (first + n)], 0) };
      }));
    }
    return outcomes;
  } finally {
    resources.close();
    executor.close();
  }
}

/** The definition in float64: Madry et al. 2018, arXiv 1706.06083. @returns attacked images */
export function attackByLoops({ graph, tensors, image, pixels, labels, batchNorm, filtered, masks, epsilons, step, steps, randomStart, place, range }: PgdCase): Float64Array[][] {
  const size = pixels.length / labels.length;
  const clamp = (value: number, [low, high]: [number, number]): number => Math.min(high, Math.max(low, value));
  const valid = (value: number): number => (range ? clamp(value, range) : value);
  return epsilons.map((epsilon) => masks.map((mask) => {
    const removed = new Map(filtered.map((layer, i) => [layer, mask[i]]));
    let moving = Float64Array.from(pixels, (x, i) => (randomStart === null ? x : valid(x + epsilon * startNoise(randomStart, place + Math.floor(i / size), i % size))));
    for (let n = 0; n < steps; n++) {
      const { gradient } = evaluateGraph(graph, tensors, { image, pixels: moving, labels, batchNorm, removed });
      moving = moving.map((x, i) => valid(pixels[i] + clamp(x + step * Math.sign(gradient[i]) - pixels[i], [-epsilon, epsilon])));
    }
    return moving;
  }));
}
