import { isPixel, sameMap, shapeText } from "../../../layout/shape.js";
import type { Call, Rules } from "../call.js";
import { type Dims, sizesOf, sizesText } from "../layout.js";
import { refuse } from "../refusal.js";
import type { ConstantTensor, ImageTensor, Value } from "../values.js";

/** What an image's tensor is computed with: another, or numbers: one, or one for each channel. */
type Operand = ImageTensor | number | ConstantTensor;

function operand(call: Call, name: string): Operand {
  const argument = call.argument(name);
  if (argument?.kind === "number") return argument.value;
  const value: Value = call.value(name) ?? refuse(`gets no ${name}`);
  if (value.kind === "image") return call.asImage(value);
  if (value.kind === "constant") return value;
  return refuse(value.kind === "log-probabilities" ? "goes on behind a log_softmax, which has to be the end" : "computes with the size of the batch");
}

/** Numbers of a constant for the channels of an image's tensor; one for all, or one for each. */
function perChannel(call: Call, constant: ConstantTensor, image: ImageTensor): number[] {
  const sizes = sizesOf(image.dims);
  if (!constant.isFloat || constant.transposed || constant.sizes.length > sizes.length) return refuse(`computes with a tensor of sizes [${constant.sizes.join(", ")}], of another type or shape than the map`);
  const aligned = [...sizes.map(() => 1).slice(constant.sizes.length), ...constant.sizes];
  if (!aligned.every((size, axis) => size === 1 || (axis === 1 && size === sizes[1]))) return refuse(`computes with a tensor of sizes [${constant.sizes.join(", ")}]; there is an op for one number, or one for each channel`);
  return Array.from(call.environment.numbersOf(constant), Number);
}

function scaled(call: Call, image: ImageTensor, by: number | ConstantTensor, made: (number: number) => { factor: number; shift: number }): ImageTensor {
  const numbers = typeof by === "number" ? [by] : perChannel(call, by, image);
  const parts = numbers.map(made);
  if (!parts.every(({ factor, shift }) => Number.isFinite(factor) && Number.isFinite(shift))) return refuse("computes with a number that is not finite, or divides by zero");
  const [factor, shift] = [parts.map((part) => part.factor), parts.map((part) => part.shift)];
  // One number for all does the same wherever the elements lie.
  if (numbers.length === 1) return call.over(call.builder.scale(image.memory.read(), factor, shift, call.node.name), image.dims);
  const { tensor, shape } = call.read(image);
  if (shape.channels !== numbers.length) return refuse(`computes with ${numbers.length} numbers for ${shape.channels} channels`);
  return call.like(image, call.builder.scale(tensor, factor, shift, call.node.name));
}

/** Without the repetitions of `expand`. */
const unrepeated = (image: ImageTensor): ImageTensor => ({ ...image, dims: image.dims.map((dim) => (dim === "batch" ? dim : dim.filter(({ stride }) => stride > 0))) });

const sameDims = (a: Dims, b: Dims): boolean => JSON.stringify(a) === JSON.stringify(b);

/** Two tensors of equal sizes, or one that has a single pixel for the other's many. */
function joined(call: Call, a: ImageTensor, b: ImageTensor, make: (a: string, b: string) => string): ImageTensor {
  const [sizesA, sizesB] = [sizesOf(a.dims), sizesOf(b.dims)];
  const wanted = sizesA.map((size, axis) => (size === 1 ? sizesB[axis] : size));
  if (sizesA.length !== sizesB.length || !wanted.every((size, axis) => sizesB[axis] === size || sizesB[axis] === 1)) return refuse(`joins tensors of ${sizesText(a.dims)} and ${sizesText(b.dims)}`);
  if (sameDims(a.dims, b.dims) && sameMap(a.memory.shape, b.memory.shape) && a.memory.shape.channels === b.memory.shape.channels) return call.over(make(a.memory.read(), b.memory.read()), a.dims);
  const [first, second] = [call.read(unrepeated(a)), call.read(unrepeated(b))];
  if (first.shape.channels !== second.shape.channels || !(sameMap(first.shape, second.shape) || isPixel(first.shape) || isPixel(second.shape))) {
    return refuse(`joins maps of ${shapeText(first.shape)} and ${shapeText(second.shape)}; there is an op for maps of one shape, or a single pixel with as many channels`);
  }
  const result = call.like(a, make(first.tensor, second.tensor));
  if (sizesOf(result.dims).some((size, axis) => size !== wanted[axis])) return refuse(`repeats both of its tensors, ${sizesText(a.dims)} and ${sizesText(b.dims)}`);
  return result;
}

/** first + factor * second */
function sum(call: Call, first: Operand, second: Operand, factor: number): ImageTensor {
  if (isImage(first) && isImage(second)) return joined(call, first, second, (a, b) => call.builder.add(a, b, { alpha: factor, name: call.node.name }));
  if (isImage(first) && !isImage(second)) return scaled(call, first, second, (number) => ({ factor: 1, shift: factor * number }));
  if (isImage(second) && !isImage(first)) return scaled(call, second, first, (number) => ({ factor, shift: number }));
  return refuse("computes something that does not depend on the images, such as weights from other weights");
}

const isImage = (operand: Operand): operand is ImageTensor => typeof operand === "object" && operand.kind === "image";

const add = (sign: 1 | -1) => (call: Call): ImageTensor => sum(call, operand(call, "self"), operand(call, "other"), sign * call.number("alpha", 1));

/** other - alpha * self */
const reversed = (call: Call): ImageTensor => sum(call, operand(call, "other"), operand(call, "self"), -call.number("alpha", 1));

function multiply(call: Call): ImageTensor {
  const [first, second] = [operand(call, "self"), operand(call, "other")];
  if (isImage(first) && isImage(second)) return joined(call, first, second, (a, b) => call.builder.multiply(a, b, call.node.name));
  const times = (number: number) => ({ factor: number, shift: 0 });
  if (isImage(first) && !isImage(second)) return scaled(call, first, second, times);
  return isImage(second) && !isImage(first) ? scaled(call, second, first, times) : refuse("computes something that does not depend on the images, such as weights from other weights");
}

function divide(call: Call): ImageTensor {
  const by = operand(call, "other");
  return isImage(by) ? refuse("divides by a map, for which there is no op") : scaled(call, call.image(), by, (number) => ({ factor: 1 / number, shift: 0 }));
}

const negate = (call: Call): ImageTensor => scaled(call, call.image(), -1, (factor) => ({ factor, shift: 0 }));

/** The square alone: other powers have no op. */
function power(call: Call): ImageTensor {
  if (call.number("exponent") !== 2) return refuse(`raises to the power of ${call.number("exponent")}; there is an op for squares`);
  return squared(call);
}

function squared(call: Call): ImageTensor {
  const { memory, dims } = call.image();
  return call.over(call.builder.multiply(memory.read(), memory.read(), call.node.name), dims);
}

export const arithmetic: Rules = {
  "add.Tensor": add(1),
  "add.Scalar": add(1),
  "sub.Tensor": add(-1),
  "sub.Scalar": add(-1),
  "rsub.Scalar": reversed,
  "rsub.Tensor": reversed,
  "mul.Tensor": multiply,
  "mul.Scalar": multiply,
  "div.Tensor": divide,
  "div.Scalar": divide,
  "subtract.Tensor": add(-1),
  "multiply.Tensor": multiply,
  "divide.Tensor": divide,
  "true_divide.Tensor": divide,
  "neg.default": negate,
  "negative.default": negate,
  "square.default": squared,
  "pow.Tensor_Scalar": power,
};
