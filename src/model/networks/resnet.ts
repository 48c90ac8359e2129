/**
 * ResNet (He et al. 2015, arXiv 1512.03385), wide (Zagoruyko and Komodakis 2016, arXiv 1605.07146) and ResNeXt (Xie et al.
 * 2016, arXiv 1611.05431): stages of residual blocks behind a stem, as torchvision lays them out, and with the stem and the
 * three stages that papers on CIFAR-10 have. The stride of a bottleneck is in its 3x3 convolution, as in torchvision.
 */
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph.js";
import { heNormalOut } from "./initialisation.js";
import { stemText, sum, type Family, type Member, type Reading, type Sizes, type StemOptions, type TensorShapes } from "./family.js";

interface Stage {
  /** Channels of a block's first convolution. */
  inner: number;
  /** Channels that a block gives. */
  outer: number;
  blocks: number;
}

interface ResNetSizes extends Sizes {
  stages: Stage[];
  /** 1x1, 3x3, 1x1 instead of two 3x3. */
  bottleneck: boolean;
  /** Of the 3x3 convolution of a bottleneck. */
  groups: number;
  stem: { kernel: number; stride: number; pool: boolean };
  /** Names of a block's shortcut and of the last layer: torchvision's, or those of pytorch-cifar. Null: a shortcut has no weights. */
  shortcut: "downsample" | "shortcut" | null;
  head: "fc" | "linear";
}

/** Bottlenecks give four times as many channels as their 3x3 convolution has in the plain network. */
const EXPANSION = 4;

/** What goes around a block. Without weights (option A of the paper): every other pixel, and channels of zeros on both sides. */
function shortcutOf(builder: GraphBuilder, { shortcut }: ResNetSizes, from: string, name: string, inner: number, outer: number, stride: number): string {
  if (stride === 1 && inner === outer) return from;
  if (shortcut !== null) return builder.norm(builder.conv(from, `${name}.${shortcut}.0`, inner, outer, 1, { stride }), `${name}.${shortcut}.1`, outer);
  const kept = builder.avgPool(from, 1, { stride, name: `${name}.kept` });
  const side = (outer - inner) / 2;
  const zeros = builder.scale(builder.slice(kept, 0, side, `${name}.side`), [0], [0], `${name}.zeros`);
  return builder.concat([zeros, kept, zeros], `${name}.padded`);
}

/** The graph; tensors are named as in the state_dict. */
function graphOf(sizes: ResNetSizes): Graph {
  const { width, channels, classes, stages, bottleneck, groups, stem, head } = sizes;
  const builder = new GraphBuilder();
  const conv = (from: string, name: string, norm: string, inputs: number, outputs: number, kernel: number, stride = 1, of = 1): string =>
    builder.norm(builder.conv(from, name, inputs, outputs, kernel, { stride, pad: kernel >> 1, groups: of }), norm, outputs);
  let from = builder.relu(conv("image", "conv1", "bn1", channels, width, stem.kernel, stem.stride), "relu");
  if (stem.pool) from = builder.maxPool(from, 3, { stride: 2, pad: 1, name: "maxpool" });
  let inputs = width;
  for (const [index, { inner, outer, blocks }] of stages.entries()) {
    for (let block = 0; block < blocks; block++) {
      const name = `layer${index + 1}.${block}`;
      const stride = index > 0 && block === 0 ? 2 : 1;
      let main = builder.relu(conv(from, `${name}.conv1`, `${name}.bn1`, inputs, inner, bottleneck ? 1 : 3, bottleneck ? 1 : stride), `${name}.relu1`);
      if (bottleneck) main = builder.relu(conv(main, `${name}.conv2`, `${name}.bn2`, inner, inner, 3, stride, groups), `${name}.relu2`);
      const shortcut = shortcutOf(builder, sizes, from, name, inputs, outer, stride);
      const last = bottleneck ? 3 : 2;
      main = conv(main, `${name}.conv${last}`, `${name}.bn${last}`, inner, outer, bottleneck ? 1 : 3);
      from = builder.relu(builder.add(main, shortcut, { name: `${name}.add` }), name);
      inputs = outer;
    }
  }
  return builder.graph(builder.linear(builder.adaptiveAvgPool(from, 1, 1, "avgpool"), head, inputs, classes));
}

/** Stages that double their channels. @param ratio inner channels of the first stage to the stem's */
const doubling = (width: number, blocks: number[], bottleneck: boolean, ratio = 1): Stage[] =>
  blocks.map((count, stage) => ({ inner: width * ratio * 2 ** stage, outer: width * 2 ** stage * (bottleneck ? EXPANSION : 1), blocks: count }));

const IMAGENET_STEM = { kernel: 7, stride: 2, pool: true };
/** Krizhevsky's images are too small for the other one. */
const CIFAR_STEM = { kernel: 3, stride: 1, pool: false };

interface Variant {
  /** Inner channels of the first stage to the stem's. */
  ratio?: number;
  groups?: number;
  stem?: ResNetSizes["stem"];
  width?: number;
}

const greatestDivisor = (a: number, b: number): number => (b === 0 ? a : greatestDivisor(b, a % b));

const member = (name: string, title: string, blocks: number[], bottleneck: boolean, { ratio = 1, groups = 1, stem = IMAGENET_STEM, width: published = 64 }: Variant = {}): Member => ({
  name, title, width: published,
  graph: ({ width, channels, classes }) =>
    graphOf({ width, channels, classes, stages: doubling(width, blocks, bottleneck, ratio), bottleneck, groups: greatestDivisor(groups, width * ratio), stem, shortcut: "downsample", head: "fc" }),
});

const cifar = (depth: number): Member => member(`resnet${depth}`, `ResNet${depth}`, Array<number>(3).fill((depth - 2) / 6), false, { stem: CIFAR_STEM, width: 16 });

/** Convolutions on the longest way and the last layer, as in the networks' names. */
function titleOf({ stages, bottleneck, groups }: ResNetSizes): string {
  const depth = sum(stages.map(({ blocks }) => blocks)) * (bottleneck ? 3 : 2) + 2;
  const wide = bottleneck && stages[0].inner * EXPANSION !== stages[0].outer;
  return `${groups > 1 ? "ResNeXt" : wide ? "WideResNet" : "ResNet"}${depth}`;
}

function readingOf(sizes: ResNetSizes): Reading {
  const { width, channels, classes, stem, shortcut } = sizes;
  const assumed = stem.kernel === IMAGENET_STEM.kernel && stem.stride === 2 && stem.pool ? [] : [stemText(stem.kernel, stem.stride, stem.pool)];
  if (shortcut === null) assumed.push("taken with shortcuts of every other pixel and channels of zeros on both sides");
  return { title: titleOf(sizes), width, channels, classes, graph: graphOf(sizes), assumed };
}

/** A large stem halves the map and a max-pool does so again; a small one does neither. */
function stemOf(kernel: number, { stride, pool }: StemOptions): ResNetSizes["stem"] {
  const usual = kernel > 3 ? IMAGENET_STEM : CIFAR_STEM;
  return { kernel, stride: stride ?? usual.stride, pool: pool ?? usual.pool };
}

function read(tensors: TensorShapes, stem: StemOptions): Reading[] {
  const blocksOf = (stage: number): number => tensors.count((block) => [`layer${stage}.${block}.conv1`, `layer${stage}.${block}.conv2`]);
  const depth = tensors.count((stage) => [`layer${stage}.0.conv1`, `layer${stage}.0.conv2`], 1);
  if (depth === 0) return [];
  const blocks = Array.from({ length: depth }, (_, stage) => blocksOf(stage + 1));
  const bottleneck = tensors.has("layer1.0.conv3");
  const width = tensors.size("conv1", 0, 64);
  const inner = tensors.size("layer1.0.conv1", 0, width);
  const groups = bottleneck ? inner / tensors.size("layer1.0.conv2", 1, inner) : 1;
  const names = [...tensors.all.keys()];
  const isNamed = (part: string): boolean => names.some((name) => name.includes(`.${part}.0.`));
  const head = tensors.has("linear") ? "linear" : "fc";
  const free = blocks.map((count, stage): Stage => {
    const first = `layer${stage + 1}.0`;
    return { inner: tensors.size(`${first}.conv1`, 0, inner * 2 ** stage), outer: tensors.size(`${first}.conv${bottleneck ? 3 : 2}`, 0, width * 2 ** stage * (bottleneck ? EXPANSION : 1)), blocks: count };
  });
  const sizes: ResNetSizes = {
    width, bottleneck, head,
    channels: tensors.size("conv1", 1, 3),
    classes: tensors.size(head, 0, 10),
    groups: Number.isInteger(groups) ? groups : 1,
    stem: stemOf(tensors.size("conv1", 2, 7), stem),
    shortcut: isNamed("shortcut") ? "shortcut" : "downsample",
    stages: doubling(width, blocks, bottleneck, inner / width),
  };
  const readings = [readingOf(sizes), readingOf({ ...sizes, stages: free })];
  const padded = !bottleneck && depth > 1 && !isNamed("shortcut") && !isNamed("downsample");
  return padded ? [...readings, readingOf({ ...sizes, shortcut: null })] : readings;
}

/** PyTorch lists a block's shortcut behind its convolutions; here it is computed in front of the last, which adds it. */
function moduleOrder(layers: string[]): string[] {
  const blockOf = (layer: string): string => /^layer\d+\.\d+/.exec(layer)?.[0] ?? layer;
  const isShortcut = (layer: string): number => Number(/\.(?:downsample|shortcut)\.\d+$/.test(layer));
  const places = new Map<string, number>();
  for (const layer of layers) if (!places.has(blockOf(layer))) places.set(blockOf(layer), places.size);
  return [...layers].sort((a, b) => places.get(blockOf(a))! - places.get(blockOf(b))! || isShortcut(a) - isShortcut(b));
}

export const RESNET: Family = {
  members: [
    member("resnet18", "ResNet18", [2, 2, 2, 2], false),
    member("resnet34", "ResNet34", [3, 4, 6, 3], false),
    member("resnet50", "ResNet50", [3, 4, 6, 3], true),
    member("resnet101", "ResNet101", [3, 4, 23, 3], true),
    member("resnet152", "ResNet152", [3, 8, 36, 3], true),
    member("wide_resnet50_2", "WideResNet50", [3, 4, 6, 3], true, { ratio: 2 }),
    member("wide_resnet101_2", "WideResNet101", [3, 4, 23, 3], true, { ratio: 2 }),
    member("resnext50_32x4d", "ResNeXt50", [3, 4, 6, 3], true, { ratio: 2, groups: 32 }),
    member("resnext101_32x8d", "ResNeXt101", [3, 4, 23, 3], true, { ratio: 4, groups: 32 }),
    member("resnext101_64x4d", "ResNeXt101", [3, 4, 23, 3], true, { ratio: 4, groups: 64 }),
    member("resnet18_cifar", "ResNet18", [2, 2, 2, 2], false, { stem: CIFAR_STEM }),
    cifar(20), cifar(32), cifar(56),
  ],
  read,
  initialisation: { conv: heNormalOut },
  moduleOrder,
};
