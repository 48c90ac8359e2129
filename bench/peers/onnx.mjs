/**
 * A network as an ONNX file, written by hand: the few messages of onnx.proto3 that it takes, in protobuf's wire format.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
import { inferShapes } from "../../dist/src/model/graph.js";

const FLOAT = 1;
const INT64 = 7;
const ATTRIBUTE = { FLOAT: 1, INT: 2, INTS: 7 };

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

const whole = (field, value) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field, value) => Buffer.concat([varint(field * 8 + 2), varint(value.length), value]);
const text = (field, value) => bytes(field, Buffer.from(value));
const message = (field, ...parts) => bytes(field, Buffer.concat(parts));

function float(field, value) {
  const four = Buffer.alloc(4);
  four.writeFloatLE(value);
  return Buffer.concat([varint(field * 8 + 5), four]);
}

/** An integer, a list of them, or { float }. */
function attribute(name, value) {
  if (Array.isArray(value)) return message(5, text(1, name), ...value.map((item) => whole(8, item)), whole(20, ATTRIBUTE.INTS));
  if (typeof value === "number") return message(5, text(1, name), whole(3, value), whole(20, ATTRIBUTE.INT));
  return message(5, text(1, name), float(2, value.float), whole(20, ATTRIBUTE.FLOAT));
}

const operator = (type, inputs, output, attributes = {}) =>
  message(1, ...inputs.map((input) => text(1, input)), text(2, output), text(4, type), ...Object.entries(attributes).map(([name, value]) => attribute(name, value)));

const initializer = (name, { shape, data }) => message(5, ...shape.map((size) => whole(1, size)), whole(2, data instanceof BigInt64Array ? INT64 : FLOAT), text(8, name), bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)));

/** A size that is a text stays open. */
const valueInfo = (field, name, shape) => message(field, text(1, name), message(2, message(1, whole(1, FLOAT), message(2, ...shape.map((size) => message(1, typeof size === "string" ? text(2, size) : whole(1, size)))))));

const window = ({ kernel, stride, pad, dilation, padEnd = [0, 0] }) => ({ kernel_shape: [...kernel], strides: [...stride], pads: [...pad, pad[0] + padEnd[0], pad[1] + padEnd[1]], dilations: [...dilation] });

/** @param constant makes an initializer of these numbers and names it */
function operators(node, shapes, constant) {
  const { inputs, output } = node;
  const [input] = inputs;
  switch (node.op) {
    case "conv2d": return [operator("Conv", [input, node.weight, ...(node.bias ? [node.bias] : [])], output, { ...window(node), group: node.groups })];
    case "batch_norm": return [operator("BatchNormalization", [input, node.weight, node.bias, node.mean, node.variance], output, { epsilon: { float: node.epsilon } })];
    case "activation":
      if (node.kind === "relu") return [operator("Relu", [input], output)];
      if (node.kind === "relu6") return [operator("Clip", [input, constant([], Float32Array.of(0)), constant([], Float32Array.of(6))], output)];
      break;
    case "add": return [operator("Add", inputs, output)];
    case "concat": return [operator("Concat", inputs, output, { axis: 1 })];
    case "slice": return [operator("Slice", [input, ...[node.from, node.from + node.count, 1].map((at) => constant([1], BigInt64Array.of(BigInt(at))))], output)];
    case "shuffle": {
      const { channels, height, width } = shapes.get(input);
      const shape = (...sizes) => constant([sizes.length], BigInt64Array.from(sizes, BigInt));
      return [
        operator("Reshape", [input, shape(-1, node.groups, channels / node.groups, height, width)], `${output}#groups`),
        operator("Transpose", [`${output}#groups`], `${output}#turned`, { perm: [0, 2, 1, 3, 4] }),
        operator("Reshape", [`${output}#turned`, shape(-1, channels, height, width)], output),
      ];
    }
    case "max_pool": return [operator("MaxPool", [input], output, { ...window(node), ceil_mode: Number(node.ceil) })];
    case "avg_pool": {
      const { dilations: _, ...rest } = window(node);
      return [operator("AveragePool", [input], output, { ...rest, ceil_mode: Number(node.ceil), count_include_pad: Number(node.countPadding) })];
    }
    case "adaptive_avg_pool":
      if (node.height * node.width === 1) return [operator("GlobalAveragePool", [input], output)];
      break;
    case "flatten": return [operator("Flatten", [input], output)];
    case "linear": return [operator("Flatten", [input], `${output}#vector`), operator("Gemm", [`${output}#vector`, node.weight, node.bias], output, { transB: 1 })];
  }
  throw new Error(`there is no ONNX operator for ${node.op}${node.kind ? ` ${node.kind}` : ""}`);
}

/** The model's bytes; the batch size stays open. */
export function toOnnx(graph, tensors, image, classes) {
  const constants = [];
  const constant = (shape, data) => {
    const name = `constant${constants.length}`;
    constants.push(initializer(name, { shape, data }));
    return name;
  };
  const shapes = inferShapes(graph, image);
  const body = [
    ...graph.nodes.flatMap((node) => operators(node, shapes, constant)),
    operator("Flatten", [graph.output], "logits"), // some networks end with a map of one pixel
    text(2, "network"),
    ...constants,
    ...[...tensors].map(([name, tensor]) => initializer(name, tensor)),
    valueInfo(11, graph.input, ["batch", image.channels, image.height, image.width]),
    valueInfo(12, "logits", ["batch", classes]),
  ];
  return Buffer.concat([whole(1, 8), message(7, ...body), message(8, text(1, ""), whole(2, 17))]);
}
