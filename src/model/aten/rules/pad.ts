import type { Call, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

/** `count` channels of zeros, as large as the map of a tensor. */
function zeros(call: Call, tensor: string, count: number): string[] {
  const { channels } = call.builder.shapeOf(tensor);
  const pieces = Array.from({ length: Math.ceil(count / channels) }, (_, i) => Math.min(channels, count - i * channels));
  return pieces.map((piece) => call.builder.scale(call.builder.slice(tensor, 0, piece), [0], [0]));
}

/** Zeros around the map wait for the convolution behind them; channels of zeros, as in the shortcuts of CIFAR's ResNets, are made. */
function pad(call: Call): ImageTensor {
  const given = call.value("first");
  if (given?.kind !== "image") return refuse("pads something that is not an image's map");
  if (call.text("mode", "constant") !== "constant" || call.number("value", 0) !== 0) return refuse("pads by something else than zeros");
  const { pad: around = [0, 0, 0, 0], ...image } = given;
  let { tensor } = call.readMap(image);
  const counts = call.integers("pad");
  if (counts.length > 6 || counts.length % 2 !== 0 || counts.some((n) => n < 0 || n > 4096)) return refuse(`pads by [${counts.slice(0, 8).join(", ")}]`);
  const [left = 0, right = 0, top = 0, bottom = 0, front = 0, back = 0] = counts;
  if (front + back > 0) {
    if (around.some((n) => n > 0)) return refuse("pads channels of a map that is padded");
    tensor = call.builder.concat([...zeros(call, tensor, front), tensor, ...zeros(call, tensor, back)], call.node.name);
  }
  const made = call.made(tensor);
  const sum = [around[0] + top, around[1] + left, around[2] + bottom, around[3] + right] as const;
  return sum.some((n) => n > 0) ? { ...made, pad: sum } : made;
}

export const padding: Rules = {
  "pad.default": pad,
  "constant_pad_nd.default": pad,
};
