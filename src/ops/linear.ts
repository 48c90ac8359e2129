/** Linear layer: a 1x1 convolution of a map of one pixel. */
import { isPixel, type MapShape } from "../layout/shape.js";
import { channelSums, type Convolution, forwardSteps, gradientSteps, learningSteps, withBias } from "./conv2d.js";
import { conv2d as convLoops, conv2dInputGradient, conv2dWeightGradient, type ConvShape, multiplyAdds, squareConv } from "./convolution/shape.js";
import type { LinearNode } from "./common/nodes.js";
import type { Op, Parameter } from "./common/op.js";

export const linearShape = ({ inFeatures, outFeatures }: LinearNode): ConvShape => squareConv({ inChannels: inFeatures, outChannels: outFeatures, height: 1, width: 1, kernel: 1 });

const asConvolution = (node: LinearNode): Convolution => ({ ...node, shape: linearShape(node) });

export const linear: Op<LinearNode> = {
  kind: "linear",
  shape({ inFeatures, outFeatures }, [input]: MapShape[]) {
    if (!isPixel(input)) throw new Error(`takes vectors, its input has maps of ${input.height}x${input.width} pixels`);
    if (input.channels !== inFeatures) throw new Error(`takes ${inFeatures} features, its input has ${input.channels}`);
    return { channels: outFeatures, height: 1, width: 1 };
  },
  parameters({ weight, bias, inFeatures, outFeatures }) {
    const initial = { kind: "uniform", fanIn: inFeatures } as const;
    const parameters: Parameter[] = [{ tensor: weight, shape: [outFeatures, inFeatures], filterable: true, buffer: false, initial }];
    if (bias) parameters.push({ tensor: bias, shape: [outFeatures], filterable: false, buffer: false, initial });
    return parameters;
  },
  multiplyAdds: (node) => multiplyAdds(linearShape(node)),
  takes: (batchNorm) => (batchNorm === "running" ? ["norm", "residual", "relu"] : ["residual", "relu"]),
  forward: (node, site) => forwardSteps(asConvolution(node), site),
  inputGradient: (node, site) => gradientSteps(asConvolution(node), site),
  weightGradient: (node, site) => learningSteps(asConvolution(node), site),
  twin: {
    forward: (node, { inputs: [input], tensor }) => withBias(convLoops(linearShape(node), input.data, tensor(node.weight)), node.bias ? tensor(node.bias) : null, 1),
    gradient: (node, { tensor }, dy) => [conv2dInputGradient(linearShape(node), dy, tensor(node.weight))],
    weightGradient: (node, { inputs: [input], output }, dy) => ({
      [node.weight]: conv2dWeightGradient(linearShape(node), input.data, dy),
      ...(node.bias && { [node.bias]: channelSums(dy, output) }),
    }),
  },
};
