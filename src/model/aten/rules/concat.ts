import type { Call, Rules } from "../call.js";
import { type Dims, isInOrder, mapDims, reshaped, sizeOf, sizesOf, sizesText } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

function concat(call: Call): ImageTensor {
  const images = call.images("tensors");
  if (images.length === 0) return refuse("joins nothing");
  const rank = images[0].dims.length;
  if (images.some(({ dims }) => dims.length !== rank) || (rank !== 2 && rank !== 4)) return refuse(`joins tensors of ${images.map(({ dims }) => sizesText(dims)).join(" and ")}`);
  if (call.axis(rank, call.integer("dim", 0)) !== 1) return refuse("joins maps side by side, or images; there is an op for channels behind channels");
  return call.like(images[0], call.builder.concat(images.map((image) => call.read(image).tensor), call.node.name));
}

/** Tensors of equal sizes in a new dimension: their channels one behind the other, stepped through in another order. */
function stack(call: Call): ImageTensor {
  const images = call.images("tensors");
  if (images.length === 0) return refuse("joins nothing");
  const reads = images.map((image) => call.ordered(image));
  const [{ read: { shape }, dims }] = reads;
  const sizes = sizesOf(dims);
  if (!reads.every((one) => JSON.stringify(sizesOf(one.dims)) === JSON.stringify(sizes) && isInOrder(one.dims, one.read.shape) && one.read.shape.height === shape.height && one.read.shape.width === shape.width)) {
    return refuse("stacks tensors of several shapes");
  }
  const tensor = call.builder.concat(reads.map(({ read }) => read.tensor), call.node.name);
  const axis = call.axis(dims.length + 1, call.integer("dim", 0));
  if (axis === 0) return refuse("stacks in front of the batch");
  const numel = sizeOf(mapDims(shape).flatMap((dim) => (dim === "batch" ? [] : dim)));
  const stacked: Dims = [...reshaped(mapDims(shape), sizes)];
  return call.over(tensor, [...stacked.slice(0, axis), images.length === 1 ? [] : [{ size: images.length, stride: numel }], ...stacked.slice(axis)]);
}

export const concatenation: Rules = {
  "cat.default": concat,
  "concat.default": concat,
  "concatenate.default": concat,
  "stack.default": stack,
};
