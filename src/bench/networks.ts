/** Networks and images for measuring, made from a seed: every process makes the same, and nothing has to be there. */
import type { Dataset, Tensor } from "../io/types.js";
import type { Graph } from "../model/graph.js";
import { describeCheckpoint, resnet18, type Network } from "../model/resnet.js";
import type { MapShape } from "../layout/blocks.js";
import type { Case } from "./case.js";

/** Graphs by the name a case gives. */
export const NETWORKS: Record<string, (width: number, channels: number, classes: number) => Graph> = { resnet18 };

export const graphOf = ({ network, width, input, classes }: Case): Graph => NETWORKS[network](width, input.channels, classes);

/** Marsaglia's xorshift with 32 bits of state (J. Stat. Softw. 8, 14, 2003): uniform on [0, 1). */
function generator(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers by Box and Muller. */
function normal(uniform: () => number): () => number {
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

const fill = (shape: number[], make: () => number): Tensor => ({ shape, data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, make) });

/**
 * Weights as torchvision initialises them: convolutions by He's normal over the fan-out, the linear layer uniform within
 * 1 / sqrt(inputs). Batch norms get statistics as if something had been trained: they spare nobody any work.
 */
export function randomTensors(graph: Graph, seed: number): Map<string, Tensor> {
  const uniform = generator(seed);
  const gauss = normal(uniform);
  const tensors = new Map<string, Tensor>();
  const channels = new Map<string, number>();
  for (const node of graph.nodes) {
    if (node.op === "conv2d") {
      const { name, inChannels, outChannels, kernel } = node;
      const deviation = Math.sqrt(2 / (outChannels * kernel ** 2));
      tensors.set(`${name}.weight`, fill([outChannels, inChannels, kernel, kernel], () => deviation * gauss()));
      channels.set(node.output, outChannels);
    } else if (node.op === "linear") {
      const { name, inFeatures, outFeatures } = node;
      const bound = 1 / Math.sqrt(inFeatures);
      tensors.set(`${name}.weight`, fill([outFeatures, inFeatures], () => bound * (2 * uniform() - 1)));
      tensors.set(`${name}.bias`, fill([outFeatures], () => bound * (2 * uniform() - 1)));
    } else if (node.op === "batch_norm") {
      const size = [channels.get(node.input)!];
      tensors.set(`${node.name}.weight`, fill(size, () => 0.5 + uniform()));
      tensors.set(`${node.name}.bias`, fill(size, () => 0.1 * gauss()));
      tensors.set(`${node.name}.running_mean`, fill(size, () => 0.1 * gauss()));
      tensors.set(`${node.name}.running_var`, fill(size, () => 0.5 + uniform()));
    }
  }
  return tensors;
}

export const randomNetwork = (of: Case, seed: number): Network => describeCheckpoint({ path: `${of.network}, seed ${seed}`, tensors: randomTensors(graphOf(of), seed) });

/** Images of random bytes, normalised to -1..1; kept as bytes, as the readers of real data keep them. */
export function randomImages({ channels, height, width }: MapShape, classes: number, images: number): Dataset {
  const size = channels * height * width;
  const [label, pixel] = [generator(0), generator(1)]; // two, so that the first images don't depend on how many there are
  const labels = Int32Array.from({ length: images }, () => Math.floor(label() * classes));
  const pixels = new Uint8Array(images * size);
  for (let i = 0; i < pixels.length; i++) pixels[i] = pixel() * 256;
  return {
    name: "mnist", split: "test", files: [], sha256: "", images, channels, height, width, classes, labels,
    normalisation: { mean: Array(channels).fill(0.5), std: Array(channels).fill(0.5) },
    read(first, count) {
      const values = new Float32Array(count * size);
      for (let i = 0; i < values.length; i++) values[i] = (pixels[first * size + i] / 255 - 0.5) / 0.5;
      return values;
    },
  };
}
