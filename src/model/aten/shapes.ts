import { type MapShape, placesOf, sameMap, isPixel, shapeText, type Window } from "../../layout/shape.js";
import type { GraphBuilder } from "../builder.js";

type Unmade = Parameters<GraphBuilder["node"]>[0];

const windowed = (input: MapShape, node: Window, channels: number, ceil = false, padEnd: readonly [number, number] = [0, 0]): MapShape => {
  const size = (axis: 0 | 1): number => {
    const from = axis === 0 ? input.height : input.width;
    const places = placesOf(from, node.kernel[axis], node.stride[axis], node.dilation[axis], 2 * node.pad[axis] + padEnd[axis], ceil, node.pad[axis]);
    if (!(places >= 1)) throw new Error(`has a window of ${node.kernel.join("x")} that does not fit maps of ${shapeText(input)}`);
    return places;
  };
  return { channels, height: size(0), width: size(1) };
};

export function shapeOfNode(node: Unmade, inputs: MapShape[]): MapShape {
  const [input, other] = inputs;
  switch (node.op) {
    case "conv2d":
      if (input.channels !== node.inChannels) throw new Error(`takes ${node.inChannels} channels, its input has ${input.channels}`);
      return windowed(input, node, node.outChannels, false, node.padEnd);
    case "linear":
      if (!isPixel(input) || input.channels !== node.inFeatures) throw new Error(`takes ${node.inFeatures} features, its input has ${shapeText(input)}`);
      return { channels: node.outFeatures, height: 1, width: 1 };
    case "batch_norm":
      if (input.channels !== node.channels) throw new Error(`takes ${node.channels} channels, its input has ${input.channels}`);
      return input;
    case "add":
    case "multiply":
      if (input.channels !== other.channels || !(sameMap(input, other) || isPixel(input) || isPixel(other))) throw new Error(`takes maps of one shape, or one pixel, not ${shapeText(input)} and ${shapeText(other)}`);
      return isPixel(input) ? other : input;
    case "concat":
      if (!inputs.every((one) => sameMap(one, input))) throw new Error(`takes maps of one size, not ${inputs.map(shapeText).join(" and ")}`);
      return { ...input, channels: inputs.reduce((sum, { channels }) => sum + channels, 0) };
    case "slice":
      if (node.from < 0 || node.count < 1 || node.from + node.count > input.channels) throw new Error(`takes channels ${node.from} to ${node.from + node.count} of ${input.channels}`);
      return { ...input, channels: node.count };
    case "shuffle":
      if (input.channels % node.groups !== 0) throw new Error(`deals ${input.channels} channels out to ${node.groups} groups`);
      return input;
    case "max_pool":
    case "avg_pool":
      return windowed(input, node, input.channels, node.ceil);
    case "adaptive_avg_pool":
      return { channels: input.channels, height: node.height, width: node.width };
    case "flatten":
      return { channels: input.channels * input.height * input.width, height: 1, width: 1 };
    default:
      return input;
  }
}
