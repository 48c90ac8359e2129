/** Steps that turn parameters, as a checkpoint has them, into what kernels read: after each step of a training, on the device. */
import type { Affine, ParameterPlace, WeightPlan } from "../ops/common/site.js";
import { layerOf, type Step } from "../ops/common/step.js";
import { roomOf } from "../ops/convolution/kernels.js";

type Learned = (tensor: string) => ParameterPlace | null;

/** @param resource texture that is written */
export function packWeightsStep(resource: string, plan: WeightPlan, learned: Learned): Step {
  const { tensor, conv, width, height } = plan;
  const place = learned(tensor)!;
  const { kernel, constants } = conv ? roomOf(conv).packing(conv) : { kernel: "pack_weights", constants: { TILED: false } };
  return {
    kernel,
    name: `pack_weights ${layerOf(tensor)}`,
    constants: { WIDTH: width, ...constants },
    params: { first: place.first },
    bindings: { parameters: `parameters/${place.arena}`, output: resource },
    writes: [resource],
    grid: [Math.ceil(width / 64), height, 1],
    cost: width * height * 4,
  };
}

/** Texels in a row of a texture of scales and shifts; it has two rows. */
export const affineWidth = (channels: number): number => Math.ceil(channels / 16) * 16;

/** Whether it reads no tensor, so that no step of a training changes it. */
export const isConstant = ({ bias, norm, statistics }: Affine): boolean => bias === null && (norm === null || (norm.weight === null && norm.bias === null && !statistics));

/** @throws Error where a scale holds trained statistics: those are not learned */
export function packAffineStep(resource: string, { channels, bias, norm, statistics }: Affine, learned: Learned): Step {
  if (norm && statistics) throw new Error(`the scale of ${norm.mean} holds trained statistics, which a training does not have`);
  const [scale, shift] = [norm?.weight ?? null, norm ? norm.bias : bias].map((tensor) => (tensor ? learned(tensor) : null));
  const { arena } = (scale ?? shift)!;
  return {
    kernel: "pack_affine",
    name: "pack_affine",
    constants: { CHANNELS: channels, SCALE: scale !== null, SHIFT: shift !== null },
    params: { first_scale: scale?.first ?? 0, first_shift: shift?.first ?? 0 },
    bindings: { parameters: `parameters/${arena}`, output: resource },
    writes: [resource],
    grid: [Math.ceil(affineWidth(channels) / 64), 1, 1],
    cost: channels,
  };
}
