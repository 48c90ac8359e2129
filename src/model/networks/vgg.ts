/**
 * VGG (Simonyan and Zisserman 2014, arXiv 1409.1556), with batch norm (Ioffe and Szegedy 2015, arXiv 1502.03167) or without:
 * 3x3 convolutions in five stages, each ended by a max-pool, and linear layers; torchvision's three of them behind an average
 * pool of 7x7, or as few as one, as on CIFAR-10.
 */
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph.js";
import { heNormalOut, narrowNormal, zero } from "./initialisation.js";
import { scaled, sum, type Family, type Member, type Reading, type Sizes, type TensorShapes } from "./family.js";

interface VggSizes extends Sizes {
  /** Channels of each convolution, by stage. */
  stages: number[][];
  norm: boolean;
  /** Linear layers: name and outputs. */
  linear: { name: string; outputs: number }[];
  /** Side of the map that the linear layers get. */
  side: number;
}

/** Convolutions of each stage by the number of layers, and the channels of each stage. */
const TABLE: Record<number, number[]> = { 11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4] };
const CHANNELS = [64, 128, 256, 512, 512];
const WIDTH = 64;

function graphOf({ channels, stages, norm, linear, side }: VggSizes): Graph {
  const builder = new GraphBuilder();
  let [from, inputs, index] = ["image", channels, 0];
  for (const stage of stages) {
    for (const outputs of stage) {
      from = builder.conv(from, `features.${index}`, inputs, outputs, 3, { pad: 1, bias: true });
      if (norm) from = builder.norm(from, `features.${index + 1}`, outputs);
      index += norm ? 2 : 1;
      from = builder.relu(from, `features.${index++}`);
      inputs = outputs;
    }
    from = builder.maxPool(from, 2, { name: `features.${index++}` });
  }
  from = builder.flatten(builder.adaptiveAvgPool(from, side, side, "avgpool"), "flatten");
  let features = inputs * side ** 2;
  linear.forEach(({ name, outputs }, place) => {
    from = builder.linear(from, name, features, outputs);
    if (place + 1 < linear.length) from = builder.dropout(builder.relu(from));
    features = outputs;
  });
  return builder.graph(from);
}

/** torchvision's, with a ReLU and a dropout behind the first two. */
const classifier = (hidden: number, classes: number): VggSizes["linear"] => [0, 3, 6].map((place, index) => ({ name: `classifier.${place}`, outputs: index < 2 ? hidden : classes }));

const titleOf = (layers: number, norm: boolean): string => `VGG${layers}${norm ? "_BN" : ""}`;

const member = (layers: number, norm: boolean): Member => ({
  name: `vgg${layers}${norm ? "_bn" : ""}`, title: titleOf(layers, norm), width: WIDTH,
  graph: (sizes) => {
    const scale = sizes.width / WIDTH;
    const stages = TABLE[layers].map((count, stage) => Array<number>(count).fill(scaled(CHANNELS[stage], scale)));
    return graphOf({ ...sizes, stages, norm, linear: classifier(scaled(4096, scale), sizes.classes), side: 7 });
  },
});

/** Places of the layers of features that have weights of a convolution. */
const convolutionsOf = (tensors: TensorShapes): number[] =>
  [...tensors.all].flatMap(([name, shape]) => (shape.length === 4 ? (/^features\.(\d{1,3})\.weight$/.exec(name)?.[1] ?? []) : [])).map(Number).sort((a, b) => a - b);

function linearOf(tensors: TensorShapes): VggSizes["linear"] {
  const outputs = (name: string): number => tensors.size(name, 0, 1000);
  if (tensors.has("classifier")) return [{ name: "classifier", outputs: outputs("classifier") }];
  const places = [...tensors.all.keys()].flatMap((name) => /^classifier\.(\d{1,2})\.weight$/.exec(name)?.[1] ?? []).map(Number).sort((a, b) => a - b);
  return places.length > 0 ? places.map((place) => ({ name: `classifier.${place}`, outputs: outputs(`classifier.${place}`) })) : classifier(4096, 1000);
}

function read(tensors: TensorShapes): Reading[] {
  const places = convolutionsOf(tensors);
  if (places.length < 2) return [];
  const norm = tensors.all.has("features.1.running_mean");
  const linear = linearOf(tensors);
  const sizes = { width: tensors.size("features.0", 0, WIDTH), channels: tensors.size("features.0", 1, 3), classes: linear.at(-1)!.outputs };
  return Object.entries(TABLE).map(([layers, counts]) => {
    const step = norm ? 3 : 2;
    let index = 0;
    const stages = counts.map((count, stage) => {
      const maps = Array.from({ length: count }, (_, conv) => tensors.size(`features.${index + conv * step}`, 0, CHANNELS[stage]));
      index += count * step + 1;
      return maps;
    });
    const side = Math.sqrt(tensors.size(linear[0].name, 1, 49 * stages[4].at(-1)!) / stages[4].at(-1)!);
    return { title: titleOf(Number(layers), norm), ...sizes, graph: graphOf({ ...sizes, stages, norm, linear, side: Number.isInteger(side) ? side : 7 }), assumed: [] };
  }).filter(({ title }) => title === nearestTitle(places.length, norm));
}

/** By the number of convolutions. */
function nearestTitle(convolutions: number, norm: boolean): string {
  const distance = (layers: number): number => Math.abs(sum(TABLE[layers]) - convolutions);
  return titleOf(Object.keys(TABLE).map(Number).reduce((best, layers) => (distance(layers) < distance(best) ? layers : best)), norm);
}

export const VGG: Family = { members: [11, 13, 16, 19].flatMap((layers) => [member(layers, false), member(layers, true)]), read, initialisation: { conv: heNormalOut, convBias: zero, linear: narrowNormal, linearBias: zero }, knownStem: true };
