/** Convolution and its input gradient: by the tiled kernel for software or for hardware, or by conv2d_plain.wgsl where that cannot. */
import { type BlockLayout, layoutConstants } from "../layout/blocks.js";
import { type MapShape, windowConstants } from "../layout/shape.js";
import { type AnyPlan, roomOf } from "./convolution/kernels.js";
import type { TiledLimits } from "./convolution/room.js";
import { conv2d as convLoops, conv2dInputGradient, conv2dWeightGradient, convOutput, type ConvShape, multiplyAdds, tileKey } from "./convolution/shape.js";
import { biasGradientStep, weightGradientSteps } from "./convolution/weightGradient.js";
import { endingConstants } from "./common/elementwise.js";
import type { Conv2dNode } from "./common/nodes.js";
import type { Op, Parameter } from "./common/op.js";
import type { Affine, Epilogue, GradientSite, LearningSite, Place, Site, SiteOptions, Target } from "./common/site.js";
import { layerOf, type Step } from "./common/step.js";

/** What convolutions and linear layers have in common: the rest of this file does both. */
export interface Convolution {
  weight: string;
  bias: string | null;
  shape: ConvShape;
}

export function convShape(node: Conv2dNode, { height, width }: Pick<MapShape, "height" | "width">): ConvShape {
  const { inChannels, outChannels, kernel, stride, pad, padEnd, dilation, groups } = node;
  return { inChannels, outChannels, height, width, kernel, stride, pad, padEnd, dilation, groups };
}

export const conv2d: Op<Conv2dNode> = {
  kind: "conv2d",
  shape(node, [input]) {
    if (input.channels !== node.inChannels) throw new Error(`takes ${node.inChannels} channels, its input has ${input.channels}`);
    if (node.inChannels % node.groups !== 0 || node.outChannels % node.groups !== 0) throw new Error(`has ${node.groups} groups, which do not divide its ${node.inChannels} and ${node.outChannels} channels`);
    const { height, width } = convOutput(convShape(node, input));
    return { channels: node.outChannels, height, width };
  },
  parameters({ weight, bias, inChannels, outChannels, kernel, groups }) {
    const taps = kernel[0] * kernel[1];
    const fanIn = (inChannels / groups) * taps;
    const parameters: Parameter[] = [{ tensor: weight, shape: [outChannels, inChannels / groups, ...kernel], filterable: true, buffer: false, initial: { kind: "he", fanOut: (outChannels / groups) * taps } }];
    if (bias) parameters.push({ tensor: bias, shape: [outChannels], filterable: false, buffer: false, initial: { kind: "uniform", fanIn } });
    return parameters;
  },
  multiplyAdds: (node, [input]) => multiplyAdds(convShape(node, input)),
  takes: (batchNorm) => (batchNorm === "running" ? ["norm", "residual", "relu"] : ["residual", "relu"]),
  forward: (node, site) => forwardSteps({ ...node, shape: convShape(node, site.inputs[0].layout) }, site),
  inputGradient: (node, site) => gradientSteps({ ...node, shape: convShape(node, site.inputs[0].layout) }, site),
  weightGradient: (node, site) => learningSteps({ ...node, shape: convShape(node, site.inputs[0].layout) }, site),
  twin: {
    forward: (node, { inputs: [input], output, tensor }) => withBias(convLoops(convShape(node, input.shape), input.data, tensor(node.weight)), node.bias ? tensor(node.bias) : null, output.height * output.width),
    gradient: (node, { inputs: [input], tensor }, dy) => [conv2dInputGradient(convShape(node, input.shape), dy, tensor(node.weight))],
    weightGradient: (node, { inputs: [input], output }, dy) => ({
      [node.weight]: conv2dWeightGradient(convShape(node, input.shape), input.data, dy),
      ...(node.bias && { [node.bias]: channelSums(dy, output) }),
    }),
  },
};

/** Sums of NCHW values by channel. */
export function channelSums(values: Float64Array, { channels, height, width }: MapShape): Float64Array {
  const sums = new Float64Array(channels);
  values.forEach((value, i) => (sums[Math.floor(i / (height * width)) % channels] += value));
  return sums;
}

/** @param y NCHW, maps of `area` pixels */
export const withBias = (y: Float64Array, bias: ArrayLike<number> | null, area: number): Float64Array => (bias ? y.map((value, i) => value + bias[Math.floor(i / area) % bias.length]) : y);

/** Scale and shift behind the sum. */
export const affineOf = ({ bias, shape }: Convolution, { norm }: Epilogue): Affine => ({ channels: shape.outChannels, bias, norm, literal: null, statistics: true });

/** @param gradient whether it is the input's gradient. @returns null where the tiled kernel cannot do it */
export function tiledPlan(shape: ConvShape, gradient: boolean, read: BlockLayout, written: BlockLayout, options: TiledLimits & Pick<SiteOptions, "tiles">): AnyPlan | null {
  const room = roomOf(options);
  if (!room.can(shape, gradient)) return null;
  const tile = options.tiles?.[tileKey(shape, gradient)] ?? room.candidates(shape, gradient, options)[0];
  return room.plan(shape, gradient, read, written, tile, options);
}

export function forwardSteps(conv: Convolution, site: Site): Step[] {
  const { epilogue, inputs: [input], output } = site;
  const affine = affineOf(conv, epilogue);
  const plan = tiledPlan(conv.shape, false, input.layout, output.layout, { ...site.options, masked: site.intervals(conv.weight) !== null });
  const ends = { input, output, residual: epilogue.residual, relu: epilogue.relu, gate: null };
  return plan ? tiledSteps(conv, plan, site, affine, ends) : [plainStep(conv, false, site, affine, ends)];
}

export function gradientSteps(conv: Convolution, site: GradientSite): Step[] {
  const { gradient } = site;
  const affine = affineOf(conv, site.epilogue);
  const { place, residual, gate } = site.target(0, { sum: true, gate: true });
  const plan = tiledPlan(conv.shape, true, gradient.layout, place.layout, { ...site.options, masked: site.intervals(conv.weight) !== null });
  const ends = { input: gradient, output: place, residual, relu: null, gate };
  return plan ? tiledSteps(conv, plan, site, affine, ends) : [plainStep(conv, true, site, affine, ends)];
}

/** Of what of it is learned. */
export function learningSteps({ weight, bias, shape }: Convolution, site: LearningSite): Step[] {
  const places = { weight: site.learned(weight), bias: bias ? site.learned(bias) : null };
  return [...(places.weight ? weightGradientSteps(weight, shape, site, places.weight) : []), ...(places.bias ? [biasGradientStep(bias!, site, places.bias)] : [])];
}

/** What a kernel reads and writes, and what it does behind the sum. */
interface Ends extends Pick<Target, "residual" | "gate">, Pick<Epilogue, "relu"> {
  input: Place;
  output: Place;
}

/** Registers the weights; a filter has to see them raw, otherwise the scale of what follows the convolution is part of them in its gradient. */
export function weightsOf({ weight }: Convolution, plan: AnyPlan | null, gradient: boolean, size: { width: number; height: number }, site: Site | GradientSite, affine: Affine, kind = ""): { weights: string; intervals: string | null } {
  const intervals = site.intervals(weight);
  const form = `${plan ? "" : "plain-"}${!gradient ? "forward" : intervals ? "gradient-raw" : "gradient"}${kind}`;
  const scale = gradient && !intervals && affine.norm ? affine : null;
  return { weights: site.weights(form, { tensor: weight, conv: plan, ...size, scale }), intervals };
}

const epilogueParams = ({ input, residual, gate }: Ends, { blocksPerVariant }: SiteOptions): Step["params"] => ({
  in_blocks: input.blocks, residual_blocks: residual?.blocks ?? 1, gate_blocks: gate?.place.blocks ?? 1, blocks_per_variant: blocksPerVariant,
});

function tiledSteps(conv: Convolution, plan: AnyPlan, site: Site | GradientSite, affine: Affine, ends: Ends): Step[] {
  const { input, output, residual, gate } = ends;
  const { gradient } = plan;
  const { weights, intervals } = weightsOf(conv, plan, gradient, plan.weightTexture, site, affine);
  return roomOf(plan).dispatches(plan, output.layout, output.blocks, site.options).map(({ kernel, constants, params, grid, multiplyAdds: each }) => ({
    kernel,
    name: `conv2d ${gradient ? "gradient " : ""}${layerOf(conv.weight)}`,
    // Without a batch norm the scale is 1, which leaves the gradient as it is.
    constants: { ...constants, MASKED: intervals !== null, SCALED: gradient && intervals !== null, ...endingConstants(ends) },
    params: { ...params, ...epilogueParams(ends, site.options) },
    bindings: { input: input.resource, weights, norm: site.affine(affine), output: output.resource, ...(intervals && { intervals }), ...(residual && { residual: residual.resource }), ...(gate && { gate: gate.place.resource }) },
    writes: [output.resource],
    grid,
    cost: each * output.blocks * output.layout.images,
  }));
}

/** Texels in a row of weights that lie as in the checkpoint. */
const PLAIN_WIDTH = 4096;

/** By the kernel that does any geometry. */
export function plainStep(conv: Convolution, gradient: boolean, site: Site | GradientSite, affine: Affine, ends: Ends): Step {
  const { input, output, residual, gate } = ends;
  const { shape } = conv;
  const texels = Math.ceil((shape.outChannels * (shape.inChannels / shape.groups) * shape.kernel[0] * shape.kernel[1]) / 4);
  const size = { width: Math.min(texels, PLAIN_WIDTH), height: Math.ceil(texels / PLAIN_WIDTH) };
  const { weights, intervals } = weightsOf(conv, null, gradient, size, site, affine);
  return {
    kernel: "conv2d_plain",
    name: `conv2d ${gradient ? "gradient " : ""}${layerOf(conv.weight)}`,
    constants: {
      ...layoutConstants("IN", input.layout), ...layoutConstants("OUT", output.layout), GRADIENT: gradient,
      ...windowConstants(shape),
      GROUP_IN_CHANNELS: shape.inChannels / shape.groups, GROUP_OUT_CHANNELS: shape.outChannels / shape.groups, OUT_CHANNELS: output.layout.channels, WEIGHT_WIDTH: size.width,
      MASKED: intervals !== null, SCALED: gradient && intervals !== null, ...endingConstants(ends),
    },
    params: epilogueParams(ends, site.options),
    bindings: { input: input.resource, weights, norm: site.affine(affine), output: output.resource, ...(intervals && { intervals }), ...(residual && { residual: residual.resource }), ...(gate && { gate: gate.place.resource }) },
    writes: [output.resource],
    grid: [output.blocks, output.layout.groups, output.layout.quads],
    cost: multiplyAdds(shape) * output.blocks * output.layout.images,
  };
}
