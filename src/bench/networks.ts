/** Networks and images for measuring, made from a seed: every process makes the same, and nothing has to be there. */
import type { Dataset, Tensor } from "../io/types.js";
import type { MapShape } from "../layout/shape.js";
import type { Architecture, Network } from "../model/architecture.js";
import { parametersOf, type Graph } from "../model/graph.js";
import { architectureNamed } from "../model/recognise.js";
import type { Initial } from "../ops/common/op.js";
import type { Case } from "./case.js";
import { isProgram, programOf } from "./programs.js";

export const architectureOf = ({ network, width, input, classes }: Case): Architecture => (isProgram(network) ? programOf(network) : architectureNamed(network, { width, channels: input.channels, classes }));

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
 * Weights as torchvision initialises them: convolutions by He's normal over the fan-out, linear layers uniform within
 * 1 / sqrt(inputs). What begins as a constant, as batch norms do, is scattered as if something had been trained: it spares
 * nobody any work.
 */
function randomTensors(graph: Graph, seed: number): Map<string, Tensor> {
  const uniform = generator(seed);
  const gauss = normal(uniform);
  const source = (initial: Initial): (() => number) => {
    if (initial.kind === "he") {
      const deviation = Math.sqrt(2 / initial.fanOut);
      return () => deviation * gauss();
    }
    if (initial.kind === "uniform") {
      const bound = 1 / Math.sqrt(initial.fanIn);
      return () => bound * (2 * uniform() - 1);
    }
    return initial.value === 0 ? () => 0.1 * gauss() : () => initial.value * (0.5 + uniform());
  };
  return new Map(parametersOf(graph).map(({ tensor, shape, initial }) => [tensor, fill(shape, source(initial))]));
}

export function randomNetwork(of: Case, seed: number): Network {
  const architecture = architectureOf(of);
  return { ...architecture, tensors: randomTensors(architecture.graph, seed) };
}

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
