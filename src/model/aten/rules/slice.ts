import type { Call, Rules } from "../call.js";
import { isInOrder, sizesOf, sizesText, type Dims } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor } from "../values.js";

const without = (dims: Dims, axis: number): Dims => dims.filter((_, i) => i !== axis);

/** `count` places of a dimension from `from` on, in the same memory. They have to be a run of whole channels. */
function narrow(call: Call, image: ImageTensor, axis: number, from: number, count: number): ImageTensor {
  const size = sizesOf(image.dims)[axis];
  if (size === null) return refuse("takes some of the images of a batch");
  if (!(from >= 0 && count >= 1 && from + count <= size)) return refuse(`takes places ${from} to ${from + count} of ${size}`);
  if (count === size) return image;
  let { memory, dims } = image;
  if (!isInOrder(dims, memory.shape)) {
    const ordered = call.ordered(image);
    [memory, dims] = [memory.maybeCopy(ordered.read.tensor), ordered.dims];
  }
  const { channels, height, width } = memory.shape;
  const step = (channels * height * width) / size;
  const outermost = sizesOf(dims).every((other, i) => i >= axis || other === null || other === 1);
  if (!outermost || step % (height * width) !== 0) return refuse(`cuts ${sizesText(dims)} along dimension ${axis}; there is an op for channels`);
  const each = step / (height * width);
  return { kind: "image", memory: memory.slice(from * each, count * each), dims: dims.map((dim, i) => (i !== axis ? dim : count === 1 ? [] : [{ size: count, stride: step }])) };
}

/** Every `step`-th row or column from the first on: an average over windows of one pixel. */
function subsample(call: Call, image: ImageTensor, axis: number, step: number): ImageTensor {
  const { tensor, shape } = call.readMap(image);
  if (axis < 2) return refuse("takes every so manieth channel, for which there is no op");
  const made = call.builder.avgPool(tensor, 1, { stride: axis === 2 ? [step, 1] : [1, step] });
  const memory = image.memory.maybeCopy(made, call.builder.shapeOf(made));
  return shape.height * shape.width === 1 ? image : { ...call.made(made), memory };
}

function slice(call: Call): ImageTensor | ConstantTensor {
  const input = call.input();
  // PyTorch writes [None, :] as a slice that takes all.
  if (input.kind === "constant" && call.number("start", 0) === 0 && call.number("end", Infinity) === Infinity && call.number("step", 1) === 1) return input;
  const image = call.asImage(input);
  const axis = call.axis(image.dims.length, call.integer("dim", 0));
  const size = sizesOf(image.dims)[axis];
  const bound = (name: string, otherwise: number): number => {
    const given = call.number(name, otherwise);
    if (size === null) return given;
    return Math.min(Math.max(given < 0 ? given + size : given, 0), size);
  };
  const step = call.integer("step", 1);
  if (size === null) return bound("start", 0) === 0 && bound("end", Infinity) === Infinity && step === 1 ? image : refuse("takes some of the images of a batch");
  const [from, to] = [bound("start", 0), bound("end", Infinity)];
  if (step === 1) return narrow(call, image, axis, from, to - from);
  return step > 1 && from === 0 && to === size ? subsample(call, image, axis, step) : refuse(`takes places ${from} to ${to} in steps of ${step}`);
}

function select(call: Call): ImageTensor {
  const image = call.image();
  const axis = call.axis(image.dims.length, call.integer("dim"));
  const size = sizesOf(image.dims)[axis] ?? refuse("takes some of the images of a batch");
  const { memory, dims } = narrow(call, image, axis, call.axis(size, call.integer("index")), 1);
  return { kind: "image", memory, dims: without(dims, axis) };
}

/** Consecutive pieces of a dimension. */
function pieces(call: Call, sizes: (size: number) => number[]): ImageTensor[] {
  const image = call.image();
  const axis = call.axis(image.dims.length, call.integer("dim", 0));
  const size = sizesOf(image.dims)[axis] ?? refuse("takes some of the images of a batch");
  const counts = sizes(size);
  if (counts.reduce((a, b) => a + b, 0) !== size) return refuse(`divides ${size} places into ${counts.slice(0, 8).join(" + ")}`);
  let from = 0;
  return counts.map((count) => {
    from += count;
    return narrow(call, image, axis, from - count, count);
  });
}

function evenly(size: number, each: number): number[] {
  if (!(each >= 1)) return refuse(`divides into pieces of ${each}`);
  return Array.from({ length: Math.ceil(size / each) }, (_, i) => Math.min(each, size - i * each));
}

function unbind(call: Call): ImageTensor[] {
  const image = call.image();
  const axis = call.axis(image.dims.length, call.integer("dim", 0));
  return pieces(call, (size) => evenly(size, 1)).map(({ memory, dims }) => ({ kind: "image", memory, dims: without(dims, axis) }));
}

export const slicing: Rules = {
  "slice.Tensor": slice,
  "select.int": select,
  "narrow.default": (call) => {
    const image = call.image();
    return narrow(call, image, call.axis(image.dims.length, call.integer("dim")), call.integer("start"), call.integer("length"));
  },
  "chunk.default": (call) => pieces(call, (size) => evenly(size, Math.ceil(size / call.integer("chunks")))),
  "split.Tensor": (call) => pieces(call, (size) => evenly(size, call.integer("split_size"))),
  "split.sizes": (call) => pieces(call, () => call.integers("split_size")),
  "split_with_sizes.default": (call) => pieces(call, () => call.integers("split_sizes")),
  "unbind.int": unbind,
};
