/**
 * Batch norm (Ioffe and Szegedy 2015, arXiv 1502.03167). With the trained statistics it is a scale and a shift of each channel, done
 * behind the sum in front of it where there is one. With those of the batch the gradient flows through the statistics.
 */
import { UsageError } from "../errors.js";
import { type BlockLayout, layoutConstants } from "../layout/blocks.js";
import { mapStep } from "./common/elementwise.js";
import type { BatchNormNode } from "./common/nodes.js";
import type { Op, Parameter, TwinInputs } from "./common/op.js";
import type { Affine, GradientSite, LearningSite, Place, Site } from "./common/site.js";
import { layerOf, type Step } from "./common/step.js";

const affineOf = (norm: BatchNormNode, statistics: boolean): Affine => ({ channels: norm.channels, bias: null, norm, literal: null, statistics });

/** Channels a row of a texture of statistics. */
const columns = ({ layout }: Place): number => layout.groups * layout.pack;

export const batchNorm: Op<BatchNormNode> = {
  kind: "batch_norm",
  shape({ channels }, [input]) {
    if (input.channels !== channels) throw new Error(`takes ${channels} channels, its input has ${input.channels}`);
    return input;
  },
  parameters({ channels, weight, bias, mean, variance }) {
    const of = (tensor: string, buffer: boolean, value: number): Parameter => ({ tensor, shape: [channels], filterable: false, buffer, initial: { kind: "constant", value } });
    return [...(weight ? [of(weight, false, 1)] : []), ...(bias ? [of(bias, false, 0)] : []), of(mean, true, 0), of(variance, true, 1)];
  },
  part: (node, _, mode) => (mode === "running" ? { norm: node } : null),
  takes: () => ["residual", "relu"],
  forward: (node, site) => (site.options.batchNorm === "running" ? [runningStep(node, site)] : batchSteps(node, site)),
  inputGradient: (node, site) => (site.options.batchNorm === "running" ? [runningGradient(node, site)] : batchGradient(node, site)),
  weightGradient: (node, site) => [gradientStatsStep(node, site, learnedOf(node, site))],
  twin: {
    forward(node, given) {
      return eachChannel(node, given, ({ mean, inverse }, weight, bias, x) => (x - mean) * inverse * weight + bias);
    },
    gradient(node, given, dy) {
      if (given.batchNorm === "running") return [eachChannel(node, given, ({ inverse }, weight, _, __, i) => dy[i] * inverse * weight)];
      const sums = Array.from({ length: node.channels }, () => ({ sum: 0, dot: 0, count: 0 }));
      eachChannel(node, given, ({ channel, mean, inverse }, _, __, x, i) => {
        sums[channel].sum += dy[i];
        sums[channel].count += 1;
        return (sums[channel].dot += dy[i] * (x - mean) * inverse);
      });
      return [eachChannel(node, given, ({ channel, mean, inverse }, weight, _, x, i) => {
        const { sum, dot, count } = sums[channel];
        return weight * inverse * (dy[i] - sum / count - ((x - mean) * inverse * dot) / count);
      })];
    },
    weightGradient(node, given, dy) {
      const [weight, bias] = [new Float64Array(node.channels), new Float64Array(node.channels)];
      eachChannel(node, given, ({ channel, mean, inverse }, _, __, x, i) => {
        bias[channel] += dy[i];
        return (weight[channel] += dy[i] * (x - mean) * inverse);
      });
      return { ...(node.weight && { [node.weight]: weight }), ...(node.bias && { [node.bias]: bias }) };
    },
  },
};

function runningStep(node: BatchNormNode, site: Site): Step {
  const { inputs: [input], output, epilogue } = site;
  return mapStep({ kernel: "scale", name: `batch_norm ${layerOf(node.weight ?? node.mean)}`, input, output, ending: epilogue, bindings: { norm: site.affine(affineOf(node, true)) } });
}

function runningGradient(node: BatchNormNode, site: GradientSite): Step {
  const { place, ...ending } = site.target(0, { sum: true, gate: true });
  return mapStep({ kernel: "scale", name: `batch_norm gradient ${layerOf(node.weight ?? node.mean)}`, input: site.gradient, output: place, ending, constants: { GRADIENT: true }, bindings: { norm: site.affine(affineOf(node, true)) } });
}

function batchSteps(node: BatchNormNode, site: Site): Step[] {
  const { inputs: [input], output, epilogue, options } = site;
  const { blocksPerVariant, images, training } = options;
  const rows = input.blocks / blocksPerVariant;
  const stats = site.texture("stats", columns(input), rows);
  const running = training ? runningOf(node, site) : null;
  const constants = layoutConstants("IN", input.layout);
  const { groups, quads, lanes } = input.layout;
  const each = groupsEach(output.layout);
  const cost = output.blocks * lanes * groups * quads * 4;
  return [
    {
      kernel: "batch_norm_stats",
      name: "batch_norm_stats",
      constants: { ...constants, ...layoutConstants("OTHER", input.layout), PARTS: partsOf(input.layout), RUNNING: running !== null, CHANNELS: node.channels },
      params: { blocks_per_variant: blocksPerVariant, images, stats_rows: rows, raw_blocks: input.blocks, epsilon: node.epsilon, ...NOT_LEARNED, ...(running ?? STAYING) },
      bindings: { input: input.resource, output: stats, norm: site.affine(affineOf(node, false)), ...(running && { statistics: "statistics" }) },
      writes: [stats, ...(running ? ["statistics"] : [])],
      grid: [rows, groups, 1],
      cost: 2 * cost,
    },
    mapStep({
      kernel: "batch_norm", name: "batch_norm", input, output, ending: epilogue,
      grid: [output.layout.groups / each, 1], constants: { ...layoutConstants("OTHER", output.layout), EACH: each }, params: { blocks_per_variant: blocksPerVariant, stats_rows: rows }, bindings: { stats },
    }),
  ];
}

/** vec4 below which an invocation does the maps of several channel groups: a CPU takes longer to begin a workgroup than to write one. */
const FEW_QUADS = 8;

/** Channel groups that an invocation does: where a lane is an image there are few, and a GPU has room for all. */
function groupsEach({ stack, quads, groups }: BlockLayout): number {
  if (stack > 1) return 1;
  let each = 1;
  while (each * quads * 2 <= FEW_QUADS && groups % (each * 2) === 0) each *= 2;
  return each;
}

const MOMENTUM = 0.1;

/** Where the running statistics lie, how many values of a channel move them, and how far. */
interface Running {
  first_mean: number;
  first_variance: number;
  values: number;
  momentum: number;
}

/** Of statistics that are not moved. */
const STAYING: Running = { first_mean: 0, first_variance: 0, values: 0, momentum: 0 };

/** Where the gradients of weight and bias lie. */
interface Learned {
  first_weight: number;
  first_bias: number;
}

const NOT_LEARNED: Learned = { first_weight: 0, first_bias: 0 };

/** How running statistics move; null where they stay as they are. @throws UsageError where a channel has one value, or they could not move */
function runningOf(node: BatchNormNode, { inputs: [{ layout }], options, counted }: Site): Running | null {
  const { momentum = MOMENTUM } = node;
  const values = options.images * layout.height * layout.width;
  if (values === 1) throw new UsageError(`${layerOf(node.weight ?? node.mean)} sees one value of each channel, which have no variance; learn from 2 images at once or more (--batch-size, --micro-batch)`);
  const [mean, variance] = [counted(node.mean), counted(node.variance)];
  if (mean === null || variance === null) return null;
  if (momentum === 0) throw new UsageError(`${layerOf(node.weight ?? node.mean)} has momentum 0, so its running statistics would never move (PyTorch writes 0 for momentum=None, too): give it a number such as 0.1 before the export`);
  return { first_mean: mean, first_variance: variance, values, momentum };
}

/** Invocations of a lane, which share the map: a GPU has room for more of them than a block has lanes. */
const partsOf = ({ stack, quads }: BlockLayout): number => (stack === 1 ? 1 : Math.min(8, 2 ** Math.floor(Math.log2(quads))));

function batchGradient(node: BatchNormNode, site: GradientSite): Step[] {
  const { inputs: [input], gradient, options: { variants, blocksPerVariant, training } } = site;
  const { place, ...ending } = site.target(0, { sum: true, gate: true });
  const each = groupsEach(place.layout);
  return [
    // In training the weight's gradient needed them before.
    ...(training ? [] : [gradientStatsStep(node, site)]),
    mapStep({
      kernel: "batch_norm", name: "batch_norm gradient", input, output: place, ending,
      grid: [place.layout.groups / each, 1], constants: { GRADIENT: true, ...layoutConstants("OTHER", gradient.layout), EACH: each }, params: { blocks_per_variant: blocksPerVariant, stats_rows: variants },
      bindings: { dy: gradient.resource, stats: gradientStatsOf(site) },
    }),
  ];
}

const gradientStatsOf = (site: GradientSite | LearningSite): string => site.texture("gradient-stats", columns(site.inputs[0]), site.options.variants);

/** Where the gradients of weight and bias are added to: what is learned of a norm lies in one arena. */
function learnedOf(node: BatchNormNode, site: LearningSite): { arena: string; constants: Step["constants"]; params: Learned } | null {
  const [weight, bias] = [node.weight, node.bias].map((tensor) => (tensor ? site.learned(tensor) : null));
  const arena = (weight ?? bias)?.arena;
  if (arena === undefined) return null;
  return { arena, constants: { WEIGHT: weight !== null, BIAS: bias !== null }, params: { first_weight: weight?.first ?? 0, first_bias: bias?.first ?? 0 } };
}

function gradientStatsStep(node: BatchNormNode, site: GradientSite | LearningSite, learned: ReturnType<typeof learnedOf> = null): Step {
  const { inputs: [input], gradient, options: { variants, blocksPerVariant, images } } = site;
  const output = gradientStatsOf(site);
  const gradients = learned && `gradients/${learned.arena}`;
  return {
    kernel: "batch_norm_stats",
    name: "batch_norm_stats gradient",
    constants: { GRADIENT: true, ...layoutConstants("IN", gradient.layout), ...layoutConstants("OTHER", input.layout), PARTS: partsOf(gradient.layout), CHANNELS: node.channels, ...learned?.constants },
    params: {
      blocks_per_variant: blocksPerVariant, images, stats_rows: input.blocks / blocksPerVariant, raw_blocks: input.blocks, epsilon: node.epsilon,
      ...STAYING, ...(learned?.params ?? NOT_LEARNED), values: images * input.layout.height * input.layout.width,
    },
    bindings: { input: gradient.resource, output, raw: input.resource, stats: site.kept("stats"), ...(gradients && { gradients }) },
    writes: [output, ...(gradients ? [gradients] : [])],
    grid: [variants, input.layout.groups, 1],
    cost: gradient.blocks * input.layout.lanes * input.layout.groups * input.layout.quads * 4,
  };
}

interface Statistics {
  channel: number;
  mean: number;
  inverse: number;
}

/** Visits every number with its channel's statistics (trained, or of the batch), weight and bias. */
function eachChannel(node: BatchNormNode, given: TwinInputs, value: (statistics: Statistics, weight: number, bias: number, x: number, i: number) => number): Float64Array {
  const { inputs: [{ shape, data }], tensor } = given;
  const area = shape.height * shape.width;
  const inChannel = Array.from({ length: node.channels }, (): number[] => []);
  for (let i = 0; i < data.length; i++) inChannel[Math.floor(i / area) % node.channels].push(i);
  const out = new Float64Array(data.length);
  inChannel.forEach((places, channel) => {
    let mean = tensor(node.mean)[channel];
    let variance = tensor(node.variance)[channel];
    if (given.batchNorm === "batch") {
      mean = places.reduce((sum, i) => sum + data[i], 0) / places.length;
      variance = places.reduce((sum, i) => sum + (data[i] - mean) ** 2, 0) / places.length;
    }
    const statistics = { channel, mean, inverse: 1 / Math.sqrt(variance + node.epsilon) };
    const weight = node.weight ? tensor(node.weight)[channel] : 1;
    const bias = node.bias ? tensor(node.bias)[channel] : 0;
    for (const i of places) out[i] = value(statistics, weight, bias, data[i], i);
  });
  return out;
}
