/** MobileNet V2 (Sandler et al. 2018, arXiv 1801.04381): residual blocks that widen, filter each channel by itself, and narrow again without a ReLU; torchvision's names. */
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph.js";
import { heNormalOut, narrowNormal, zero } from "./initialisation.js";
import { stemText, type Family, type Reading, type Sizes, type StemOptions, type TensorShapes } from "./family.js";

interface Block {
  /** Channels of the depthwise convolution. */
  inner: number;
  outer: number;
  stride: number;
  /** Whether a 1x1 convolution widens the map first. */
  expands: boolean;
}

interface MobileNetSizes extends Sizes {
  blocks: Block[];
  /** Channels of the last convolution. */
  last: number;
  stride: number;
  pool: boolean;
}

function graphOf({ width, channels, classes, blocks, last, stride: first, pool }: MobileNetSizes): Graph {
  const builder = new GraphBuilder();
  const conv = (from: string, name: string, norm: string, inputs: number, outputs: number, kernel: number, options = {}): string =>
    builder.norm(builder.conv(from, name, inputs, outputs, kernel, { pad: kernel >> 1, ...options }), norm, outputs);
  const relu6 = (from: string): string => builder.activation(from, "relu6");
  let from = relu6(conv("image", "features.0.0", "features.0.1", channels, width, 3, { stride: first }));
  if (pool) from = builder.maxPool(from, 3, { stride: 2, pad: 1, name: "maxpool" });
  let inputs = width;
  blocks.forEach(({ inner, outer, stride, expands }, index) => {
    const name = `features.${index + 1}.conv`;
    let place = 0;
    let maps = from;
    if (expands) maps = relu6(conv(maps, `${name}.${place}.0`, `${name}.${place++}.1`, inputs, inner, 1));
    maps = relu6(conv(maps, `${name}.${place}.0`, `${name}.${place++}.1`, inner, inner, 3, { stride, groups: inner }));
    maps = conv(maps, `${name}.${place}`, `${name}.${place + 1}`, inner, outer, 1);
    from = stride === 1 && inputs === outer ? builder.add(maps, from, { name: `features.${index + 1}` }) : maps;
    inputs = outer;
  });
  const name = `features.${blocks.length + 1}`;
  from = relu6(conv(from, `${name}.0`, `${name}.1`, inputs, last, 1));
  return builder.graph(builder.linear(builder.dropout(builder.adaptiveAvgPool(from, 1, 1, "avgpool"), 0.2), "classifier.1", last, classes));
}

/** Table 2 of the paper: factor of the widening, channels, blocks, stride of the first. */
const STAGES = [[1, 16, 1, 1], [6, 24, 2, 2], [6, 32, 3, 2], [6, 64, 4, 2], [6, 96, 3, 1], [6, 160, 3, 2], [6, 320, 1, 1]];
const PUBLISHED = STAGES.flatMap(([factor, channels, blocks, stride]) => Array.from({ length: blocks }, (_, block) => ({ factor, channels, stride: block === 0 ? stride : 1 })));
const TITLE = "MobileNetV2";
const WIDTH = 32;
const LAST = 1280;

/** torchvision's rounding to multiples of eight, never down by more than a tenth. */
function divisible(channels: number): number {
  const rounded = Math.max(8, Math.floor((channels + 4) / 8) * 8);
  return rounded < 0.9 * channels ? rounded + 8 : rounded;
}

/** Blocks of any width. @param width the stem's channels */
function blocksAt(width: number): Block[] {
  let inputs = width;
  return PUBLISHED.map(({ factor, channels, stride }) => {
    const block = { inner: inputs * factor, outer: divisible((channels * width) / WIDTH), stride, expands: factor > 1 };
    inputs = block.outer;
    return block;
  });
}

const lastAt = (width: number): number => divisible(LAST * Math.max(1, width / WIDTH));

function read(tensors: TensorShapes, { stride = 2, pool = false }: StemOptions): Reading[] {
  if (!tensors.has("features.1.conv.0.0") && !tensors.has("features.2.conv.0.0")) return [];
  const width = tensors.size("features.0.0", 0, WIDTH);
  const sizes = { width, channels: tensors.size("features.0.0", 1, 3), classes: tensors.size("classifier.1", 0, 1000) };
  const blocks = blocksAt(width).map((published, index): Block => {
    const name = `features.${index + 1}.conv`;
    const depthwise = published.expands ? 1 : 0;
    return { ...published, inner: tensors.size(`${name}.${depthwise}.0`, 0, published.inner), outer: tensors.size(`${name}.${depthwise + 1}`, 0, published.outer) };
  });
  return [{ title: TITLE, ...sizes, graph: graphOf({ ...sizes, blocks, last: tensors.size(`features.${blocks.length + 1}.0`, 0, lastAt(width)), stride, pool }), assumed: [stemText(3, stride, pool)] }];
}

export const MOBILENET_V2: Family = {
  members: [{ name: "mobilenet_v2", title: TITLE, width: WIDTH, graph: (sizes) => graphOf({ ...sizes, blocks: blocksAt(sizes.width), last: lastAt(sizes.width), stride: 2, pool: false }) }],
  read,
  initialisation: { conv: heNormalOut, linear: narrowNormal, linearBias: zero },
};
