/** SqueezeNet 1.0 and 1.1 (Iandola et al. 2016, arXiv 1602.07360): fire modules, whose squeezed maps are expanded by 1x1 and 3x3 convolutions; torchvision's names. */
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph.js";
import { heUniform, narrowNormal, zero } from "./initialisation.js";
import { scaled, stemText, type Family, type Member, type Reading, type Sizes, type StemOptions, type TensorShapes } from "./family.js";

interface Fire {
  squeeze: number;
  expand1: number;
  expand3: number;
}

/** A place in `features`: a fire module, or a max-pool. */
type Place = Fire | "pool";

interface SqueezeNetSizes extends Sizes {
  kernel: number;
  stride: number;
  /** Behind the stem. */
  pool: boolean;
  /** From features.3 on. */
  places: Place[];
}

/** The first place behind the stem, its ReLU and its max-pool. */
const FIRST = 3;

function graphOf({ width, channels, classes, kernel, stride, pool, places }: SqueezeNetSizes): Graph {
  const builder = new GraphBuilder();
  const conv = (from: string, name: string, inputs: number, outputs: number, size: number, options = {}): string =>
    builder.relu(builder.conv(from, name, inputs, outputs, size, { bias: true, ...options }), `${name}.relu`);
  const maxPool = (from: string, index: number): string => builder.maxPool(from, 3, { stride: 2, ceil: true, name: `features.${index}` });
  let from = conv("image", "features.0", channels, width, kernel, { stride });
  if (pool) from = maxPool(from, 2);
  let inputs = width;
  places.forEach((place, index) => {
    const name = `features.${FIRST + index}`;
    if (place === "pool") return void (from = maxPool(from, FIRST + index));
    const squeezed = conv(from, `${name}.squeeze`, inputs, place.squeeze, 1);
    from = builder.concat([conv(squeezed, `${name}.expand1x1`, place.squeeze, place.expand1, 1), conv(squeezed, `${name}.expand3x3`, place.squeeze, place.expand3, 3, { pad: 1 })], name);
    inputs = place.expand1 + place.expand3;
  });
  return builder.graph(builder.adaptiveAvgPool(conv(builder.dropout(from), "classifier.1", inputs, classes, 1), 1, 1, "classifier.3"));
}

interface Version extends Member {
  kernel: number;
  places: Place[];
}

/** @param order fire modules F and max-pools P */
function version(name: string, title: string, width: number, kernel: number, order: string): Version {
  let fires = 0;
  const places = [...order].map((letter): Place => {
    if (letter === "P") return "pool";
    const squeeze = 16 * (1 + (fires++ >> 1)); // two modules of each width
    return { squeeze, expand1: 4 * squeeze, expand3: 4 * squeeze };
  });
  const at = (scale: number): Place[] => places.map((place) => (place === "pool" ? place : { squeeze: scaled(place.squeeze, scale), expand1: scaled(place.expand1, scale), expand3: scaled(place.expand3, scale) }));
  return { name, title, width, kernel, places, graph: (sizes) => graphOf({ ...sizes, kernel, stride: 2, pool: true, places: at(sizes.width / width) }) };
}

const VERSIONS = [version("squeezenet1_0", "SqueezeNet1_0", 96, 7, "FFFPFFFFPF"), version("squeezenet1_1", "SqueezeNet", 64, 3, "FFPFFPFFFF")];

function read(tensors: TensorShapes, stem: StemOptions): Reading[] {
  if (!["features.3.squeeze", "features.4.squeeze", "features.12.squeeze"].some((layer) => tensors.has(layer))) return [];
  const { stride = 2, pool = true } = stem;
  const sizes = { width: tensors.size("features.0", 0, 64), channels: tensors.size("features.0", 1, 3), classes: tensors.size("classifier.1", 0, 1000) };
  return VERSIONS.map(({ title, kernel: usual, places: published }) => {
    const kernel = tensors.size("features.0", 2, usual);
    const places = published.map((place, index): Place => {
      const name = `features.${FIRST + index}`;
      return place === "pool" ? place : { squeeze: tensors.size(`${name}.squeeze`, 0, place.squeeze), expand1: tensors.size(`${name}.expand1x1`, 0, place.expand1), expand3: tensors.size(`${name}.expand3x3`, 0, place.expand3) };
    });
    const assumed = kernel === 3 || stride !== 2 || !pool ? [stemText(kernel, stride, pool)] : [];
    return { title, ...sizes, graph: graphOf({ ...sizes, kernel, stride, pool, places }), assumed };
  });
}

export const SQUEEZENET: Family = { members: VERSIONS, read, initialisation: { conv: heUniform, convBias: zero, head: narrowNormal } };
