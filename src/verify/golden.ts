/** The whole network against arrays that PyTorch made: logits, losses and input gradients, each with its difference. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Gpu } from "../gpu/device.js";
import { readCheckpoint } from "../inputs/weights.js";
import { openCheckpointFile, readTensors } from "../io/checkpoints/checkpoint.js";
import { readSafetensors } from "../io/checkpoints/safetensors.js";
import type { Tensor } from "../io/types.js";
import { describeCheckpoint } from "../model/checkpoint.js";
import { PACKAGE_ROOT } from "../package.js";
import { blockLayout, blocksFor, fromBlocks, toBlocks, type MapShape } from "../layout/blocks.js";
import { planUnit } from "../plan/plan.js";
import { GpuExecutor } from "../run/gpu.js";
import { kernelLimits } from "../run/limits.js";
import { tilesFor } from "../sweep/tiles.js";
import { NetworkResources } from "../sweep/resources.js";

const FOLDER = join(PACKAGE_ROOT, "fixtures", "golden");
const SUFFIX = { running: "", batch: "_bn_batch" } as const;

/** fixtures/golden/NAME.json */
interface GoldenFile {
  checkpoint: string;
  labels: number[];
  arrays: Record<string, { file: string; shape: number[] }>;
}

/** fixtures/golden/networks/networks.json: narrow networks of every family; NAME.safetensors and NAME.arrays.safetensors lie beside it. */
interface GoldenNetworks {
  cases: Record<string, { labels: number[] }>;
}

export interface GoldenCase {
  name: string;
  batchNorm: "running" | "batch";
}

const both = (name: string): GoldenCase[] => [{ name, batchNorm: "running" }, { name, batchNorm: "batch" }];

export const GOLDEN_CASES: GoldenCase[] = [
  { name: "demo", batchNorm: "running" },
  ...both("random32"),
  { name: "random64", batchNorm: "running" },
  ...["resnet50", "resnext", "resnet18-cifar", "resnet20", "shufflenet_v2", "vgg11_bn", "mobilenet_v2", "densenet"].flatMap(both),
  ...["squeezenet1_0", "squeezenet1_1", "vgg13-cifar"].map((name): GoldenCase => ({ name, batchNorm: "running" })), // they have no batch norm
];

/** What a network gives for some images; NCHW. */
export interface Outcome {
  logits: Float32Array;
  /** The same of images attacked with strength 0: by the kernels of a pass that no gradient follows. */
  attacked: Float32Array;
  /** Cross-entropy of each image. */
  loss: Float32Array;
  /** Of the sum of the losses, with respect to the images. */
  gradient: Float32Array;
}

export interface ComputeOptions {
  /** Layers that are planned as filtered (by a filter that removes nothing): the part in front of them is shared. */
  filtered?: string[];
  shuffle?: boolean;
  /** Added to the images. */
  offset?: Float32Array;
}

interface Golden {
  checkpoint: string;
  labels: number[];
  /** x, and logits, loss and grad of each batch norm. */
  arrays: Map<string, Tensor>;
}

const json = (file: string): unknown => JSON.parse(readFileSync(join(FOLDER, file), "utf8"));

function floats(file: string): Float32Array {
  const bytes = readFileSync(join(FOLDER, file));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

function arraysOf(file: string): Map<string, Tensor> {
  using source = openCheckpointFile(join(FOLDER, file));
  return readTensors(source, readSafetensors(source));
}

function read(name: string): Golden {
  const network = (json("networks/networks.json") as GoldenNetworks).cases[name] as { labels: number[] } | undefined;
  if (network) return { labels: network.labels, checkpoint: join(FOLDER, `networks/${name}.safetensors`), arrays: arraysOf(`networks/${name}.arrays.safetensors`) };
  const { labels, checkpoint, arrays } = json(`${name}.json`) as GoldenFile;
  return { labels, checkpoint: join(FOLDER, checkpoint), arrays: new Map(Object.entries(arrays).map(([key, { file, shape }]) => [key, { shape, data: floats(file) }])) };
}

export const goldenLabels = ({ name }: GoldenCase): number[] => read(name).labels;

/** What PyTorch got. */
export function goldenOutcome({ name, batchNorm }: GoldenCase): Outcome {
  const { arrays } = read(name);
  const part = (what: string): Float32Array => arrays.get(what + SUFFIX[batchNorm])!.data;
  return { logits: part("logits"), attacked: part("logits"), loss: part("loss"), gradient: part("grad") };
}

/** What this device gets, as two filtered networks stacked along the batch. */
export async function computeOutcomes(gpu: Gpu, { name, batchNorm }: GoldenCase, options: ComputeOptions = {}): Promise<[Outcome, Outcome]> {
  const { checkpoint, labels: classesOfImages, arrays } = read(name);
  const network = describeCheckpoint(await readCheckpoint(checkpoint));
  const { filtered = [network.layers[0].name], shuffle = gpu.shuffle } = options;
  const x = arrays.get("x")!;
  const [images, channels, height, width] = x.shape;
  const image: MapShape = { channels, height, width };
  const limits = kernelLimits(gpu, image);
  const blocks = blocksFor(images, limits);
  const tiles = await tilesFor(gpu, [network], image, batchNorm, "cached"); // the kernels that runs use on this machine
  const attack = { epsilon: [0, 0, 0, 0], low: [0, 0, 0, 0], high: [0, 0, 0, 0] };
  const plan = planUnit(network, { image, filtered, variants: 2, blocksPerVariant: blocks, images, attacks: [attack], clamp: false, batchNorm, ...limits, shuffle, tiles });
  const [clean, adv, ofInput] = [`clean/${plan.logits}`, `adv/${plan.logits}`, plan.inputGradient!];
  plan.kept = new Set([clean, adv, ofInput]);
  const executor = new GpuExecutor(gpu);
  const resources = new NetworkResources(executor, network);
  try {
    const prepared = await executor.prepare(plan, resources.lookup(plan));
    const pixels = x.data.map((value, i) => value + (options.offset?.[i] ?? 0));
    executor.writeTexture(prepared.texture(`clean/${network.graph.input}`), toBlocks(plan.input, pixels, blocks));
    const labels = new Uint32Array(blocks * plan.blockImages);
    labels.set(classesOfImages);
    resources.writeLabels(labels);
    const nothing = filtered.map(() => ({ low: 1, high: -1 }));
    resources.writeIntervals(filtered, [nothing, nothing]);
    executor.submit([...prepared.prefix, ...prepared.body]);
    const readMaps = async (resource: string, shape: MapShape): Promise<Float32Array[]> => {
      const layout = blockLayout(shape, limits);
      const texels = await executor.readTexture(prepared.texture(resource));
      return [0, 1].map((variant) => fromBlocks(layout, texels.subarray(variant * blocks * layout.fold * layout.texels * 4), images));
    };
    const classes = { channels: network.classes, height: 1, width: 1 };
    const [logits, attacked] = [await readMaps(clean, classes), await readMaps(adv, classes)];
    const gradient = await readMaps(ofInput, image);
    const results = await executor.readBuffer(resources.resultsBuffer(plan), 2 * blocks * plan.blockImages * 2);
    const loss = [0, 1].map((variant) => Float32Array.from({ length: images }, (_, i) => results[(variant * blocks * plan.blockImages + i) * 2 + 1]));
    const outcome = (variant: number): Outcome => ({ logits: logits[variant], attacked: attacked[variant], loss: loss[variant], gradient: gradient[variant] });
    return [outcome(0), outcome(1)];
  } finally {
    resources.close();
    executor.close();
  }
}

/** Largest differences of the logits and losses, relative to the largest expected value of each. */
export interface Differences {
  images: number;
  logits: number;
  loss: number;
  /** Fraction of the gradient's signs that agree, of pixels whose |gradient| is above 1e-6 of the largest. */
  signs: number;
}

/** What counts as the same answer in float32, whatever the order of summation. */
export const TOLERANCE: Pick<Differences, "logits" | "loss" | "signs"> = { logits: 1e-3, loss: 1e-3, signs: 0.999 };

/** NaN where a value is no number, so that it is within no tolerance. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let [largest, worst] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]));
    const difference = Math.abs(actual[i] - expected[i]);
    if (!(difference <= worst)) worst = difference;
    if (Number.isNaN(worst)) return NaN;
  }
  return worst / largest;
}

function equalSigns(actual: Float32Array, expected: Float32Array): number {
  const floor = 1e-6 * expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
  let [counted, equal] = [0, 0];
  expected.forEach((value, i) => {
    if (Math.abs(value) <= floor) return;
    counted += 1;
    equal += Number(Math.sign(value) === Math.sign(actual[i]));
  });
  return equal / counted;
}

export function compareOutcomes(actual: Outcome, expected: Outcome): Differences {
  return {
    images: expected.loss.length,
    logits: Math.max(relativeDifference(actual.logits, expected.logits), relativeDifference(actual.attacked, expected.attacked)),
    loss: relativeDifference(actual.loss, expected.loss),
    signs: equalSigns(actual.gradient, expected.gradient),
  };
}

export const isSame = ({ logits, loss, signs }: Differences): boolean => logits <= TOLERANCE.logits && loss <= TOLERANCE.loss && signs >= TOLERANCE.signs;
