import type { Call, Rules } from "../call.js";
import { layerOf } from "../../../ops/common/step.js";
import { vectorOf } from "./conv2d.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

/** With the trained statistics or the batch's is the sweep's choice, whatever the program was exported for. */
function normalise(call: Call): ImageTensor {
  const input = call.image();
  const { tensor, shape } = call.read(input);
  const vector = (name: string): string | null => vectorOf(call, name, shape.channels);
  const [mean, variance, weight] = [vector("running_mean"), vector("running_var"), vector("weight")];
  const [epsilon, momentum] = [call.number("eps"), call.number("momentum")];
  if (mean === null || variance === null) return refuse("has no running statistics; build the network with track_running_stats");
  if (!(epsilon >= 0)) return refuse(`has an epsilon of ${epsilon}`);
  if (!(momentum >= 0 && momentum <= 1)) return refuse(`has a momentum of ${momentum}`);
  const name = weight ? layerOf(weight) : mean.replace(/\.running_mean$/, "");
  return call.like(input, call.builder.node({ op: "batch_norm", inputs: [tensor], channels: shape.channels, weight, bias: vector("bias"), mean, variance, epsilon, momentum }, name));
}

/** The statistics that decomposed forms return too are of training. */
const first = (call: Call): (ImageTensor | null)[] => [normalise(call), ...call.node.outputs.slice(1).map(() => null)];

export const batch_norm: Rules = {
  "batch_norm.default": normalise,
  "_native_batch_norm_legit_no_training.default": first,
  "_native_batch_norm_legit.default": first,
  "_native_batch_norm_legit_functional.default": first,
  "native_batch_norm.default": first,
};
