import type { ActivationNode } from "../../../ops/common/nodes.js";
import type { Call, Rule, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import { vectorOf } from "./conv2d.js";
import type { ImageTensor } from "../values.js";

type Kind = ActivationNode["kind"];

/** Klambauer et al. 2017, arXiv 1706.02515. */
const SELU = { alpha: 1.6732632423543772, scale: 1.0507009873554805 };

/** What is done to every element by itself is done wherever it lies. */
function activate(call: Call, kind: Kind, low = 0, high = 0): ImageTensor {
  const { memory, dims } = call.image();
  if (Number.isNaN(low) || Number.isNaN(high)) return refuse("gets bounds that are not numbers");
  return call.over(call.builder.activation(memory.read(), kind, { low, high, name: call.node.name }), dims);
}

const plain = (kind: Kind): Rule => (call) => activate(call, kind);

/** What is made of an image's tensor by several ops, none of which minds where the elements lie. */
function compose(call: Call, make: (tensor: string) => string): ImageTensor {
  const { memory, dims } = call.image();
  return call.over(make(memory.read()), dims);
}

/** A number that others are divided by. */
function divisor(call: Call, name: string): number {
  const value = call.number(name, 1);
  return Number.isFinite(value) && value !== 0 ? value : refuse(`gets a ${name} of ${value}`);
}

/** By how it is approximated. */
const GELU: ReadonlyMap<string, Kind> = new Map([["none", "gelu"], ["tanh", "gelu_tanh"]]);

const gelu: Rule = (call) => {
  const how = call.text("approximate", "none");
  return activate(call, GELU.get(how) ?? refuse(`approximates GELU by "${how.slice(0, 20)}"`));
};

/** scale * x above zero, and scale * alpha * (exp(inputScale * x) - 1) below: SELU and CELU, too. */
function elu(call: Call, alpha: number, scale: number, inputScale: number): ImageTensor {
  const { builder } = call;
  if (scale === 1 && inputScale === 1) return activate(call, "elu", alpha);
  if (![alpha, scale, inputScale].every(Number.isFinite) || inputScale <= 0) return refuse(`scales its ELU by ${scale} and ${inputScale}`);
  return compose(call, (x) => builder.scale(builder.activation(builder.scale(x, [inputScale], [0]), "elu", { low: alpha * inputScale }), [scale / inputScale], [0], call.node.name));
}

/** log(1 + exp(beta * x)) / beta. What PyTorch leaves away beyond its usual threshold is less than float32 holds. */
function softplus(call: Call): ImageTensor {
  const { builder } = call;
  const [beta, threshold] = [divisor(call, "beta"), call.number("threshold", 20)];
  if (!(threshold >= 16)) return refuse(`ends its curve at a threshold of ${threshold}, for which there is no op`);
  if (beta === 1) return activate(call, "softplus");
  return compose(call, (x) => builder.scale(builder.activation(builder.scale(x, [beta], [0]), "softplus"), [1 / beta], [0], call.node.name));
}

/** weight * x below zero, with numbers of the graph itself: weight * x + (1 - weight) * relu(x), which has the same gradients everywhere. */
function prelu(call: Call): ImageTensor {
  const weight = call.parameter("weight") ?? refuse("gets no weight");
  const slopes = Array.from(call.environment.numbersOf(weight), Number);
  const image = call.image();
  const { tensor, shape } = call.read(image);
  if (slopes.length !== 1) vectorOf(call, "weight", shape.channels);
  const { builder } = call;
  const scaled = (x: string, factors: number[]): string => builder.scale(x, factors, [0]);
  return call.like(image, builder.add(scaled(tensor, slopes), scaled(builder.relu(tensor), slopes.map((slope) => 1 - slope)), { name: call.node.name }));
}

function hardtanh(call: Call): ImageTensor {
  const [low, high] = [call.number("min_val", -1), call.number("max_val", 1)];
  return low === 0 && high === 6 ? activate(call, "relu6") : activate(call, "hardtanh", low, high);
}

/**
 * Gradients pass at the bounds, other than in ReLU and hardtanh: max(x, low) is x + relu(low - x), min(x, high) is x - relu(x - high),
 * and these have the same gradients everywhere.
 */
function clamp(call: Call, min: string | null, max: string | null): ImageTensor {
  const { memory, dims } = call.image();
  const { builder } = call;
  let tensor = memory.read();
  const bound = (name: string | null): number | null => (name === null || call.argument(name) === undefined ? null : call.number(name));
  const [low, high] = [bound(min), bound(max)];
  if (Number.isNaN(low) || Number.isNaN(high) || (low !== null && high !== null && low > high)) return refuse("clamps between bounds that leave nothing");
  if (low !== null && low !== -Infinity) tensor = builder.add(tensor, builder.relu(builder.scale(tensor, [-1], [low])));
  if (high !== null && high !== Infinity) tensor = builder.add(tensor, builder.relu(builder.scale(tensor, [1], [-high])), { alpha: -1 });
  return call.over(tensor, dims);
}

export const activation: Rules = {
  "relu.default": plain("relu"),
  "relu6.default": plain("relu6"),
  "sigmoid.default": plain("sigmoid"),
  "hardsigmoid.default": plain("hardsigmoid"),
  "silu.default": plain("silu"),
  "hardswish.default": plain("hardswish"),
  "tanh.default": plain("tanh"),
  "hardtanh.default": hardtanh,
  "leaky_relu.default": (call) => activate(call, "leaky_relu", call.number("negative_slope", 0.01)),
  "gelu.default": gelu,
  "elu.default": (call) => elu(call, call.number("alpha", 1), call.number("scale", 1), call.number("input_scale", 1)),
  "celu.default": (call) => elu(call, call.number("alpha", 1), 1, 1 / divisor(call, "alpha")),
  "selu.default": (call) => elu(call, SELU.alpha, SELU.scale, 1),
  "prelu.default": prelu,
  "softplus.default": softplus,
  "log_sigmoid.default": (call) => compose(call, (x) => call.builder.scale(call.builder.activation(call.builder.scale(x, [-1], [0]), "softplus"), [-1], [0], call.node.name)),
  "mish.default": (call) => compose(call, (x) => call.builder.multiply(x, call.builder.activation(call.builder.activation(x, "softplus"), "tanh"), call.node.name)),
  "clamp.default": (call) => clamp(call, "min", "max"),
  "clip.default": (call) => clamp(call, "min", "max"),
  "clamp_min.default": (call) => clamp(call, "min", null),
  "clamp_max.default": (call) => clamp(call, null, "max"),
};
