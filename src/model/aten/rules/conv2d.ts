import { layerOf } from "../../../ops/common/step.js";
import type { Pair } from "../../../layout/shape.js";
import type { Call, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor } from "../values.js";

/** @returns a weight that is read as it is in the file */
export function weightOf(call: Call, name: string, rank: number): ConstantTensor {
  const weight = call.parameter(name) ?? refuse(`gets no ${name}`);
  if (weight.transposed || weight.sizes !== weight.shape || weight.shape.length !== rank) return refuse(`gets a ${name} of sizes [${weight.sizes.join(", ")}], not one as it is in the file with ${rank} dimensions`);
  return weight;
}

/** The tensor's name, if there is one; one number for each of `channels`. */
export function vectorOf(call: Call, name: string, channels: number): string | null {
  const vector = call.parameter(name);
  if (!vector) return null;
  if (vector.shape.length !== 1 || vector.shape[0] !== channels) return refuse(`gets a ${name} of sizes [${vector.shape.join(", ")}] for ${channels} channels`);
  return vector.tensor;
}

/** What is read in place of a map that nodes in front of it only put zeros around: convolutions can do that, but not above or to the left alone. */
function unpadded({ builder }: Call, tensor: string, before: Pair, after: Pair): { tensor: string; before: Pair; after: Pair } {
  let found = { tensor, before, after };
  for (let outer = builder.withoutZeros(tensor); outer; outer = builder.withoutZeros(outer.inner)) {
    const { inner, around: [top, left, bottom, right] } = outer;
    [before, after] = [[before[0] + top, before[1] + left], [after[0] + bottom, after[1] + right]];
    if (after[0] >= before[0] && after[1] >= before[1]) found = { tensor: inner, before, after };
  }
  return found;
}

/** @param pads above and left, and what is below and to the right beyond that */
function convolve(call: Call, pads: (kernel: Pair, dilation: Pair) => { pad: Pair; padEnd: Pair }): ImageTensor {
  const { tensor, shape } = call.readMap(call.image());
  const weight = weightOf(call, "weight", 4);
  const [outChannels, perGroup, rows, columns] = weight.shape;
  const [stride, dilation] = [call.pair("stride", [1, 1]), call.pair("dilation", [1, 1])];
  const groups = call.integer("groups", 1);
  const inChannels = perGroup * groups;
  const { pad, padEnd } = pads([rows, columns], dilation);
  const sane = [...stride, ...dilation, groups, ...weight.shape].every((n) => n >= 1) && [...pad].every((n) => n >= 0) && outChannels % groups === 0;
  if (!sane || inChannels !== shape.channels) return refuse(`convolves ${shape.channels} channels in ${groups} groups by a weight of sizes [${weight.shape.join(", ")}]`);
  const { tensor: from, before, after } = unpadded(call, tensor, pad, [pad[0] + padEnd[0], pad[1] + padEnd[1]]);
  return call.made(call.builder.conv(from, layerOf(weight.tensor), inChannels, outChannels, [rows, columns], {
    stride, dilation, groups, pad: before, padEnd: [after[0] - before[0], after[1] - before[1]], weight: weight.tensor, bias: vectorOf(call, "bias", outChannels) ?? false,
  }));
}

const numbered = (call: Call): ImageTensor => convolve(call, () => ({ pad: call.pair("padding", [0, 0]), padEnd: [0, 0] }));

export const conv2d: Rules = {
  "conv2d.default": numbered,
  "conv2d.padding": (call) =>
    convolve(call, (kernel, dilation) => {
      const how = call.text("padding", "valid");
      if (how !== "same" && how !== "valid") return refuse(`pads "${how.slice(0, 20)}"`);
      if (how === "same" && call.pair("stride", [1, 1]).some((stride) => stride !== 1)) return refuse("pads to the same size with a stride");
      const total = kernel.map((size, axis) => (how === "same" ? dilation[axis] * (size - 1) : 0));
      return { pad: [total[0] >> 1, total[1] >> 1], padEnd: [total[0] & 1, total[1] & 1] };
    }),
  "convolution.default": (call) => {
    if (call.boolean("transposed", false)) return refuse("is a transposed convolution, for which there is no op");
    return numbered(call);
  },
};
