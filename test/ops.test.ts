/** Every op of the table in a small graph on the real device, against plain loops: odd sizes, every geometry, two filtered networks at once. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapShape } from "../src/layout/shape.js";
import { type ConvOptions, type Extent, GraphBuilder } from "../src/model/builder.js";
import { inferShapes } from "../src/model/graph.js";
import { KINDS } from "../src/ops/activation.js";
import { OPS } from "../src/ops/table.js";
import { checkGraph, classify, HARDWARE, type Which } from "./support/graph.js";

/** Adds nodes behind a convolution of 6 channels. @returns the last one's tensor */
type Build = (b: GraphBuilder, x: string, map: MapShape) => string;

interface Case {
  name: string;
  build: Build;
  /** Of the images, and of the maps behind the first convolution. */
  size?: [height: number, width: number];
  batchNorm?: "running" | "batch";
}

const CHANNELS = 6;

const conv = (name: string, outChannels: number, kernel: Extent, options: ConvOptions = {}, size?: Case["size"]): Case => ({
  name, size, build: (b, x) => b.conv(b.relu(x), "conv", CHANNELS, outChannels, kernel, options),
});
const maxPool = (name: string, kernel: Extent, options: Parameters<GraphBuilder["maxPool"]>[2], size?: Case["size"]): Case => ({ name, size, build: (b, x) => b.maxPool(x, kernel, options) });
const avgPool = (name: string, kernel: Extent, options: Parameters<GraphBuilder["avgPool"]>[2], size?: Case["size"]): Case => ({ name, size, build: (b, x) => b.avgPool(b.relu(x), kernel, options) });
const adaptive = (height: number, width: number, size?: Case["size"]): Case => ({ name: `to ${height}x${width} of ${(size ?? [9, 7]).join("x")}`, size, build: (b, x) => b.adaptiveAvgPool(b.relu(x), height, width) });
const mean = (b: GraphBuilder, x: string): string => b.adaptiveAvgPool(x);
/** As squeeze-and-excite has it. */
const gate = (b: GraphBuilder, x: string): string => b.activation(b.conv(mean(b, x), "gate", CHANNELS, CHANNELS, 1, { bias: true }), "sigmoid");
const norm = (b: GraphBuilder, x: string, channels: number, epsilon?: number, name = "norm"): string => b.norm(x, name, channels, epsilon);

const CASES: Record<string, Case[]> = {
  conv2d: [
    conv("with a bias", 8, 3, { pad: 1, bias: true }),
    conv("in groups of 3 and 6 channels", 12, 3, { pad: 1, groups: 2 }),
    conv("in groups of 2 and 3, with a bias and a stride", 9, 3, { pad: 1, stride: 2, groups: 3, bias: true }),
    conv("in groups, pointwise on one pixel", 12, 1, { groups: 3 }, [1, 1]),
    conv("in groups of 2 and 4 from one pixel to a map", 12, 1, { groups: 3, pad: 1 }, [1, 1]),
    conv("depthwise", 6, 3, { pad: 1, groups: 6 }),
    conv("depthwise, 2 channels each, with a stride", 12, 3, { pad: 1, stride: 2, groups: 6, bias: true }),
    conv("depthwise on maps of 2 columns", 6, 3, { pad: 1, groups: 6 }, [3, 2]),
    conv("depthwise on one pixel", 6, 3, { pad: 1, groups: 6 }, [1, 1]),
    conv("of a rectangle", 8, [1, 5], { pad: [0, 2] }),
    conv("of a rectangle, with all of it uneven", 8, [3, 2], { stride: [2, 1], pad: [0, 1], dilation: [1, 2] }),
    conv("with uneven strides the other way", 7, [2, 3], { stride: [1, 3], pad: [1, 0], dilation: [2, 1] }),
    conv("dilated", 8, 3, { pad: 2, dilation: 2 }),
    conv("dilated, in rows of a large kernel", 8, [5, 3], { pad: [4, 1], dilation: [2, 1] }, [12, 6]),
    conv("padded at its end, as for stride 2 of even maps", 8, 3, { stride: 2, padEnd: 1 }, [8, 6]),
    conv("padded unevenly at its end", 8, 3, { pad: [1, 0], padEnd: [0, 2] }),
    conv("on one pixel", 8, 3, { pad: 1 }, [1, 1]),
    conv("on one row", 8, 3, { pad: 1 }, [1, 7]),
    conv("on one column", 8, 3, { pad: 1 }, [7, 1]),
    conv("on two columns", 8, 3, { pad: 1 }, [5, 2]),
    conv("from three columns to two", 8, 2, {}, [4, 3]),
    conv("larger than the map", 8, 7, { pad: 3 }, [3, 4]),
    conv("larger than the map of 2x2", 8, 5, { pad: 2 }, [2, 2]),
    conv("pointwise with stride 2", 8, 1, { stride: 2 }),
    conv("of large patches to one column", 8, 8, { stride: 8 }, [16, 9]),
    conv("of large patches to two columns", 8, 8, { stride: 8 }, [17, 16]),
    conv("of the whole map", 8, [9, 7]),
    conv("with a stride larger than itself", 8, 2, { stride: 3 }),
  ],
  linear: [
    { name: "twice, without and with a bias", size: [3, 2], build: (b, x) => b.linear(b.relu(b.linear(b.flatten(x), "hidden", 36, 9, { bias: false })), "second", 9, 7) },
    { name: "with a batch norm behind", size: [3, 2], build: (b, x) => b.relu(b.norm(b.linear(b.flatten(x), "hidden", 36, 9), "norm", 9)) },
    { name: "with a batch norm of the batch behind", size: [3, 2], batchNorm: "batch", build: (b, x) => b.relu(b.norm(b.linear(b.flatten(x), "hidden", 36, 9), "norm", 9)) },
  ],
  batch_norm: [
    { name: "behind a convolution with a bias, large epsilon", build: (b, x) => b.relu(norm(b, b.conv(x, "conv", 6, 8, 3, { bias: true, pad: 1 }), 8, 0.3)) },
    { name: "in front of a convolution", build: (b, x) => b.conv(b.relu(norm(b, b.maxPool(x, 2), 6, 1e-3)), "conv", 6, 8, 3) },
    { name: "of the batch, behind a convolution with a bias, large epsilon", batchNorm: "batch", build: (b, x) => b.activation(norm(b, b.conv(x, "conv", 6, 8, 3, { bias: true, pad: 1 }), 8, 0.3), "relu6") },
    { name: "of the batch, in front of a convolution", batchNorm: "batch", build: (b, x) => b.conv(b.relu(norm(b, b.maxPool(x, 2), 6, 1e-3)), "conv", 6, 8, 3) },
    { name: "of the batch, of one pixel and of two columns", size: [3, 2], batchNorm: "batch", build: (b, x) => norm(b, mean(b, norm(b, b.relu(x), 6)), 6, 0.1, "second") },
    { name: "twice in a row", build: (b, x) => norm(b, norm(b, x, 6, 0.01), 6, 1e-5, "second") },
    { name: "without weight and bias", build: (b, x) => b.node({ op: "batch_norm", inputs: [x], channels: 6, weight: null, bias: null, mean: "m", variance: "v", epsilon: 1e-5 }, "plain") },
  ],
  activation: [
    ...KINDS.map((kind): Case => ({ name: `${kind} with a kernel of its own`, build: (b, x) => b.activation(b.maxPool(b.scale(x, [3], [0.2]), 2), kind, { low: kind === "hardtanh" ? -0.7 : 0.3, high: 1.1 }) })),
    { name: "relu6 behind a convolution, and its gate", build: (b, x) => b.conv(b.activation(b.conv(x, "wide", 6, 8, 1, { bias: true }), "relu6"), "conv", 8, 8, 3) },
    { name: "capped hardtanh behind a convolution, and its gate", build: (b, x) => b.conv(b.activation(x, "hardtanh", { low: 0, high: 0.4 }), "conv", 6, 8, 3) },
    { name: "capped hardtanh in front of a max-pool", build: (b, x) => b.maxPool(b.activation(x, "hardtanh", { low: 0, high: 0.9 }), 3, { stride: 2, pad: 1 }) },
    { name: "relu6 of a gate and an average pool", build: (b, x) => b.avgPool(b.activation(b.multiply(x, gate(b, x)), "relu6"), 2) },
    { name: "of one pixel", build: (b, x) => b.activation(mean(b, x), "silu") },
  ],
  add: [
    { name: "of a tensor and what is made of it, with a third reader", build: (b, x) => { const y = b.relu(x); return b.concat([b.add(b.conv(y, "conv", 6, 6, 3, { pad: 1 }), y), y]); } },
    { name: "of two convolutions", build: (b, x) => b.relu(b.add(b.conv(x, "left", 6, 8, 3, { pad: 1 }), b.conv(x, "right", 6, 8, 1))) },
    { name: "of a pixel on the right", build: (b, x) => b.relu(b.add(b.relu(x), mean(b, x))) },
    { name: "of a pixel on the left, with a factor", build: (b, x) => b.add(mean(b, x), b.maxPool(x, 3, { stride: 1, pad: 1 }), { alpha: -0.7 }) },
    { name: "of a pixel with a factor", build: (b, x) => b.add(b.relu(x), mean(b, x), { alpha: 1.6 }) },
    { name: "with a factor", build: (b, x) => b.add(b.relu(x), b.maxPool(x, 3, { stride: 1, pad: 1 }), { alpha: 0.3 }) },
    { name: "of a tensor to itself", build: (b, x) => b.add(b.relu(x), b.relu(x)) },
    { name: "of one tensor to itself, with a factor", build: (b, x) => { const y = b.relu(x); return b.add(b.add(y, y, { alpha: 2 }), b.maxPool(y, 3, { stride: 1, pad: 1 })); } },
    { name: "of vectors", build: (b, x) => b.relu(b.add(mean(b, x), b.flatten(b.conv(x, "whole", 6, 6, [9, 7])))) },
  ],
  multiply: [
    { name: "by a gate on the right", build: (b, x) => b.multiply(b.relu(x), gate(b, x)) },
    { name: "by a gate on the left, with a ReLU behind", build: (b, x) => b.relu(b.multiply(gate(b, x), x)) },
    { name: "of two maps, with an addition behind", build: (b, x) => b.relu(b.add(b.multiply(x, b.conv(x, "conv", 6, 6, 3, { pad: 1 })), x)) },
    { name: "of a tensor by itself", build: (b, x) => { const y = b.relu(x); return b.multiply(y, y); } },
    { name: "of vectors", build: (b, x) => b.multiply(mean(b, x), gate(b, x)) },
    { name: "of one row by a gate", size: [1, 7], build: (b, x) => b.multiply(b.relu(x), gate(b, x)) },
    { name: "of one column by a gate", size: [7, 1], build: (b, x) => b.multiply(b.relu(x), gate(b, x)) },
  ],
  scale: [
    { name: "by one number", build: (b, x) => b.scale(b.relu(x), [-1.5], [0.4]) },
    { name: "by channel, with a ReLU behind", build: (b, x) => b.relu(b.scale(x, [1, -2, 0.5, 3, 0.1, 1], [0.1, 0.2, -0.3, 0, 1, 0])) },
    { name: "of vectors", build: (b, x) => b.scale(mean(b, x), [1, -2, 0.5, 3, 0.1, 1], [0.7]) },
  ],
  concat: [
    { name: "of maps with 6, 3 and 9 channels", build: (b, x) => b.concat([b.relu(x), b.conv(x, "three", 6, 3, 1), b.relu(b.conv(x, "nine", 6, 9, 1))]) },
    { name: "of vectors with 6, 3 and 9 channels", build: (b, x) => { const y = mean(b, x); return b.concat([b.relu(y), b.conv(y, "three", 6, 3, 1), b.relu(b.conv(y, "nine", 6, 9, 1))]); } },
    { name: "of vectors with 8 and 6 channels", build: (b, x) => { const y = mean(b, x); return b.concat([b.relu(b.conv(y, "eight", 6, 8, 1)), y]); } },
    { name: "of a tensor with itself", build: (b, x) => { const y = b.relu(x); return b.concat([y, y, x]); } },
    { name: "of a vector with itself", build: (b, x) => { const y = b.relu(mean(b, x)); return b.concat([y, y]); } },
    { name: "of one tensor", build: (b, x) => b.concat([b.relu(x)]) },
  ],
  slice: [
    { name: "of the first, the middle and the last channels", build: (b, x) => b.concat([b.slice(x, 4, 2), b.slice(b.relu(x), 0, 3), b.slice(x, 2, 3)]) },
    { name: "of a vector", build: (b, x) => b.concat([b.slice(mean(b, x), 1, 4), b.slice(b.relu(mean(b, x)), 3, 3)]) },
    { name: "of all channels", build: (b, x) => b.slice(b.relu(x), 0, 6) },
  ],
  shuffle: [
    { name: "in 2 groups, and in 3 groups of a vector", build: (b, x) => b.shuffle(mean(b, b.shuffle(b.relu(x), 2)), 3) },
    { name: "in 1 and in 6 groups: nothing", build: (b, x) => b.shuffle(b.shuffle(b.relu(x), 1), 6) },
  ],
  max_pool: [
    maxPool("3/2 rounded up", 3, { stride: 2, ceil: true }, [8, 6]),
    maxPool("3/2 padded and rounded up", 3, { stride: 2, pad: 1, ceil: true }),
    maxPool("overlapping, stride 1", 3, { stride: 1, pad: 1 }),
    maxPool("dilated", 3, { stride: 1, dilation: 2, pad: 1 }),
    maxPool("of a rectangle", [3, 2], { stride: [1, 2], pad: [1, 0] }),
    maxPool("of one column", 3, { stride: 2, pad: 1 }, [5, 1]),
    maxPool("of two columns", 3, { stride: 2, pad: 1 }, [5, 2]),
    maxPool("of three columns", 3, { stride: 2, pad: 1 }, [5, 3]),
    maxPool("of five columns", 2, { ceil: true }, [5, 5]),
    maxPool("of one pixel", 3, { stride: 2, pad: 1 }, [1, 1]),
    maxPool("with gaps", 2, { stride: 3 }),
    maxPool("larger than the map", 5, { stride: 2, pad: 2 }, [4, 3]),
    { name: "behind a ReLU, of two columns", size: [5, 2], build: (b, x) => b.maxPool(b.relu(x), 3, { stride: 2, pad: 1 }) },
    { name: "as the last reader of a ReLU's tensor, in front of others", build: (b, x) => { const y = b.relu(x); return b.concat([b.maxPool(y, 3, { stride: 1, pad: 1 }), b.conv(y, "conv", 6, 4, 1)]); } },
  ],
  avg_pool: [
    avgPool("2/2", 2, {}),
    avgPool("3/2 padded, rounded up", 3, { stride: 2, pad: 1, ceil: true }, [8, 6]),
    avgPool("3/2 padded, rounded up, padding not counted", 3, { stride: 2, pad: 1, ceil: true, countPadding: false }, [8, 6]),
    avgPool("with a divisor", 3, { stride: 1, pad: 1, divisor: 5 }),
    avgPool("of a rectangle", [2, 3], { stride: [1, 2], pad: [1, 0] }),
    avgPool("of one column", 3, { stride: 1, pad: 1 }, [5, 1]),
    avgPool("of two columns", 3, { stride: 2, pad: 1, countPadding: false }, [5, 2]),
    avgPool("of the whole map", [9, 7], {}),
    avgPool("with gaps", 2, { stride: 3, ceil: true }),
  ],
  adaptive_avg_pool: [adaptive(1, 1), adaptive(3, 2), adaptive(7, 7, [2, 3]), adaptive(4, 5, [9, 7]), adaptive(1, 3), adaptive(1, 1, [5, 1]), adaptive(1, 1, [4, 2]), adaptive(2, 2, [1, 1]), adaptive(1, 1, [20, 18])],
  flatten: [
    { name: "of maps", build: (b, x) => b.relu(b.linear(b.flatten(b.relu(x)), "hidden", 378, 9)) },
    { name: "of two columns", size: [3, 2], build: (b, x) => b.flatten(b.relu(x)) },
    { name: "of one pixel", build: (b, x) => b.flatten(mean(b, x)) },
  ],
  dropout: [
    { name: "between a convolution and its ReLU", build: (b, x) => b.relu(b.dropout(x)) },
    { name: "behind everything", size: [3, 2], build: (b, x) => b.dropout(b.linear(b.flatten(b.dropout(x)), "fc", 36, 5)) },
  ],
};

// Behind all others, so that those stay as they are: which layers are filtered goes by the turn.
CASES.pad = [
  { name: "with uneven zeros, in front of a pool", build: (b, x) => b.maxPool(b.pad(b.relu(x), [1, 0, 2, 3]), 3, { stride: 2 }) },
  { name: "that leaves out rows and adds columns, beside another reader", build: (b, x) => { const y = b.relu(x); return b.concat([b.pad(y, [-1, 2, 1, -2]), y]); } },
  { name: "in front of a batch norm of the batch", batchNorm: "batch", build: (b, x) => b.relu(norm(b, b.pad(x, [1, 1, 0, 2]), 6)) },
  { name: "around one pixel", build: (b, x) => b.pad(mean(b, x), [1, 2, 0, 1]) },
  { name: "that leaves one pixel", build: (b, x) => b.conv(b.pad(x, [-4, -2, -4, -4]), "conv", 6, 8, 1) },
  { name: "with a gate in front, of one column", size: [5, 1], build: (b, x) => b.pad(b.multiply(x, gate(b, x)), [0, 1, 1, 0]) },
];

const WHICH: Which[] = ["all", "first", "last", "middle"];
let turn = 0;

test("every op has a case", () => {
  assert.equal(Object.keys(CASES).sort(), [...OPS.keys()].sort());
});

for (const [kind, cases] of Object.entries(CASES)) {
  for (const { name, build, size: [height, width] = [9, 7], batchNorm } of cases) {
    const which = WHICH[turn++ % WHICH.length];
    // Some of the cases by the other kernels, too, which a software driver takes its time to compile; hardware.test.ts has every op by them.
    const kinds = turn % 8 === 0 ? { software: {}, hardware: HARDWARE } : { software: {} };
    for (const [kernels, plan] of Object.entries(kinds)) test(`${kind} ${name}; ${which} filtered; kernels for ${kernels}`, async () => {
      const image = { channels: 2, height, width };
      const b = new GraphBuilder();
      const stem = b.conv("image", "stem", 2, CHANNELS, 3, { pad: 1 });
      const x = build(b, stem, { channels: CHANNELS, height, width });
      const isLogits = inferShapes(b.graph(x), image).get(x)!.channels === 5 && x.startsWith("fc");
      const graph = isLogits ? b.graph(x) : classify(b, x, image);
      assert.ok(graph.nodes.some(({ op }) => op === kind), `no ${kind} in it`);
      await checkGraph(graph, image, { which, batchNorm, seed: turn, plan });
    });
  }
}

test.run();
