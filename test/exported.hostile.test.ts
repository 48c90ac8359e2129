/** Exported programs that are damaged, hostile, or beyond what is done here: one line each, exit code 65, nothing executed, never another network. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseCheckpoint } from "../src/inputs/weights.js";
import { MemorySource } from "../src/io/source.js";
import { bytesOf, entry, exportedFile, ints, meta, node, NODES, tensor, type NodeParts, type Part } from "./support/exportedFile.js";
import { refuses, zip } from "./support/io.js";
import { call, global, pickle, text } from "./support/ioPickle.js";

const [conv, mean, linear] = NODES;
/** A node between the convolution and the mean. */
const between = (name: string, parts: NodeParts, ...more: Part[]): Buffer =>
  exportedFile({ nodes: [conv, node(name, parts), ...more, node("mean", { op: "aten.mean.dim", inputs: { self: tensor(name), dim: ints(2, 3) } }), linear] });
const unary = (op: string, inputs: Record<string, Part> = {}, metadata?: Part): Buffer => between("y", { op, inputs: { self: tensor("conv"), ...inputs }, metadata });
/** So many nodes in a row behind the convolution; the last makes "conv" again. */
const chain = (count: number, op: string, inputs: Record<string, Part> = {}): Part[] => Array.from({ length: count }, (_, i) => node(i === count - 1 ? "conv" : `n${i}`, { op, inputs: { self: tensor(i === 0 ? "conv" : `n${i - 1}`), ...inputs } }));
const doubled = (count: number): Part[] => chain(count, "aten.cat.default").map((one, i) => node(String(one.name), { op: "aten.cat.default", inputs: { tensors: { as_tensors: [0, 1].map(() => ({ name: i === 0 ? "conv" : `n${i - 1}` })) }, dim: { as_int: 1 } } }));
const float = (as_float: unknown): Part => ({ as_float });
const nested = (depth: number): string => `${"[".repeat(depth)}${"]".repeat(depth)}`;
const base = exportedFile();
const pickled = zip([["a/data.pkl", pickle(call(global("os", "system"), text("false")))]]);

const hostile: Record<string, [file: Buffer, message: RegExp]> = {
  // The archive
  "cut": [base.subarray(0, base.length - 40), /is cut short/],
  "without-its-weights-list": [exportedFile({ without: "weights_config" }), /has no part net\/data\/weights\/model_weights_config\.json/],
  "without-a-storage": [exportedFile({ without: "weight_1" }), /has no data for tensor "fc\.weight"/],
  "without-its-program": [exportedFile({ without: "models" }), /holds no exported program \(a compiled one, perhaps\)/],
  "without-byte-order": [exportedFile({ byteorder: "" }), /does not say the byte order/],
  "two-programs": [exportedFile({ more: [["net/models/other.json", Buffer.from("{}")]] }), /several exported programs/],
  "old-without-weights": [zip([["serialized_exported_program.json", Buffer.from("{}")]]), /is not of the form|has no part serialized_state_dict\.pt/],
  // Its JSON
  "not-json": [exportedFile({ json: "{'a': 1}" }), /models\/model\.json that is not JSON \(character 1\)/],
  "more-behind-the-json": [exportedFile({ json: "{} {}" }), /is not JSON/],
  "a-number-of-a-million-digits": [exportedFile({ json: `{"a": ${"9".repeat(1e6)}}` }), /is not JSON/],
  "deep": [exportedFile({ json: nested(100_000) }), /nested deeper than any graph/],
  "five-million-values": [exportedFile({ json: `[${"0,".repeat(5e6)}0]` }), /more values than any graph/],
  "a-key-twice": [exportedFile({ json: '{"schema_version": 1, "schema_version": 2}' }), /says "schema_version" twice/],
  "a-control-character": [exportedFile({ json: '{"\u0001": 1}' }), /is not JSON/],
  "not-utf8": [zip([["net/models/model.json", Buffer.from([0x22, 0xff, 0x22])], ["net/byteorder", Buffer.from("little")]]), /not UTF-8/],
  "a-list": [exportedFile({ json: "[]" }), /is not of the form that torch\.export\.save writes \(at program/],
  "of-2.5": [exportedFile({ schema: { major: 7, minor: 3 } }), /schema_version.*2\.6 or later/],
  "of-the-future": [exportedFile({ schema: { major: 9, minor: 0 } }), /schema_version/],
  "proto": [exportedFile({ json: '{"__proto__": {"schema_version": {"major": 8}}}' }), /is not of the form/],
  "two-kinds-of-argument": [unary("aten.relu.default", { more: { as_int: 1, as_float: 2 } }), /is not of the form/],
  // Weights
  "a-tensor-beyond-its-storage": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 300]) } }), /reaches outside its storage of 18 elements/],
  "an-offset-beyond-its-storage": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { offset: 1 }) } }), /reaches outside/],
  "elements-that-overlap": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { strides: [0, 0, 0, 0] }) } }), /overlap in memory/],
  "negative-strides": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { strides: [-9, 9, 3, 1] }) } }), /not sensible whole numbers/],
  "a-billion-billion-elements": [exportedFile({ config: { "conv.weight": entry([1e9, 1e9, 3, 3]) } }), /reaches outside|not sensible/],
  "an-unknown-type": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { dtype: 9 }) } }), /element type or layout/],
  "a-sparse-tensor": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { layout: 1 }) } }), /element type or layout/],
  "a-pickle-that-calls": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { pickle: true }) }, weights: { weight_0: pickled } }), /asks for os\.system, .*nothing was executed/],
  "a-storage-outside-the-archive": [exportedFile({ config: { "conv.weight": entry([2, 1, 3, 3], { path: "../../../etc/passwd" }) } }), /has no data for tensor "conv\.weight"/],
  "nan": [exportedFile({ weights: { weight_1: bytesOf(Float32Array.of(0, 1, NaN, 3, 4, 5)) } }), /NaN in tensor fc\.weight/],
  "whole-numbers-as-weights": [exportedFile({ config: { "fc.weight": entry([3, 2], { path: "weight_1", dtype: 4 }) } }), /node linear \(aten\.linear\.default\) gets a weight that is not of float32/],
  // The graph
  "an-unknown-op": [unary("aten.cumsum.default", {}, { stack_trace: 'File "/home/me/net.py", line 12, in forward\n    y = torch.cumsum(x, 1)\n' }), /node y \(aten\.cumsum\.default, net\.py line 12: y = torch\.cumsum\(x, 1\)\) calls an op that is not there/],
  "lines-and-escapes-in-names": [between("y\u001b[31m\n", { op: "aten.cumsum.default", inputs: { self: tensor("conv") } }), /node y\\u001b\[31m\\n \(aten\.cumsum/],
  "code-as-an-op": [unary('aten.relu.default"); process.exit(0); ("'), /calls an op that is not there/],
  "another-library": [unary("mylib.relu.default"), /calls an op that is not there/],
  "control-flow": [unary("higher_order.cond", { true_graph: { as_graph: {} } }), /node y \(higher_order\.cond\) calls an op/],
  "a-name-that-every-object-has": [unary("aten.constructor.default"), /calls an op that is not there/],
  "reads-what-nothing-makes": [between("y", { op: "aten.relu.default", inputs: { self: tensor("ghost") } }), /reads ghost, which nothing makes/],
  "reads-what-comes-later": [exportedFile({ nodes: [linear, mean, conv] }), /reads mean, which nothing makes/],
  "reads-itself": [between("y", { op: "aten.add.Tensor", inputs: { self: tensor("conv"), other: tensor("y") } }), /reads y, which nothing makes/],
  "two-inputs": [exportedFile({ inputs: [{ user_input: { arg: tensor("mask") } }] }), /program of several inputs \(mask, x\)/],
  "no-images": [exportedFile({ image: meta([2, 25]) }), /takes x as \[2, 25\] of type 7, not as images/],
  "images-of-bytes": [exportedFile({ image: meta([2, 1, 5, 5], 1) }), /of type 1, not as images .* of float32/],
  "images-of-a-billion-pixels": [exportedFile({ image: meta([2, 1, 1e9, 1e9]) }), /not as images/],
  "five-channels": [exportedFile({ image: meta([2, 5, 5, 5]) }), /convolves 5 channels/],
  "returns-a-map": [exportedFile({ output: tensor("conv") }), /node output \(conv\) has the sizes \[batch, 2, 3, 3\], not those of logits/],
  "returns-a-weight": [exportedFile({ output: tensor("p_fc_weight") }), /does not depend on the images/],
  "returns-a-number": [exportedFile({ output: { as_int: 3 } }), /reads a int, which nothing makes/],
  "half-precision": [unary("aten.to.dtype", { dtype: { as_scalar_type: 6 } }), /converts to another type than float32/],
  "softmax": [exportedFile({ nodes: [...NODES, node("p", { op: "aten.softmax.int", inputs: { self: tensor("linear"), dim: { as_int: 1 } } })], output: tensor("p") }), /export the network without it, so that it ends in logits/],
  "detach": [unary("aten.detach.default"), /cuts the gradient off/],
  "a-stride-of-zero": [exportedFile({ nodes: [node("conv", { op: "aten.conv2d.default", inputs: { input: tensor("x"), weight: tensor("p_conv_weight"), stride: ints(0, 0) } }), mean, linear] }), /node conv .* convolves/],
  "a-stride-that-is-infinite": [exportedFile({ json: JSON.stringify({ schema_version: { major: 8 }, graph_module: { graph: { nodes: [node("conv", { op: "aten.conv2d.default", inputs: { stride: { as_ints: ["@"] } } })] }, signature: { output_specs: [], input_specs: [] } } }).replace('"@"', "1e999") }), /is not of the form/],
  "padding-of-minus-one": [exportedFile({ nodes: [node("conv", { op: "aten.conv2d.default", inputs: { input: tensor("x"), weight: tensor("p_conv_weight"), padding: ints(-1, -1) } }), mean, linear] }), /node conv .* convolves/],
  "a-window-larger-than-its-map": [unary("aten.max_pool2d.default", { kernel_size: ints(9, 9) }), /node y \(aten\.max_pool2d\.default\)/],
  "zero-groups": [exportedFile({ nodes: [node("conv", { op: "aten.conv2d.default", inputs: { input: tensor("x"), weight: tensor("p_conv_weight"), groups: { as_int: 0 } } }), mean, linear] }), /in 0 groups/],
  "mixes-the-batch": [unary("aten.view.default", { size: ints(18, 2) }), /node y \(aten\.view\.default\) mixes the batch/],
  "a-view-of-other-sizes": [unary("aten.view.default", { size: ints(2, 4, 3, 3) }), /asks for sizes \[batch, 4, 3, 3\] of a tensor of \[batch, 2, 3, 3\]/],
  "a-slice-of-nothing": [unary("aten.slice.Tensor", { dim: { as_int: 1 }, start: { as_int: 2 } }), /node y \(aten\.slice\.Tensor\)/],
  "nan-as-a-number": [unary("aten.mul.Tensor", { other: float("NaN") }), /not finite/],
  "divides-by-zero": [unary("aten.div.Tensor", { other: { as_int: 0 } }), /divides by zero/],
  "a-hundred-thousand-views": [exportedFile({ nodes: [conv, ...chain(99_000, "aten.contiguous.default"), mean, linear] }), /is a view of a view, and so on, 257 times/],
  "a-thousand-dimensions": [exportedFile({ nodes: [conv, ...chain(1000, "aten.unsqueeze.default", { dim: { as_int: 1 } }), mean, linear] }), /makes a tensor of 9 dimensions/],
  "channels-doubled-sixty-times": [exportedFile({ nodes: [conv, ...doubled(60), mean, linear] }), /would leave maps of \d+x3x3/],
  "writes-to-a-weight": [exportedFile({ nodes: [node("y", { op: "aten.mul_.Tensor", inputs: { self: tensor("p_conv_weight"), other: { as_int: 2 } } }), ...NODES] }), /node y \(aten\.mul_\.Tensor\) writes to conv\.weight/],
  "an-unknown-op-in-place": [exportedFile({ nodes: [conv, node("y", { op: "aten.cumsum_.default", inputs: { self: tensor("conv") } }), mean, linear] }), /node y \(aten\.cumsum_\.default\) calls an op/],
  "an-op-that-writes-to-an-argument": [exportedFile({ nodes: [conv, node("y", { op: "aten.mul.out", inputs: { self: tensor("conv"), other: { as_int: 2 }, out: tensor("conv") } }), mean, linear] }), /node y \(aten\.mul\.out\) calls an op that is not there/],
  "a-curve-cut-short": [unary("aten.softplus.default", { beta: { as_int: 1 }, threshold: { as_int: 3 } }), /ends its curve at a threshold of 3/],
  "a-curve-divided-by-zero": [unary("aten.softplus.default", { beta: { as_int: 0 } }), /gets a beta of 0/],
  "a-power-of-three": [unary("aten.pow.Tensor_Scalar", { exponent: { as_int: 3 } }), /raises to the power of 3/],
  "a-map-cut-away": [unary("aten.pad.default", { pad: ints(-2, -1) }), /node y \(aten\.pad\.default\) leaves nothing of maps of 2x3x3/],
  "channels-repeated-a-billion-times": [unary("aten.repeat.default", { repeats: ints(1, 1e9, 1, 1) }), /repeats by \[1, 1000000000, 1, 1\]/],
  "every-third-of-two-channels": [unary("aten.slice.Tensor", { dim: { as_int: 1 }, step: { as_int: 3 } }), /takes channels 0 to 2 of 2 in steps of 3/],
  "weights-out-of-weights": [exportedFile({ nodes: [node("w", { op: "aten.mul.Tensor", inputs: { self: tensor("p_conv_weight"), other: tensor("p_conv_weight") } }), node("conv", { op: "aten.conv2d.default", inputs: { input: tensor("x"), weight: tensor("w") } }), mean, linear] }), /node w .* weights from other weights/],
  "a-matrix-turned-around": [exportedFile({ nodes: [conv, mean, node("t", { op: "aten.t.default", inputs: { self: tensor("p_fc_weight") } }), node("linear", { op: "aten.linear.default", inputs: { input: tensor("mean"), weight: tensor("t") } })] }), /gets a weight of sizes/],
};

for (const [name, [file, message]] of Object.entries(hostile)) {
  test(`${name} is refused`, async () => {
    await refuses(() => parseCheckpoint(new MemorySource("x", file)), message);
  });
}

test("the file that the hostile ones are made from is good, in both byte orders", () => {
  const little = parseCheckpoint(new MemorySource("x", base));
  assert.equal(little.choice.chosen.architecture.layers.map(({ name }) => name), ["conv", "fc"]);
  const swap = (values: number[]): Uint8Array => {
    const bytes = Buffer.from(bytesOf(Float32Array.from(values)));
    return bytes.swap32();
  };
  const big = parseCheckpoint(new MemorySource("x", exportedFile({ byteorder: "big", weights: { weight_0: swap(Array.from({ length: 18 }, (_, i) => i - 9)), weight_1: swap([0, 1, 2, 3, 4, 5]) } })));
  assert.equal(big.tensors, little.tensors);
});

test("words for infinite numbers and integers beyond 2^53 are read as they are", () => {
  const file = (end: string): Buffer => {
    const text = JSON.stringify({ as_int: 1 });
    const program = unary("aten.slice.Tensor", { dim: { as_int: 1 }, end: { as_int: 1 } }).toString("latin1");
    return exportedFile({ json: program.slice(program.indexOf('{"graph_module"'), program.indexOf('"torch_version":"2.14.1"}') + 25).replace(`"end","arg":${text}`, `"end","arg":${end}`) });
  };
  for (const end of ['{"as_int": 9223372036854775807}', '{"as_float": Infinity}', '{"as_float": "Infinity"}']) {
    assert.is(parseCheckpoint(new MemorySource("x", file(end))).choice.chosen.architecture.graph.nodes.length, 3, end);
  }
});

test("sizes that the file contradicts are told", async () => {
  const parts = exportedFile({ metas: { conv: meta([2, 2, 4, 4]) } });
  await refuses(() => parseCheckpoint(new MemorySource("x", parts)), /node conv \(aten\.conv2d\.default\) makes conv of sizes \[batch, 2, 3, 3\] here and \[2, 2, 4, 4\] by the file's own account/);
});

test("what nobody reads may be of any kind", () => {
  const dead = node("dead", { op: "aten.fft_fft.default", inputs: { self: tensor("conv") } });
  const after = node("after", { op: "aten.relu.default", inputs: { self: tensor("dead") } });
  const { choice: { chosen: { architecture } } } = parseCheckpoint(new MemorySource("x", exportedFile({ nodes: [conv, dead, after, mean, linear] })));
  assert.equal(architecture.graph.nodes.map(({ op }) => op), ["conv2d", "adaptive_avg_pool", "linear"]);
});

test.run();
