import { layerOf } from "../../../ops/common/step.js";
import { vectorOf, weightOf } from "./conv2d.js";
import type { Call, Rules } from "../call.js";
import { sizesOf, sizesText } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor } from "../values.js";

function multiply(call: Call, input: ImageTensor, weight: ConstantTensor, bias: string | null): ImageTensor {
  const [outFeatures, inFeatures] = weight.shape;
  const features = sizesOf(input.dims).at(-1);
  if (input.dims.length !== 2 || features !== inFeatures) return refuse(`takes vectors of ${inFeatures}, not ${sizesText(input.dims)}`);
  const made = call.builder.linear(call.read(input).tensor, layerOf(weight.tensor), inFeatures, outFeatures, { weight: weight.tensor, bias: bias ?? false });
  return call.like(input, made);
}

/** A matrix that is multiplied from the right: a layer's weight with rows and columns swapped. */
function swapped(call: Call, name: string): ConstantTensor {
  const matrix = call.parameter(name);
  if (!matrix?.transposed) return refuse("multiplies by a matrix that is no linear layer's weight");
  return matrix;
}

export const linear: Rules = {
  "linear.default": (call) => {
    const weight = weightOf(call, "weight", 2);
    return multiply(call, call.image(), weight, vectorOf(call, "bias", weight.shape[0]));
  },
  "addmm.default": (call) => {
    if (call.number("beta", 1) !== 1 || call.number("alpha", 1) !== 1) return refuse("scales its sum");
    const weight = swapped(call, "mat2");
    return multiply(call, call.asImage(call.value("mat1") ?? refuse("gets no matrix")), weight, vectorOf(call, "self", weight.shape[0]));
  },
  "mm.default": (call) => multiply(call, call.image(), swapped(call, "mat2"), null),
  "matmul.default": (call) => multiply(call, call.image(), swapped(call, "other"), null),
};
