/** Steps that turn parameters, as a checkpoint has them, into what kernels read: after each step of a training, on the device. */
import type { Affine, ParameterPlace, WeightPlan } from "../ops/common/site.js";
import { layerOf, type Step } from "../ops/common/step.js";
import type { ConvPlan } from "../ops/convolution/software/plan.js";

type Learned = (tensor: string) => ParameterPlace | null;

/** For the kernels for software. @param resource texture that is written */
export function packWeightsStep(resource: string, plan: WeightPlan, learned: Learned): Step {
  const { tensor, conv, width, height } = plan;
  const place = learned(tensor)!;
  return {
    kernel: "pack_weights",
    name: `pack_weights ${layerOf(tensor)}`,
    constants: { WIDTH: width, ...(conv ? tiledConstants(conv as ConvPlan) : { TILED: false }) },
    params: { first: place.first },
    bindings: { parameters: `parameters/${place.arena}`, output: resource },
    writes: [resource],
    grid: [Math.ceil(width / 64), height, 1],
    cost: width * height * 4,
  };
}

function tiledConstants({ shape, gradient, tile, channels, steps, rowSteps, taps, weightTexels, stepsPerRow, weightFold }: ConvPlan): Step["constants"] {
  const area = shape.kernel[0] * shape.kernel[1];
  const [ins, outs] = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
  const each = ins * area;
  return {
    TILED: true, OC: tile.channels, PRODUCTS: channels * taps.rows * taps.cols, WEIGHT_TEXELS: weightTexels, STEPS: steps, STEPS_PER_ROW: stepsPerRow, WEIGHT_FOLD: weightFold,
    ROW_STEPS: rowSteps, CHANNELS: channels, TAP_TOP: taps.top, TAP_LEFT: taps.left, TAP_ROWS: taps.rows, TAP_COLS: taps.cols, KERNEL_W: shape.kernel[1], GROUPS: shape.groups,
    ...(gradient ? { SUMS: outs, OUTS: ins, SUM_STRIDE: each, OUT_STRIDE: area } : { SUMS: ins, OUTS: outs, SUM_STRIDE: area, OUT_STRIDE: each }),
    GROUP_STRIDE: outs * each,
  };
}

/** Texels in a row of a texture of scales and shifts; it has two rows. */
export const affineWidth = (channels: number): number => Math.ceil(channels / 16) * 16;

/** @throws Error where a scale holds trained statistics: those are not learned */
export function packAffineStep(resource: string, { channels, bias, norm, statistics }: Affine, learned: Learned): Step {
  if (norm && statistics) throw new Error(`the scale of ${norm.mean} holds trained statistics, which a training does not have`);
  const [scale, shift] = [norm?.weight ?? null, norm ? norm.bias : bias].map((tensor) => (tensor ? learned(tensor) : null));
  const arena = (scale ?? shift)?.arena;
  return {
    kernel: "pack_affine",
    name: "pack_affine",
    constants: { CHANNELS: channels, SCALE: scale !== null, SHIFT: shift !== null },
    params: { first_scale: scale?.first ?? 0, first_shift: shift?.first ?? 0 },
    bindings: { ...(arena !== undefined && { parameters: `parameters/${arena}` }), output: resource },
    writes: [resource],
    grid: [Math.ceil(affineWidth(channels) / 64), 1, 1],
    cost: channels,
  };
}
