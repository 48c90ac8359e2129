import type { Call, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

/** `count` channels of zeros, as large as the map of a tensor. */
function zeros(call: Call, tensor: string, count: number): string[] {
  const { channels } = call.builder.shapeOf(tensor);
  const pieces = Array.from({ length: Math.ceil(count / channels) }, (_, i) => Math.min(channels, count - i * channels));
  return pieces.map((piece) => call.builder.scale(call.builder.slice(tensor, 0, piece), [0], [0]));
}

/** Zeros around the map, or its rim left out; channels of zeros, as in the shortcuts of CIFAR's ResNets. */
function pad(call: Call): ImageTensor {
  if (call.text("mode", "constant") !== "constant" || call.number("value", 0) !== 0) return refuse("pads by something else than zeros");
  let { tensor } = call.readMap(call.image());
  const counts = call.integers("pad");
  if (counts.length > 6 || counts.length % 2 !== 0 || counts.some((n, i) => Math.abs(n) > 4096 || (i >= 4 && n < 0))) return refuse(`pads by [${counts.slice(0, 8).join(", ")}]`);
  const [left = 0, right = 0, top = 0, bottom = 0, front = 0, back = 0] = counts;
  if (front + back > 0) tensor = call.builder.concat([...zeros(call, tensor, front), tensor, ...zeros(call, tensor, back)], call.node.name);
  if ([top, left, bottom, right].some((n) => n !== 0)) tensor = call.builder.pad(tensor, [top, left, bottom, right], call.node.name);
  return call.made(tensor);
}

export const padding: Rules = {
  "pad.default": pad,
  "constant_pad_nd.default": pad,
};
