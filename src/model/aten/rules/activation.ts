import type { ActivationNode } from "../../../ops/common/nodes.js";
import type { Call, Rule, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

type Kind = ActivationNode["kind"];

/** What is done to every element by itself is done wherever it lies. */
function activate(call: Call, kind: Kind, low = 0, high = 0): ImageTensor {
  const { memory, dims } = call.image();
  if (Number.isNaN(low) || Number.isNaN(high)) return refuse("gets bounds that are not numbers");
  return call.over(call.builder.activation(memory.read(), kind, { low, high, name: call.node.name }), dims);
}

const plain = (kind: Kind): Rule => (call) => activate(call, kind);

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
  "gelu.default": (call) => (call.text("approximate", "none") === "none" ? activate(call, "gelu") : refuse("approximates GELU by tanh; use approximate=\"none\"")),
  "elu.default": (call) => {
    if (call.number("scale", 1) !== 1 || call.number("input_scale", 1) !== 1) return refuse("scales its ELU, for which there is no op");
    return activate(call, "elu", call.number("alpha", 1));
  },
  "softplus.default": (call) => activate(call, "softplus", call.number("beta", 1), call.number("threshold", 20)),
  "clamp.default": (call) => clamp(call, "min", "max"),
  "clamp_min.default": (call) => clamp(call, "min", null),
  "clamp_max.default": (call) => clamp(call, null, "max"),
};
