/** ResNet-18 (He et al. 2015, arXiv 1512.03385) as torchvision lays it out, read off a checkpoint's tensors. */
import { InputError } from "../errors.js";
import type { Checkpoint, CheckpointFile, Tensor } from "../io/types.js";
import { type Graph, type Node, weightedNodes } from "./graph.js";

/** A network without its weights. */
export interface Architecture {
  name: string;
  /** Channels of the stem. */
  width: number;
  channels: number;
  classes: number;
  graph: Graph;
  /** Filterable layers in order of the module tree. */
  layers: { name: string; weights: number; shape: number[] }[];
}

export interface Network extends Architecture {
  tensors: Map<string, Tensor>;
}

const STAGES = [1, 2, 3, 4];

/**
 * @returns the graph, with names as in torchvision's state_dict
 */
export function resnet18(width: number, channels: number, classes: number): Graph {
  const nodes: Node[] = [];
  const conv = (name: string, norm: string, input: string, inChannels: number, outChannels: number, kernel: number, stride: number): string => {
    nodes.push({ op: "conv2d", name, input, output: name, inChannels, outChannels, kernel, stride, pad: kernel >> 1 });
    nodes.push({ op: "batch_norm", name: norm, input: name, output: norm });
    return norm;
  };
  const relu = (input: string, output: string): string => {
    nodes.push({ op: "relu", input, output });
    return output;
  };
  const stem = relu(conv("conv1", "bn1", "image", channels, width, 7, 2), "relu");
  nodes.push({ op: "max_pool", input: stem, output: "maxpool", kernel: 3, stride: 2, pad: 1 });
  let from = "maxpool";
  let inChannels = width;
  for (const stage of STAGES) {
    const outChannels = width * 2 ** (stage - 1);
    for (const block of [0, 1]) {
      const name = `layer${stage}.${block}`;
      const stride = stage > 1 && block === 0 ? 2 : 1;
      const inner = relu(conv(`${name}.conv1`, `${name}.bn1`, from, inChannels, outChannels, 3, stride), `${name}.relu1`);
      const shortcut = stride === 1 ? from : conv(`${name}.downsample.0`, `${name}.downsample.1`, from, inChannels, outChannels, 1, stride);
      const sum = conv(`${name}.conv2`, `${name}.bn2`, inner, outChannels, outChannels, 3, 1);
      nodes.push({ op: "add", input: sum, other: shortcut, output: `${name}.add` });
      from = relu(`${name}.add`, name);
      inChannels = outChannels;
    }
  }
  nodes.push({ op: "avg_pool", input: from, output: "avgpool" });
  nodes.push({ op: "linear", name: "fc", input: "avgpool", output: "fc", inFeatures: inChannels, outFeatures: classes });
  return { input: "image", output: "fc", nodes };
}

/** The checkpoint's network with its weights. Throws as `describeShapes` does, and for weights that no training ends with. */
export function describeCheckpoint({ path, tensors }: Pick<Checkpoint, "path" | "tensors">): Network {
  const architecture = describeShapes({ path, shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])) });
  for (const { name } of architecture.layers) {
    let [low, high] = [Infinity, -Infinity];
    for (const weight of tensors.get(`${name}.weight`)!.data) {
      if (weight < low) low = weight;
      if (weight > high) high = weight;
    }
    // Thresholds are spaced over the range, in float32.
    if (!Number.isFinite(Math.fround(high - low))) throw new InputError(path, `tensor ${name}.weight goes from ${low} to ${high}, further than float32 reaches; train again or choose another checkpoint`);
  }
  for (const [name, { data }] of tensors) {
    if (name.endsWith(".running_var") && data.some((variance) => variance < 0)) throw new InputError(path, `tensor ${name} holds a variance below zero; train again or choose another checkpoint`);
  }
  return { ...architecture, tensors };
}

/**
 * Reads the architecture off a checkpoint's shapes and checks that every tensor is there and has its shape.
 * @throws InputError naming the missing, misshapen or unexpected tensor
 */
export function describeShapes({ path, shapes }: Pick<CheckpointFile, "path" | "shapes">): Architecture {
  const shape = (name: string, rank: number): number[] => {
    const found = shapes.get(name);
    if (!found) throw new InputError(path, `tensor ${name} is missing, so this is not a ResNet-18 state_dict; check the file or its network`);
    if (found.length !== rank) throw new InputError(path, `tensor ${name} has shape [${found}], expected ${rank} dimensions`);
    return found;
  };
  const [width, channels] = shape("conv1.weight", 4);
  const [classes] = shape("fc.weight", 2);
  if (channels > 4) throw new InputError(path, `tensor conv1.weight takes ${channels} channels; images have 1 to 4`);
  if (width * channels * classes === 0) throw new InputError(path, `tensors conv1.weight and fc.weight speak of ${width} maps, ${channels} channels and ${classes} classes; each has to be at least 1`);
  const graph = resnet18(width, channels, classes);
  const expected = new Map<string, number[]>();
  for (const node of graph.nodes) {
    if (node.op === "conv2d") expected.set(`${node.name}.weight`, [node.outChannels, node.inChannels, node.kernel, node.kernel]);
    if (node.op === "linear") expected.set(`${node.name}.weight`, [node.outFeatures, node.inFeatures]).set(`${node.name}.bias`, [node.outFeatures]);
    if (node.op === "batch_norm") {
      const size = expected.get(`${node.input}.weight`)![0];
      for (const part of ["weight", "bias", "running_mean", "running_var"]) expected.set(`${node.name}.${part}`, [size]);
    }
  }
  for (const [name, wanted] of expected) {
    const got = shape(name, wanted.length);
    if (got.some((n, i) => n !== wanted[i])) throw new InputError(path, `tensor ${name} has shape [${got.join(", ")}], expected [${wanted.join(", ")}] for a ResNet-18 of width ${width}`);
  }
  for (const name of shapes.keys()) {
    if (!expected.has(name) && !name.endsWith("num_batches_tracked")) throw new InputError(path, `tensor ${name} does not belong to a ResNet-18; this is a checkpoint of another network`);
  }
  const layers = moduleOrder(graph).map((name) => {
    const shape = shapes.get(`${name}.weight`)!;
    return { name, weights: shape.reduce((product, size) => product * size, 1), shape };
  });
  return { name: "ResNet18", width, channels, classes, graph, layers };
}

/** Filterable layers as PyTorch's named_modules lists them: a block's downsample behind its second convolution. */
function moduleOrder(graph: Graph): string[] {
  const names = weightedNodes(graph).map((node) => node.name);
  const downsample = (name: string) => name.includes(".downsample.");
  for (let i = 0; i + 1 < names.length; i++) {
    if (downsample(names[i]) && !downsample(names[i + 1])) {
      [names[i], names[i + 1]] = [names[i + 1], names[i]];
      i++;
    }
  }
  return names;
}
