/** Average pool with windows, and the adaptive one whose windows cover the map. Over the whole map it has a kernel of its own. */
import type { Pair } from "../layout/shape.js";
import { isPixel, type MapShape, placesOf } from "../layout/shape.js";
import { byQuad, mapStep } from "./common/elementwise.js";
import type { AdaptiveAvgPoolNode, AvgPoolNode } from "./common/nodes.js";
import type { Op, TwinInputs } from "./common/op.js";
import type { GradientSite, Place, Site } from "./common/site.js";
import type { Step } from "./common/step.js";

/** Pixels from `first` to before `last` of one axis that a window holds, and the number it is divided by. */
interface Span {
  first: number;
  last: number;
  count: number;
}

type Node = AvgPoolNode | AdaptiveAvgPoolNode;

/** Larger maps would be too much code in one piece. */
const WHOLE_QUADS = 64;

function constantsOf(node: Node, map: MapShape, pooled: MapShape): Step["constants"] {
  const sizes = { MAP_H: map.height, MAP_W: map.width, POOLED_H: pooled.height, POOLED_W: pooled.width };
  if (node.op === "adaptive_avg_pool") return { ...sizes, ADAPTIVE: true };
  const { kernel, stride, pad, countPadding, divisor } = node;
  return { ...sizes, KERNEL_H: kernel[0], KERNEL_W: kernel[1], STRIDE_H: stride[0], STRIDE_W: stride[1], PAD_H: pad[0], PAD_W: pad[1], COUNT_PADDING: countPadding, DIVISOR: divisor ?? 0 };
}

/** Whether it is the mean over the whole map. */
const isGlobal = (node: Node, { layout }: Place, pooled: Place): boolean => node.op === "adaptive_avg_pool" && isPixel(pooled.layout) && layout.pack === 1 && layout.stack === 1 && layout.quads <= WHOLE_QUADS;

function forward(node: Node, { inputs: [input], output }: Site): Step[] {
  const work = Math.ceil((input.layout.height * input.layout.width) / (output.layout.height * output.layout.width));
  const ends = { name: "avg_pool", input, output, work };
  if (isGlobal(node, input, output)) return [mapStep({ ...ends, kernel: "avg_pool", constants: { CHANNELS: output.layout.channels } })];
  return [mapStep({ ...ends, kernel: "avg_pool_windows", constants: { ...constantsOf(node, input.layout, output.layout), CHANNELS: output.layout.channels }, grid: byQuad(output) })];
}

function inputGradient(node: Node, site: GradientSite): Step[] {
  const { inputs: [input], output: pooled, gradient } = site;
  const { place: output, ...ending } = site.target(0, { sum: true, gate: true });
  const ends = { name: "avg_pool gradient", input: gradient, output, ending };
  if (isGlobal(node, input, pooled)) return [mapStep({ ...ends, kernel: "avg_pool_grad" })];
  const constants = { ...constantsOf(node, output.layout, gradient.layout), CHANNELS: output.layout.channels, GRADIENT: true };
  return [mapStep({ ...ends, kernel: "avg_pool_windows", constants, grid: byQuad(output) })];
}

/** Where window `place` of an axis lies. */
type SpanOf = (axis: 0 | 1, place: number) => Span;

function spans(node: Node, map: MapShape, pooled: MapShape): SpanOf {
  const [sizes, places]: Pair[] = [[map.height, map.width], [pooled.height, pooled.width]];
  if (node.op === "adaptive_avg_pool") {
    return (axis, place) => {
      const first = Math.floor((place * sizes[axis]) / places[axis]);
      const last = Math.ceil(((place + 1) * sizes[axis]) / places[axis]);
      return { first, last, count: last - first };
    };
  }
  const { kernel, stride, pad, countPadding } = node;
  return (axis, place) => {
    const from = place * stride[axis] - pad[axis];
    const to = Math.min(from + kernel[axis], sizes[axis] + pad[axis]);
    const [first, last] = [Math.max(from, 0), Math.min(to, sizes[axis])];
    return { first, last, count: countPadding ? to - from : last - first };
  };
}

/** Calls `visit(input index, output index, share)` for every pixel of every window. */
function eachShare(node: Node, { inputs: [{ shape }], output, images }: TwinInputs, visit: (i: number, o: number, share: number) => void): void {
  const span = spans(node, shape, output);
  const divisor = node.op === "avg_pool" ? node.divisor : null;
  for (let map = 0; map < images * shape.channels; map++)
    for (let oy = 0; oy < output.height; oy++)
      for (let ox = 0; ox < output.width; ox++) {
        const [rows, columns] = [span(0, oy), span(1, ox)];
        const share = 1 / (divisor ?? rows.count * columns.count);
        for (let y = rows.first; y < rows.last; y++)
          for (let x = columns.first; x < columns.last; x++) visit((map * shape.height + y) * shape.width + x, (map * output.height + oy) * output.width + ox, share);
      }
}

const twin: Op<Node>["twin"] = {
  forward(node, given) {
    const { inputs: [{ data }], output, images } = given;
    const y = new Float64Array(images * output.channels * output.height * output.width);
    eachShare(node, given, (i, o, share) => (y[o] += data[i] * share));
    return y;
  },
  gradient(node, given, dy) {
    const dx = new Float64Array(given.inputs[0].data.length);
    eachShare(node, given, (i, o, share) => (dx[i] += dy[o] * share));
    return [dx];
  },
};

export const avgPool: Op<AvgPoolNode> = {
  kind: "avg_pool",
  shape({ kernel, stride, pad, ceil }, [{ channels, height, width }]) {
    const places = (axis: 0 | 1, size: number): number => placesOf(size, kernel[axis], stride[axis], 1, 2 * pad[axis], ceil);
    return { channels, height: places(0, height), width: places(1, width) };
  },
  forward, inputGradient, twin,
};

export const adaptiveAvgPool: Op<AdaptiveAvgPoolNode> = {
  kind: "adaptive_avg_pool",
  shape: ({ height, width }, [{ channels }]) => ({ channels, height, width }),
  isIdentity: ({ height, width }, [input]) => height === input.height && width === input.width,
  forward, inputGradient, twin,
};
