/** Puts a graph together, node by node: networks and exported programs are both built with it. */
import type { Pair } from "../layout/shape.js";
import type { ActivationNode, DropoutNode, Node, PadNode } from "../ops/common/nodes.js";
import type { Graph } from "./graph.js";

/** A node without the name of what it makes. */
type Unmade<N> = N extends Node ? Omit<N, "output"> : never;

/** One number stands for both axes. */
export type Extent = number | Pair;

interface WindowOptions {
  stride?: Extent;
  pad?: Extent;
  dilation?: Extent;
}

export interface ConvOptions extends WindowOptions {
  padEnd?: Extent;
  groups?: number;
  /** Whether it has one, or the tensor's name. */
  bias?: boolean | string;
  /** The weight's tensor where it isn't NAME.weight. */
  weight?: string;
}

export const pair = (extent: Extent): Pair => (typeof extent === "number" ? [extent, extent] : extent);

/** Methods take names of tensors and return the name of the one that is made. Parameters are called NAME.weight and so on. */
export class GraphBuilder {
  readonly nodes: Node[] = [];
  readonly #made: Set<string>;

  constructor(readonly input = "image") {
    this.#made = new Set([input]);
  }

  /** Adds a node. Its output is called as wished, or with a number behind that where the name is taken. */
  node(node: Unmade<Node>, wished: string): string {
    let output = wished;
    for (let n = 1; this.#made.has(output); n++) output = `${wished}#${n}`;
    this.#made.add(output);
    this.nodes.push({ ...node, output } as Node);
    return output;
  }

  conv(input: string, name: string, inChannels: number, outChannels: number, kernel: Extent, options: ConvOptions = {}): string {
    const { stride = 1, pad = 0, dilation = 1, padEnd = 0, groups = 1, bias = false, weight = `${name}.weight` } = options;
    const biasName = typeof bias === "string" ? bias : bias ? `${name}.bias` : null;
    return this.node({
      op: "conv2d", inputs: [input], weight, bias: biasName, inChannels, outChannels,
      kernel: pair(kernel), stride: pair(stride), pad: pair(pad), padEnd: pair(padEnd), dilation: pair(dilation), groups,
    }, name);
  }

  linear(input: string, name: string, inFeatures: number, outFeatures: number, { bias = true, weight = `${name}.weight` }: Pick<ConvOptions, "bias" | "weight"> = {}): string {
    const biasName = typeof bias === "string" ? bias : bias ? `${name}.bias` : null;
    return this.node({ op: "linear", inputs: [input], weight, bias: biasName, inFeatures, outFeatures }, name);
  }

  norm(input: string, name: string, channels: number, epsilon = 1e-5): string {
    return this.node({ op: "batch_norm", inputs: [input], channels, weight: `${name}.weight`, bias: `${name}.bias`, mean: `${name}.running_mean`, variance: `${name}.running_var`, epsilon }, name);
  }

  activation(input: string, kind: ActivationNode["kind"], { low = 0, high = 0, name = `${input}.${kind}` }: { low?: number; high?: number; name?: string } = {}): string {
    return this.node({ op: "activation", inputs: [input], kind, low, high }, name);
  }

  relu(input: string, name = `${input}.relu`): string {
    return this.activation(input, "relu", { name });
  }

  add(a: string, b: string, { alpha = 1, name = `${a}.add` }: { alpha?: number; name?: string } = {}): string {
    return this.node({ op: "add", inputs: [a, b], alpha }, name);
  }

  multiply(a: string, b: string, name = `${a}.multiply`): string {
    return this.node({ op: "multiply", inputs: [a, b] }, name);
  }

  /** factor * input + shift, by channel; one number each for all channels. */
  scale(input: string, factor: number[], shift: number[], name = `${input}.scale`): string {
    return this.node({ op: "scale", inputs: [input], factor, shift }, name);
  }

  concat(inputs: string[], name = `${inputs[0]}.concat`): string {
    return this.node({ op: "concat", inputs }, name);
  }

  slice(input: string, from: number, count: number, name = `${input}.slice`): string {
    return this.node({ op: "slice", inputs: [input], from, count }, name);
  }

  shuffle(input: string, groups: number, name = `${input}.shuffle`): string {
    return this.node({ op: "shuffle", inputs: [input], groups }, name);
  }

  /** @param around rows and columns of zeros above, left, below and right; below zero, as many are left out */
  pad(input: string, around: PadNode["around"], name = `${input}.pad`): string {
    return this.node({ op: "pad", inputs: [input], around }, name);
  }

  maxPool(input: string, kernel: Extent, { stride = kernel, pad = 0, dilation = 1, ceil = false, name = `${input}.max_pool` }: WindowOptions & { ceil?: boolean; name?: string } = {}): string {
    return this.node({ op: "max_pool", inputs: [input], kernel: pair(kernel), stride: pair(stride), pad: pair(pad), dilation: pair(dilation), ceil }, name);
  }

  avgPool(
    input: string, kernel: Extent,
    { stride = kernel, pad = 0, ceil = false, countPadding = true, divisor = null, name = `${input}.avg_pool` }: Omit<WindowOptions, "dilation"> & { ceil?: boolean; countPadding?: boolean; divisor?: number | null; name?: string } = {},
  ): string {
    return this.node({ op: "avg_pool", inputs: [input], kernel: pair(kernel), stride: pair(stride), pad: pair(pad), dilation: [1, 1], ceil, countPadding, divisor }, name);
  }

  /** Means over windows that cover the map; by default over the whole of it. */
  adaptiveAvgPool(input: string, height = 1, width = height, name = `${input}.avg_pool`): string {
    return this.node({ op: "adaptive_avg_pool", inputs: [input], height, width }, name);
  }

  flatten(input: string, name = `${input}.flatten`): string {
    return this.node({ op: "flatten", inputs: [input] }, name);
  }

  /** @param probability of each number, to become 0 in a training */
  dropout(input: string, probability = 0.5, kind: Pick<DropoutNode, "channels" | "alpha" | "idle"> = {}, name = `${input}.dropout`): string {
    return this.node({ op: "dropout", inputs: [input], probability, ...kind }, name);
  }

  /** @param output tensor of logits */
  graph(output: string): Graph {
    return { input: this.input, output, nodes: this.nodes };
  }
}
