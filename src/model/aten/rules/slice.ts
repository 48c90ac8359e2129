import type { Call, Rules } from "../call.js";
import { isInOrder, sizesOf, sizesText, type Dims } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor } from "../values.js";

const without = (dims: Dims, axis: number): Dims => dims.filter((_, i) => i !== axis);

/** Another tensor of the graph that may share the image's memory: writing to either is noticed. */
function part(call: Call, image: ImageTensor, tensor: string): ImageTensor {
  return { ...call.made(tensor), memory: image.memory.maybeCopy(tensor, call.builder.shapeOf(tensor)) };
}

/** Rows or columns of a map from `from` to before `to`. */
function cropped(call: Call, tensor: string, axis: number, from: number, to: number): string {
  const { height, width } = call.builder.shapeOf(tensor);
  const [above, behind] = [-from, to - (axis === 2 ? height : width)];
  return above === 0 && behind === 0 ? tensor : call.builder.pad(tensor, axis === 2 ? [above, 0, behind, 0] : [0, above, 0, behind], call.node.name);
}

/** `count` places of a dimension from `from` on: a run of whole channels, in the same memory; or rows or columns of a map. */
function narrow(call: Call, image: ImageTensor, axis: number, from: number, count: number): ImageTensor {
  const size = sizesOf(image.dims)[axis];
  if (size === null) return refuse("takes some of the images of a batch");
  if (!(from >= 0 && count >= 1 && from + count <= size)) return refuse(`takes places ${from} to ${from + count} of ${size}`);
  if (count === size) return image;
  let { memory, dims } = image;
  if (!isInOrder(dims, memory.shape)) {
    const { read: { tensor, shape }, dims: ordered } = call.ordered(image);
    [memory, dims] = [memory.maybeCopy(tensor, shape), ordered];
  }
  const { channels, height, width } = memory.shape;
  const step = (channels * height * width) / size;
  const outermost = sizesOf(dims).every((other, i) => i >= axis || other === null || other === 1);
  if (!outermost || step % (height * width) !== 0) {
    if (dims.length !== 4 || axis < 2) return refuse(`cuts ${sizesText(dims)} along dimension ${axis}; there is an op for channels, rows and columns`);
    return part(call, image, cropped(call, call.readMap(image).tensor, axis, from, from + count));
  }
  const each = step / (height * width);
  return { kind: "image", memory: memory.slice(from * each, count * each), dims: dims.map((dim, i) => (i !== axis ? dim : count === 1 ? [] : [{ size: count, stride: step }])) };
}

/**
 * Every `step`-th of the places from `from` to before `to`. Of rows or columns, by an average over windows of one pixel; of channels,
 * those that a shuffle puts together.
 */
function subsample(call: Call, image: ImageTensor, axis: number, from: number, to: number, step: number): ImageTensor {
  const { tensor, shape: { channels } } = call.readMap(image);
  const { builder } = call;
  if (axis >= 2) return part(call, image, builder.avgPool(cropped(call, tensor, axis, from, to), 1, { stride: axis === 2 ? [step, 1] : [1, step] }));
  const count = channels / step;
  if (!Number.isInteger(count) || from >= step || to <= channels - step + from) return refuse(`takes channels ${from} to ${to} of ${channels} in steps of ${step}; there is an op for steps that divide them`);
  return part(call, image, builder.slice(builder.shuffle(tensor, count), from * count, count));
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
  return step > 1 && from < to ? subsample(call, image, axis, from, to, step) : refuse(`takes places ${from} to ${to} in steps of ${step}`);
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
  "tensor_split.sections": (call) => pieces(call, (size) => {
    const count = call.integer("sections");
    // The first ones are larger by one where it does not come out even.
    return count >= 1 && count <= size ? Array.from({ length: count }, (_, i) => Math.floor(size / count) + Number(i < size % count)) : refuse(`divides ${size} places into ${count}`);
  }),
  "unbind.int": unbind,
};
