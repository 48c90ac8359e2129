/**
 * A network as an ONNX file, written by hand: the few messages of onnx.proto3 that it takes, in protobuf's wire format.
 * Field numbers: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto3
 */
const FLOAT = 1;
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

const initializer = (name, { shape, data }) => message(5, ...shape.map((size) => whole(1, size)), whole(2, FLOAT), text(8, name), bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)));

/** A size that is a text stays open. */
const valueInfo = (field, name, shape) => message(field, text(1, name), message(2, message(1, whole(1, FLOAT), message(2, ...shape.map((size) => message(1, typeof size === "string" ? text(2, size) : whole(1, size)))))));

const window = ({ kernel, stride, pad }) => ({ kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [pad, pad, pad, pad] });

function operators(node) {
  const { input, output, name } = node;
  switch (node.op) {
    case "conv2d": return [operator("Conv", [input, `${name}.weight`], output, window(node))];
    case "batch_norm": return [operator("BatchNormalization", [input, ...["weight", "bias", "running_mean", "running_var"].map((part) => `${name}.${part}`)], output, { epsilon: { float: 1e-5 } })];
    case "relu": return [operator("Relu", [input], output)];
    case "add": return [operator("Add", [input, node.other], output)];
    case "max_pool": return [operator("MaxPool", [input], output, window(node))];
    case "avg_pool": return [operator("GlobalAveragePool", [input], `${output}#map`), operator("Flatten", [`${output}#map`], output)];
    case "linear": return [operator("Gemm", [input, `${name}.weight`, `${name}.bias`], output, { transB: 1 })];
    default: throw new Error(`there is no ONNX operator for ${node.op}`);
  }
}

/** The model's bytes; the batch size stays open. */
export function toOnnx(graph, tensors, { channels, height, width }, classes) {
  const body = [
    ...graph.nodes.flatMap(operators),
    text(2, "network"),
    ...[...tensors].map(([name, tensor]) => initializer(name, tensor)),
    valueInfo(11, graph.input, ["batch", channels, height, width]),
    valueInfo(12, graph.output, ["batch", classes]),
  ];
  return Buffer.concat([whole(1, 8), message(7, ...body), message(8, text(1, ""), whole(2, 17))]);
}
