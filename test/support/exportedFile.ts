/** Files of torch.export.save put together by hand, so that tests can say what PyTorch never would: one convolution, mean, linear layer. */
import { zip } from "./io.js";

export type Part = Record<string, unknown>;

export const tensor = (name: string): Part => ({ as_tensor: { name } });
export const ints = (...values: number[]): Part => ({ as_ints: values });

export interface NodeParts {
  op: string;
  inputs?: Record<string, Part>;
  outputs?: Part[];
  metadata?: Part;
}

/** A node that makes the tensor of its name. */
export const node = (name: string, { op, inputs = {}, outputs = [tensor(name)], metadata = {} }: NodeParts): Part => ({
  name, target: `torch.ops.${op}`, outputs, metadata, is_hop_single_tensor_return: null,
  inputs: Object.entries(inputs).map(([key, arg]) => ({ name: key, arg, kind: 1 })),
});

/** Of shape, strides and the like, in a list of weights. */
export const entry = (sizes: number[], { dtype = 7, path = "weight_0", strides = sizes.map((_, i) => sizes.slice(i + 1).reduce((a, b) => a * b, 1)), offset = 0, layout = 7, pickle = false } = {}): Part => ({
  path_name: path, is_param: true, use_pickle: pickle,
  tensor_meta: { dtype, layout, sizes: sizes.map((as_int) => ({ as_int })), strides: strides.map((as_int) => ({ as_int })), storage_offset: { as_int: offset }, requires_grad: true, device: { type: "cpu", index: null } },
});

export const meta = (sizes: (number | Part)[], dtype = 7): Part => ({ dtype, sizes: sizes.map((size) => (typeof size === "number" ? { as_int: size } : size)) });

export const NODES = [
  node("conv", { op: "aten.conv2d.default", inputs: { input: tensor("x"), weight: tensor("p_conv_weight") } }),
  node("mean", { op: "aten.mean.dim", inputs: { self: tensor("conv"), dim: ints(2, 3) } }),
  node("linear", { op: "aten.linear.default", inputs: { input: tensor("mean"), weight: tensor("p_fc_weight") } }),
];

/** A network that goes through most of what graphs are read by. */
export const EVERY_NODE = [
  node("a", { op: "aten.conv2d.default", inputs: { input: tensor("x"), weight: tensor("p_conv_weight"), bias: { as_none: true }, stride: ints(1, 1), padding: ints(1, 1) } }),
  node("b", { op: "aten.relu_.default", inputs: { self: tensor("a") } }),
  node("s", { op: "aten.sym_size.int", inputs: { self: tensor("x"), dim: { as_int: 0 } }, outputs: [{ as_sym_int: { as_name: "s" } }] }),
  node("v", { op: "aten.view.default", inputs: { self: tensor("a"), size: { as_sym_ints: [{ as_name: "s" }, ...[1, 2, 5, 5].map((as_int) => ({ as_int }))] } } }),
  node("t", { op: "aten.transpose.int", inputs: { self: tensor("v"), dim0: { as_int: 1 }, dim1: { as_int: 2 } } }),
  node("r", { op: "aten.reshape.default", inputs: { self: tensor("t"), shape: ints(2, 2, 5, 5) } }),
  node("c", { op: "aten.chunk.default", inputs: { input: tensor("r"), chunks: { as_int: 2 }, dim: { as_int: 1 } }, outputs: [{ as_tensors: [{ name: "c0" }, { name: "c1" }] }] }),
  node("m", { op: "aten.mul_.Tensor", inputs: { self: tensor("c0"), other: { as_float: 0.5 } } }),
  node("d", { op: "aten.cat.default", inputs: { tensors: { as_tensors: [{ name: "c1" }, { name: "c0" }] }, dim: { as_int: 1 } } }),
  node("p", { op: "aten.max_pool2d.default", inputs: { self: tensor("d"), kernel_size: ints(2, 2), stride: ints(1, 1) } }),
  node("q", { op: "aten.pad.default", inputs: { self: tensor("p"), pad: ints(0, 0, 0, 0) } }),
  node("e", { op: "aten.add.Tensor", inputs: { self: tensor("q"), other: tensor("p"), alpha: { as_int: 2 } } }),
  node("conv", { op: "aten.slice.Tensor", inputs: { self: tensor("e"), dim: { as_int: 2 }, start: { as_int: 0 }, end: { as_int: 9007199254740991 }, step: { as_int: 2 } } }),
  node("mean", { op: "aten.mean.dim", inputs: { self: tensor("conv"), dim: ints(2, 3) } }),
  node("linear", { op: "aten.linear.default", inputs: { input: tensor("mean"), weight: tensor("p_fc_weight") } }),
];

export interface FileParts {
  nodes?: Part[];
  output?: Part;
  image?: Part;
  inputs?: Part[];
  /** Of further tensors. */
  metas?: Record<string, Part>;
  schema?: Part;
  config?: Part;
  weights?: Record<string, Uint8Array>;
  byteorder?: string;
  /** In place of the program's JSON. */
  json?: string;
  /** Left out of the archive. */
  without?: string;
  more?: [string, Uint8Array][];
}

const parameter = (name: string): Part => ({ parameter: { arg: { name: `p_${name.replaceAll(".", "_")}` }, parameter_name: name } });

/** 2x1x3x3 of one storage, 3x2 of another; each weight is a whole number. */
const WEIGHTS = { weight_0: Float32Array.from({ length: 18 }, (_, i) => i - 9), weight_1: Float32Array.from({ length: 6 }, (_, i) => i) };
export const bytesOf = (values: Float32Array): Uint8Array => new Uint8Array(values.buffer);

export function exportedFile({ nodes = NODES, output = tensor("linear"), image = meta([2, 1, 5, 5]), inputs = [], metas = {}, schema = { major: 8, minor: 20 }, config = {}, weights = {}, byteorder = "little", json, without = "", more = [] }: FileParts = {}): Buffer {
  const program = {
    graph_module: {
      graph: { inputs: [], outputs: [output], nodes, tensor_values: { x: image, ...metas } },
      signature: { input_specs: [parameter("conv.weight"), parameter("fc.weight"), ...inputs, { user_input: { arg: tensor("x") } }], output_specs: [{ user_output: { arg: output } }] },
    },
    schema_version: schema, torch_version: "2.14.1",
  };
  const list = { config: { "conv.weight": entry([2, 1, 3, 3]), "fc.weight": entry([3, 2], { path: "weight_1" }), ...config } };
  const stored = { weight_0: bytesOf(WEIGHTS.weight_0), weight_1: bytesOf(WEIGHTS.weight_1), ...weights };
  const parts: [string, Uint8Array][] = [
    ["net/archive_format", Buffer.from("pt2")],
    ["net/byteorder", Buffer.from(byteorder)],
    ["net/models/model.json", Buffer.from(json ?? JSON.stringify(program))],
    ["net/data/weights/model_weights_config.json", Buffer.from(JSON.stringify(list))],
    ["net/data/constants/model_constants_config.json", Buffer.from('{"config": {}}')],
    ...Object.entries(stored).map(([name, bytes]): [string, Uint8Array] => [`net/data/weights/${name}`, bytes]),
    ...more,
  ];
  return zip(parts.filter(([name]) => without === "" || !name.includes(without)));
}
