/** DenseNet (Huang et al. 2016, arXiv 1608.06993): each layer reads the maps of all layers before it in its block; torchvision's names. */
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph.js";
import { heNormalIn, zero } from "./initialisation.js";
import { scaled, stemText, sum, type Family, type Member, type Reading, type Sizes, type StemOptions, type TensorShapes } from "./family.js";

interface DenseBlock {
  layers: number;
  /** Channels of the transition behind it; the last block has none. */
  transition: number;
}

interface DenseNetSizes extends Sizes {
  blocks: DenseBlock[];
  /** Channels that a layer adds. */
  growth: number;
  /** Channels between the two convolutions of a layer. */
  inner: number;
  stem: { kernel: number; stride: number; pool: boolean };
}

function graphOf({ width, channels, classes, blocks, growth, inner, stem }: DenseNetSizes): Graph {
  const builder = new GraphBuilder();
  const active = (from: string, name: string, maps: number): string => builder.relu(builder.norm(from, name, maps));
  let from = active(builder.conv("image", "features.conv0", channels, width, stem.kernel, { stride: stem.stride, pad: stem.kernel >> 1 }), "features.norm0", width);
  if (stem.pool) from = builder.maxPool(from, 3, { stride: 2, pad: 1, name: "features.pool0" });
  let maps = width;
  blocks.forEach(({ layers, transition }, index) => {
    for (let layer = 1; layer <= layers; layer++) {
      const name = `features.denseblock${index + 1}.denselayer${layer}`;
      const narrow = builder.conv(active(from, `${name}.norm1`, maps), `${name}.conv1`, maps, inner, 1);
      const added = builder.conv(active(narrow, `${name}.norm2`, inner), `${name}.conv2`, inner, growth, 3, { pad: 1 });
      from = builder.concat([from, added], name);
      maps += growth;
    }
    if (index + 1 === blocks.length) return;
    const name = `features.transition${index + 1}`;
    from = builder.avgPool(builder.conv(active(from, `${name}.norm`, maps), `${name}.conv`, maps, transition, 1), 2, { name: `${name}.pool` });
    maps = transition;
  });
  from = active(from, "features.norm5", maps);
  return builder.graph(builder.linear(builder.adaptiveAvgPool(from, 1, 1, "avgpool"), "classifier", maps, classes));
}

/** Blocks whose transitions halve the maps. */
function halving(width: number, counts: number[], growth: number): DenseBlock[] {
  let maps = width;
  return counts.map((layers) => {
    maps = (maps + layers * growth) >> 1;
    return { layers, transition: maps };
  });
}

/** Channels between a layer's convolutions, by growth. */
const BOTTLENECK = 4;
const STEM = { kernel: 7, stride: 2, pool: true };

/** Convolutions on the longest way, and the last layer. */
const titleOf = (counts: number[]): string => `DenseNet${2 * sum(counts) + counts.length + 1}`;

const member = (counts: number[], width: number, growth: number): Member => ({
  name: titleOf(counts).toLowerCase(), title: titleOf(counts), width,
  graph: (sizes) => {
    const grows = scaled(growth, sizes.width / width);
    return graphOf({ ...sizes, blocks: halving(sizes.width, counts, grows), growth: grows, inner: BOTTLENECK * grows, stem: STEM });
  },
});

function read(tensors: TensorShapes, { stride, pool }: StemOptions): Reading[] {
  const layersOf = (block: number): number => tensors.count((layer) => [`features.denseblock${block}.denselayer${layer}.conv1`, `features.denseblock${block}.denselayer${layer}.conv2`], 1);
  const depth = tensors.count((block) => [`features.denseblock${block}.denselayer1.conv1`, `features.denseblock${block}.denselayer1.conv2`], 1);
  if (depth === 0) return [];
  const counts = Array.from({ length: depth }, (_, block) => layersOf(block + 1));
  const width = tensors.size("features.conv0", 0, 64);
  const growth = tensors.size("features.denseblock1.denselayer1.conv2", 0, 32);
  const sizes = { width, channels: tensors.size("features.conv0", 1, 3), classes: tensors.size("classifier", 0, 1000) };
  const kernel = tensors.size("features.conv0", 2, 7);
  const stem = { kernel, stride: stride ?? (kernel > 3 ? 2 : 1), pool: pool ?? true };
  const blocks = halving(width, counts, growth).map(({ layers, transition }, index): DenseBlock => ({ layers, transition: tensors.size(`features.transition${index + 1}.conv`, 0, transition) }));
  const inner = tensors.size("features.denseblock1.denselayer1.conv1", 0, BOTTLENECK * growth);
  const assumed = kernel === 7 && stem.stride === 2 && stem.pool ? [] : [stemText(stem.kernel, stem.stride, stem.pool)];
  return [{ title: titleOf(counts), ...sizes, graph: graphOf({ ...sizes, blocks, growth, inner, stem }), assumed }];
}

export const DENSENET: Family = {
  members: [member([6, 12, 24, 16], 64, 32), member([6, 12, 36, 24], 96, 48), member([6, 12, 32, 32], 64, 32), member([6, 12, 48, 32], 64, 32)],
  read,
  initialisation: { conv: heNormalIn, linearBias: zero },
};
