import type { DropoutNode } from "../../../ops/common/nodes.js";
import type { Call, Rule, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor } from "../values.js";

/** The same memory. */
const same: Rule = (call) => call.input();

/** Dropout returns what it gets while nothing is trained, and memory of its own in a training, where other readers see what was there before. */
const dropped = (kind: Pick<DropoutNode, "channels" | "alpha"> = {}) => (call: Call): ImageTensor | ConstantTensor => {
  const input = call.input();
  const probability = call.number("p", 0.5);
  if (!(probability >= 0 && probability < 1)) return refuse(`drops the share ${probability}`);
  if (input.kind !== "image" || probability === 0) return input;
  const isIdle = !call.boolean("train", true) && !call.node.target.includes("dropout_.") && call.environment.readingsOf(call.node.outputs[0]) > 1;
  return { ...input, memory: input.memory.maybeCopy(call.builder.dropout(input.memory.read(), probability, { ...kind, ...(isIdle && { idle: true }) })) };
};

/** Memory of its own. */
function copied(call: Call): ImageTensor | ConstantTensor {
  const input = call.input();
  return input.kind === "image" ? call.over(call.asImage(input).memory.read(), input.dims) : input;
}

/** A conversion to what it is already; whether it is copied is up to the arguments. */
function converted(call: Call): ImageTensor | ConstantTensor {
  call.checkDtype();
  const input = call.input();
  if (input.kind === "constant") return input.isFloat ? input : refuse("converts a tensor of another type than float32");
  return { ...call.asImage(input), memory: input.memory.maybeCopy() };
}

/** Gradients end there. */
const detached: Rule = (call) => (call.input().kind === "constant" ? call.input() : refuse("cuts the gradient off, without which there is no attack; leave detach() away"));

export const identity: Rules = {
  "dropout.default": dropped(),
  "feature_dropout.default": dropped({ channels: true }),
  "alpha_dropout.default": dropped({ alpha: true }),
  "feature_alpha_dropout.default": dropped({ channels: true, alpha: true }),
  "native_dropout.default": (call) => [dropped()(call), null],
  "alias.default": same,
  "clone.default": copied,
  "lift_fresh_copy.default": copied,
  "detach.default": detached,
  "detach_.default": detached,
  "to.dtype": converted,
  "to.dtype_layout": converted,
  "_to_copy.default": converted,
};
