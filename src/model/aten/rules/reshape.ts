import type { Call, Rule, Rules } from "../call.js";
import { type Dims, mapDims, reshaped, sizeOf, sizesOf, sizesText } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor } from "../values.js";

type Tensor = ImageTensor | ConstantTensor;

/** Other sizes of the same elements in the same order. */
function sized(call: Call, tensor: Tensor, name: string): Tensor {
  if (tensor.kind === "image") return { ...call.asImage(tensor), dims: reshaped(tensor.dims, batchFirst(tensor, call.sizes(name))) };
  const numel = tensor.sizes.reduce((a, b) => a * b, 1);
  const argument = call.argument(name);
  const given = argument?.kind === "sizes" ? argument.values : refuse("gets no sizes");
  const known = given.reduce<number>((product, size) => (typeof size !== "number" ? refuse("gives a parameter the size of the batch") : size === -1 ? product : product * size), 1);
  const sizes = given.map((size) => (size === -1 ? numel / known : (size as number)));
  if (tensor.transposed || sizes.reduce((a, b) => a * b, 1) !== numel) return refuse(`asks for sizes [${given.join(", ")}] of a parameter of [${tensor.sizes.join(", ")}]`);
  return { ...tensor, sizes };
}

/** Sizes with the batch in front, also where that was left to be counted. */
function batchFirst(image: ImageTensor, sizes: (number | null)[]): (number | null)[] {
  const [first, ...rest] = sizes;
  const numel = sizeOf(image.dims.flatMap((dim) => (dim === "batch" ? [] : dim)));
  if (first === -1 && !rest.includes(-1) && !rest.includes(null) && (rest as number[]).reduce((a, b) => a * b, 1) === numel) return [null, ...rest];
  return sizes;
}

/** What PyTorch copies if the memory lies in another order; a graph does not say. */
const maybe = (tensor: Tensor): Tensor => (tensor.kind === "image" ? { ...tensor, memory: tensor.memory.maybeCopy() } : tensor);

const view = (name: string): Rule => (call) => sized(call, call.input(), name);

function flatten(call: Call): Tensor {
  const image = call.image();
  const rank = image.dims.length;
  const [from, to] = [call.axis(rank, call.integer("start_dim", 0)), call.axis(rank, call.integer("end_dim", -1))];
  const sizes = sizesOf(image.dims);
  const joined = sizes.slice(from, to + 1);
  if (from > to || (joined.length > 1 && joined.includes(null))) return refuse("flattens the batch with its images");
  if (joined.length === 1) return image;
  return maybe({ ...image, dims: reshaped(image.dims, [...sizes.slice(0, from), (joined as number[]).reduce((a, b) => a * b, 1), ...sizes.slice(to + 1)]) });
}

function unflatten(call: Call): Tensor {
  const image = call.image();
  const axis = call.axis(image.dims.length, call.integer("dim"));
  const sizes = sizesOf(image.dims);
  return { ...image, dims: reshaped(image.dims, [...sizes.slice(0, axis), ...call.integers("sizes"), ...sizes.slice(axis + 1)]) };
}

/** @param order which dimension comes where */
function permuted(tensor: Tensor, order: number[]): Tensor {
  if (tensor.kind === "image") return { ...tensor, dims: order.map((axis) => tensor.dims[axis]) };
  if (order.every((axis, i) => axis === i)) return tensor;
  if (tensor.shape.length !== 2 || tensor.sizes !== tensor.shape) return refuse("swaps dimensions of a parameter that is no matrix");
  return { ...tensor, transposed: !tensor.transposed };
}

const rankOf = (tensor: Tensor): number => (tensor.kind === "image" ? tensor.dims : tensor.sizes).length;

function input(call: Call): Tensor {
  const tensor = call.input();
  return tensor.kind === "image" ? call.asImage(tensor) : tensor;
}

function permute(call: Call): Tensor {
  const tensor = input(call);
  const order = call.integers("dims").map((axis) => call.axis(rankOf(tensor), axis));
  if (new Set(order).size !== rankOf(tensor)) return refuse(`puts dimensions in the order [${order.join(", ")}]`);
  return permuted(tensor, order);
}

function transpose(call: Call, first: number, second: number): Tensor {
  const tensor = input(call);
  const order = Array.from({ length: rankOf(tensor) }, (_, i) => i);
  const [a, b] = [call.axis(order.length, first), call.axis(order.length, second)];
  [order[a], order[b]] = [b, a];
  return permuted(tensor, order);
}

/** Drops dimensions of size 1. */
function squeeze(call: Call, wanted: number[] | null): Tensor {
  const image = call.image();
  const sizes = sizesOf(image.dims);
  const axes = (wanted ?? sizes.map((_, axis) => axis)).map((axis) => call.axis(sizes.length, axis));
  if (call.environment.batch === 1 && axes.some((axis) => sizes[axis] === null)) return refuse("drops the dimension of the example's batch of one; export with a batch of two images or more, or name the dimensions");
  return { ...image, dims: image.dims.filter((_, axis) => !(axes.includes(axis) && sizes[axis] === 1)) };
}

function unsqueeze(call: Call): Tensor {
  const tensor = input(call);
  const axis = call.axis(rankOf(tensor) + 1, call.integer("dim"));
  const inserted = <T>(items: readonly T[], item: T): T[] => [...items.slice(0, axis), item, ...items.slice(axis)];
  return tensor.kind === "image" ? { ...tensor, dims: inserted(tensor.dims, []) } : { ...tensor, sizes: inserted(tensor.sizes, 1) };
}

/** Repeats dimensions of size 1. */
function repeated(image: ImageTensor, sizes: (number | null)[]): ImageTensor {
  const own = sizesOf(image.dims);
  if (own.length !== sizes.length) return refuse(`repeats ${sizesText(image.dims)} to ${sizes.length} dimensions`);
  const dims: Dims = image.dims.map((dim, axis) => {
    const size = sizes[axis];
    if (size === -1 || size === own[axis]) return dim;
    return dim !== "batch" && own[axis] === 1 && size !== null && size > 0 && Number.isSafeInteger(size) ? [{ size, stride: 0 }] : refuse(`repeats ${sizesText(image.dims)} to [${sizes.map((n) => n ?? "batch").join(", ")}]`);
  });
  return { ...image, dims };
}

/** Channels put behind themselves, so many times. */
function tiled(call: Call, name: string): ImageTensor {
  const { tensor } = call.readMap(call.image());
  const counts = call.integers(name);
  const [count] = counts.slice(-3);
  if (counts.length < 3 || !(count >= 1 && count <= 4096) || counts.some((n, i) => n !== 1 && i !== counts.length - 3)) return refuse(`repeats by [${counts.slice(0, 8).join(", ")}]; there is an op for channels`);
  return call.made(call.builder.concat(Array.from({ length: count }, () => tensor), call.node.name));
}

/** A dimension goes to another place, the others keep their order. */
function moved(call: Call): Tensor {
  const tensor = input(call);
  const rank = rankOf(tensor);
  const [from, to] = [call.axis(rank, call.integer("source")), call.axis(rank, call.integer("destination"))];
  const others = Array.from({ length: rank }, (_, i) => i).filter((axis) => axis !== from);
  return permuted(tensor, [...others.slice(0, to), from, ...others.slice(to)]);
}

/** The channel shuffle as one op. */
function shuffle(call: Call): ImageTensor {
  const { tensor, shape } = call.readMap(call.image());
  const groups = call.integer("groups");
  if (!(groups >= 1) || shape.channels % groups !== 0) return refuse(`deals ${shape.channels} channels out to ${groups} groups`);
  return call.over(call.builder.shuffle(tensor, groups, call.node.name), mapDims(shape));
}

export const reshaping: Rules = {
  "view.default": view("size"),
  "_unsafe_view.default": view("size"),
  "reshape.default": (call) => maybe(sized(call, call.input(), "shape")),
  "flatten.using_ints": flatten,
  "unflatten.int": unflatten,
  "permute.default": permute,
  "transpose.int": (call) => transpose(call, call.integer("dim0"), call.integer("dim1")),
  "swapaxes.default": (call) => transpose(call, call.integer("axis0"), call.integer("axis1")),
  "swapdims.default": (call) => transpose(call, call.integer("dim0"), call.integer("dim1")),
  "movedim.int": moved,
  "moveaxis.int": moved,
  "t.default": (call) => transpose(call, 0, 1),
  "squeeze.default": (call) => squeeze(call, null),
  "squeeze.dim": (call) => squeeze(call, [call.integer("dim")]),
  "squeeze.dims": (call) => squeeze(call, call.integers("dim")),
  "unsqueeze.default": unsqueeze,
  "expand.default": (call) => repeated(call.image(), call.sizes("size")),
  "expand_as.default": (call) => repeated(call.image(), sizesOf(call.asImage(call.value("other") ?? refuse("gets no other")).dims)),
  "repeat.default": (call) => tiled(call, "repeats"),
  "tile.default": (call) => tiled(call, "dims"),
  "contiguous.default": (call) => maybe(input(call)),
  "sym_size.int": (call) => {
    const image = call.image();
    return { kind: "size", size: sizesOf(image.dims)[call.axis(image.dims.length, call.integer("dim"))] ?? "batch" };
  },
  "channel_shuffle.default": shuffle,
  "native_channel_shuffle.default": shuffle,
};
