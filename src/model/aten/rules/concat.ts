import { sameMap } from "../../../layout/shape.js";
import type { Call, Rules } from "../call.js";
import { mapDims, reshaped, sizesOf, sizesText } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ImageTensor } from "../values.js";

/** Channels behind channels; along other dimensions, equal tensors are put together and their elements stepped through in another order. */
function concat(call: Call, images: ImageTensor[], axis: number): ImageTensor {
  const rank = images[0].dims.length;
  if (images.some(({ dims }) => dims.length !== rank)) return refuse(`joins tensors of ${images.map(({ dims }) => sizesText(dims)).join(" and ")}`);
  if (axis === 1 && (rank === 2 || rank === 4)) return call.like(images[0], call.builder.concat(images.map((image) => call.read(image).tensor), call.node.name));
  const reads = images.map((image) => call.ordered(image));
  const [{ read: { shape }, dims }] = reads;
  const sizes = sizesOf(dims);
  if (axis === 0 || !reads.every((one) => sameMap(one.read.shape, shape) && JSON.stringify(sizesOf(one.dims)) === JSON.stringify(sizes))) return refuse("joins images, or tensors of several shapes by another dimension than channels");
  const tensor = call.builder.concat(reads.map(({ read }) => read.tensor), call.node.name);
  const outer = images.length === 1 ? [] : [{ size: images.length, stride: shape.channels * shape.height * shape.width }];
  return call.over(tensor, reshaped(mapDims(shape), sizes).map((dim, i) => (i === axis && dim !== "batch" ? [...outer, ...dim] : dim)));
}

function concatOf(call: Call): ImageTensor {
  const images = call.images("tensors");
  return images.length === 0 ? refuse("joins nothing") : concat(call, images, call.axis(images[0].dims.length, call.integer("dim", 0)));
}

/** In a new dimension. */
function stack(call: Call): ImageTensor {
  const images = call.images("tensors");
  if (images.length === 0) return refuse("joins nothing");
  const axis = call.axis(images[0].dims.length + 1, call.integer("dim", 0));
  return concat(call, images.map((image) => ({ ...image, dims: [...image.dims.slice(0, axis), [], ...image.dims.slice(axis)] })), axis);
}

export const concatenation: Rules = {
  "cat.default": concatOf,
  "concat.default": concatOf,
  "concatenate.default": concatOf,
  "stack.default": stack,
};
