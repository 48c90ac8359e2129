/** Gradients of a convolution's weights and bias: by the kernel of the room, or where that can't, one product after the other. */
import { type Kernels, layoutConstants } from "../../layout/blocks.js";
import { windowConstants } from "../../layout/shape.js";
import type { LearningSite, ParameterPlace } from "../common/site.js";
import { layerOf, type Step } from "../common/step.js";
import { weightGradientSteps as hardware } from "./hardware/weightGradient.js";
import { type ConvShape, multiplyAdds } from "./shape.js";
import { weightGradientSteps as software } from "./software/weightGradient.js";

const ROOMS: Record<Kernels, typeof software> = { software, hardware };

/** @param place of the weight's gradient */
export const weightGradientSteps = (weight: string, shape: ConvShape, site: LearningSite, place: ParameterPlace): Step[] =>
  ROOMS[site.options.kernels ?? "software"](weight, shape, site, place) ?? [plainStep(weight, shape, site, place)];

function plainStep(weight: string, shape: ConvShape, { inputs: [input], gradient, options }: LearningSite, place: ParameterPlace): Step {
  const [ins, outs] = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
  const gradients = `gradients/${place.arena}`;
  return {
    kernel: "conv2d_weight_grad_plain",
    name: `conv2d weight gradient ${layerOf(weight)}`,
    constants: { ...layoutConstants("IN", input.layout), ...layoutConstants("OTHER", gradient.layout), ...windowConstants(shape), GROUP_OUTS: outs, GROUP_INS: ins },
    params: { blocks: gradient.blocks, images: options.images, first: place.first },
    bindings: { input: input.resource, dy: gradient.resource, gradients },
    writes: [gradients],
    grid: [shape.kernel[0] * shape.kernel[1], ins, shape.outChannels],
    cost: multiplyAdds(shape) * gradient.blocks * gradient.layout.images,
  };
}

/** Gradient of a bias of what has the layout of the gradient. */
export function biasGradientStep(bias: string, site: LearningSite, place: ParameterPlace): Step {
  const { gradient, options } = site;
  const { layout } = gradient;
  return {
    kernel: "bias_grad",
    name: `bias gradient ${bias}`,
    constants: { ...layoutConstants("IN", layout), CHANNELS: layout.channels },
    params: { blocks: gradient.blocks, images: options.images, first: place.first },
    bindings: { input: gradient.resource, gradients: `gradients/${place.arena}` },
    writes: [`gradients/${place.arena}`],
    grid: [Math.ceil(layout.channels / layout.pack), 1, 1],
    cost: gradient.blocks * layout.lanes * layout.groups * layout.quads * 4,
  };
}
