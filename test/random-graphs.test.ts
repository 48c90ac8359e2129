/** Random networks of all ops on the real device against plain loops: whatever their order, two filtered networks at once. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { MapShape } from "../src/layout/shape.js";
import { GraphBuilder } from "../src/model/builder.js";
import { type Graph, inferShapes } from "../src/model/graph.js";
import { KINDS } from "../src/ops/activation.js";
import { OPS } from "../src/ops/table.js";
import { noise } from "./support/close.js";
import { checkGraph, classify, layersOf, type Which } from "./support/graph.js";

const IMAGES: MapShape[] = [{ channels: 1, height: 28, width: 28 }, { channels: 3, height: 32, width: 32 }, { channels: 2, height: 13, width: 9 }];
const GRAPHS = 30;
const STEPS = 7;
/** Larger maps are made smaller first: plain loops take their time. */
const PIXELS = 150;

/** A value out of a fixed sequence. */
function chooser(seed: number): { below(count: number): number; of<T>(values: readonly T[]): T } {
  const values = noise(1000, seed * 7919 + 14);
  let at = 0;
  const below = (count: number): number => Math.floor((values[at++] + 0.5) * count);
  return { below, of: (list) => list[below(list.length)] };
}

function randomGraph(seed: number, image: MapShape): Graph {
  const b = new GraphBuilder();
  const { below, of } = chooser(seed);
  const shapeOf = (x: string): MapShape => inferShapes(b.graph(x), image).get(x)!;
  const made: string[] = [];
  const stride = image.height > 20 ? of([2, 3]) : 1;
  made.push(b.conv("image", "stem", image.channels, of([4, 6, 8]), of([3, 5]), { stride, pad: 1, bias: below(2) === 0 }));
  /** Another tensor with the same channels on the same map, or on one pixel. */
  const partner = (x: string): string => {
    const { channels, height, width } = shapeOf(x);
    const fits = made.filter((y) => y !== x && shapeOf(y).channels === channels && [shapeOf(y).height, shapeOf(y).width].join() === [height, width].join());
    if (fits.length > 0 && below(3) > 0) return of(fits);
    return below(2) === 0 ? b.adaptiveAvgPool(x) : b.conv(x, `conv${b.nodes.length}`, channels, channels, 1);
  };
  const shrink = (x: string, pad: number): string => (below(2) === 0 ? b.maxPool(x, of([2, 3]), { stride: 2, pad, ceil: below(2) === 0 }) : b.avgPool(x, 3, { stride: 2, pad: 1, ceil: below(2) === 0, countPadding: below(2) === 0 }));
  const MOVES: ((x: string, map: MapShape) => string)[] = [
    (x, { channels }) => b.conv(x, `conv${b.nodes.length}`, channels, of([3, 6, 8]), of([1, 3, [1, 3], [3, 2]] as const), { pad: 1, stride: of([1, 1, 2]), bias: below(2) === 0, dilation: of([1, 1, [1, 2]] as const) }),
    (x, { channels }) => b.conv(x, `conv${b.nodes.length}`, channels, channels * of([1, 2]), 3, { pad: 1, groups: of([channels, channels % 2 === 0 ? 2 : 1]) }),
    (x, { channels }) => b.norm(x, `norm${b.nodes.length}`, channels, of([1e-5, 0.01])),
    (x) => b.activation(x, of(KINDS), { low: 0, high: 0.8 }),
    (x) => b.relu(x),
    (x) => b.add(x, partner(x), { alpha: of([1, 1, -0.5]) }),
    (x) => b.multiply(b.activation(partner(x), "sigmoid"), x),
    (x, { channels }) => b.scale(x, Array.from({ length: channels }, (_, c) => 1 - c / 5), [0.2]),
    (x) => b.concat([partner(x), x].filter((y, _, [first]) => shapeOf(y).height === shapeOf(first).height && shapeOf(y).width === shapeOf(first).width)),
    (x, { channels }) => b.concat([b.slice(x, 1, channels - 1), x]),
    (x, { channels }) => b.shuffle(x, of([2, 3].filter((n) => channels % n === 0).concat(1))),
    (x) => shrink(x, 1),
    (x, { height, width }) => b.adaptiveAvgPool(x, Math.max(1, height - 2), Math.min(6, width + 1)),
    (x) => b.dropout(x),
    (x, { height, width }) => b.pad(x, [of([1, 0]), height > 2 ? -1 : 2, 0, width > 2 ? of([-1, 1]) : 1]),
  ];
  for (let step = 0; step < STEPS; step++) {
    // Mostly the newest, else anything: tensors get several readers.
    const x = below(4) > 0 ? made[made.length - 1] : of(made);
    const map = shapeOf(x);
    made.push(map.height * map.width > PIXELS ? shrink(x, 0) : map.channels > 20 || map.channels < 2 ? b.conv(x, `conv${b.nodes.length}`, map.channels, 5, 1) : of(MOVES)(x, map));
  }
  return classify(b, made[made.length - 1], image);
}

const WHICH: Which[] = ["all", "middle", "first", "last"];
const graphs = Array.from({ length: GRAPHS }, (_, seed) => ({ image: IMAGES[seed % IMAGES.length], graph: randomGraph(seed, IMAGES[seed % IMAGES.length]) }));

test("they have every op in them, in front of others and behind, and several layers", () => {
  const ops = new Set(graphs.flatMap(({ graph }) => graph.nodes.map(({ op }) => op)));
  assert.equal([...ops].sort(), [...OPS.keys()].sort());
  assert.ok(graphs.filter(({ graph }) => layersOf(graph).length > 2).length > GRAPHS / 2);
});

for (const [seed, { image, graph }] of graphs.entries()) {
  test(`${seed}: ${graph.nodes.map(({ op }) => op).join(" ")}`, async () => {
    await checkGraph(graph, image, { which: WHICH[seed % 4], batchNorm: seed % 5 === 3 ? "batch" : "running", seed, images: 3 });
  });
}

test.run();
