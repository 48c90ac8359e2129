import type { Pair } from "../../../layout/shape.js";
import type { Call, Rules } from "../call.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

function windowOf(call: Call): { kernel: Pair; stride: Pair; pad: Pair } {
  const kernel = call.pair("kernel_size");
  const [stride, pad] = [call.pair("stride", kernel), call.pair("padding", [0, 0])];
  if (![...kernel, ...stride].every((n) => n >= 1) || !pad.every((n, axis) => n >= 0 && 2 * n <= kernel[axis])) return refuse(`slides a window of ${kernel.join("x")} with stride ${stride.join("x")} and padding ${pad.join("x")}`);
  return { kernel, stride, pad };
}

function maxPool(call: Call): ImageTensor {
  const { tensor } = call.readMap(call.image());
  const { kernel, ...options } = windowOf(call);
  const dilation = call.pair("dilation", [1, 1]);
  if (!dilation.every((n) => n >= 1)) return refuse(`spreads its window by ${dilation.join("x")}`);
  return call.made(call.builder.maxPool(tensor, kernel, { ...options, dilation, ceil: call.boolean("ceil_mode", false), name: call.node.name }));
}

function avgPool(call: Call): ImageTensor {
  const { tensor } = call.readMap(call.image());
  const { kernel, ...options } = windowOf(call);
  const divisor = call.argument("divisor_override") === undefined ? null : call.integer("divisor_override");
  if (divisor === 0) return refuse("divides by zero");
  return call.made(call.builder.avgPool(tensor, kernel, { ...options, ceil: call.boolean("ceil_mode", false), countPadding: call.boolean("count_include_pad", true), divisor, name: call.node.name }));
}

const adaptive = (call: Call): Pair => {
  const [height, width] = call.pair("output_size");
  return height >= 1 && width >= 1 && height <= 4096 && width <= 4096 ? [height, width] : refuse(`pools to ${height}x${width} pixels`);
};

function adaptiveAvgPool(call: Call): ImageTensor {
  const { tensor } = call.readMap(call.image());
  return call.made(call.builder.adaptiveAvgPool(tensor, ...adaptive(call), call.node.name));
}

/** The mean over dimensions that are the map's rows, its columns, or both. */
function mean(call: Call): { made: ImageTensor; pixels: number } {
  call.checkDtype();
  const image = call.image();
  const rank = image.dims.length;
  const axes = new Set(call.integers("dim", []).map((axis) => call.axis(rank, axis)));
  if (axes.size === 0) return refuse("takes the mean over everything");
  const { read: { tensor, shape }, dims } = call.ordered(image);
  const pixels = shape.height * shape.width;
  const gone = [...axes].flatMap((axis) => {
    const dim = dims[axis];
    return dim === "batch" ? refuse("takes the mean over the batch") : dim;
  });
  // Where rows end and columns begin can be told by the steps.
  const over = { rows: 1, columns: 1 };
  for (const { size, stride } of gone) {
    if (stride * size > pixels) return refuse("takes the mean over channels, for which there is no op");
    if (stride >= shape.width) over.rows *= size;
    else if (stride * size <= shape.width) over.columns *= size;
    else [over.rows, over.columns] = [over.rows * ((stride * size) / shape.width), over.columns * (shape.width / stride)];
  }
  const whole = (count: number, size: number): boolean => count === 1 || count === size;
  if (!whole(over.rows, shape.height) || !whole(over.columns, shape.width)) return refuse("takes the mean over a part of the map; use an average pool");
  const [height, width] = [over.rows === 1 ? shape.height : 1, over.columns === 1 ? shape.width : 1];
  const made = call.builder.adaptiveAvgPool(tensor, height, width, call.node.name);
  const restepped = dims.map((dim, axis) =>
    dim === "batch" ? dim : axes.has(axis) ? [] : dim.map(({ size, stride }) => ({ size, stride: stride >= pixels ? (stride / pixels) * height * width : stride >= shape.width && width === 1 ? stride / shape.width : stride })));
  const keep = call.boolean("keepdim", false);
  return { made: call.over(made, restepped.filter((_, axis) => keep || !axes.has(axis))), pixels: over.rows * over.columns };
}

export const pooling: Rules = {
  "max_pool2d.default": maxPool,
  "max_pool2d_with_indices.default": (call) => [maxPool(call), null],
  "avg_pool2d.default": avgPool,
  "adaptive_avg_pool2d.default": adaptiveAvgPool,
  "_adaptive_avg_pool2d.default": adaptiveAvgPool,
  "adaptive_max_pool2d.default": (call) => {
    const { tensor, shape } = call.readMap(call.image());
    if (adaptive(call).some((size) => size !== 1)) return refuse("pools maxima to several pixels; use max_pool2d");
    return [call.made(call.builder.maxPool(tensor, [shape.height, shape.width], { name: call.node.name })), null];
  },
  "mean.dim": (call) => mean(call).made,
  "sum.dim_IntList": (call) => {
    const { made, pixels } = mean(call);
    return call.over(call.builder.scale(made.memory.read(), [pixels], [0]), made.dims);
  },
};
