/** Max-pool: by rows (shaders/max_pool.wgsl) or pixel by pixel (max_pool_plain.wgsl) where that cannot. */
import { type BlockLayout, layoutConstants, type MapShape } from "../layout/blocks.js";
import { placesOf, windowConstants } from "../layout/shape.js";
import { byQuad, mapStep } from "./common/elementwise.js";
import type { MaxPoolNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";
import type { GradientSite, Site } from "./common/site.js";
import type { Step } from "./common/step.js";

/** Pixels of the pool's input that an invocation does: rows that windows share are loaded once, but more take the driver longer to compile. */
const PIXELS = 256;

/**
 * @returns rows of the pool's input that an invocation of the gradient writes: the whole map where it is small, else a
 * multiple of the stride; and rows of the output that one of the forward kernel writes
 */
export function poolRows({ height, width }: Pick<MapShape, "height" | "width">, outHeight: number, stride: number): { written: number; pooled: number } {
  if (height * width <= PIXELS) return { written: height, pooled: outHeight };
  const pooled = Math.max(1, Math.floor(PIXELS / width / stride));
  return { written: pooled * stride, pooled };
}

/** Whether the kernel that goes by rows does it: a square window without gaps, on maps whose rows begin with a vec4 of pixels. */
export const isByRows = ({ kernel, stride, pad, dilation }: MaxPoolNode, input: BlockLayout, output: BlockLayout): boolean =>
  input.stack === 1 && kernel[0] === kernel[1] && stride[0] === stride[1] && pad[0] === pad[1] && dilation[0] * dilation[1] === 1 && Math.min(input.width, output.width) >= 3;

const squareConstants = ({ kernel, stride, pad }: MaxPoolNode) => ({ KERNEL: kernel[0], STRIDE: stride[0], PAD: pad[0] });

export const maxPool: Op<MaxPoolNode> = {
  kind: "max_pool",
  shape({ kernel, stride, pad, dilation, ceil }, [{ channels, height, width }]) {
    const places = (axis: 0 | 1, size: number): number => placesOf(size, kernel[axis], stride[axis], dilation[axis], 2 * pad[axis], ceil);
    return { channels, height: places(0, height), width: places(1, width) };
  },
  forward(node, site) {
    const { inputs: [input], output } = site;
    const winner = site.keeps ? winnerOf(site) : null;
    const relu = site.reluOf(0);
    const constants = { ...layoutConstants("OTHER", site.plain(output.layout)), WINNER: winner !== null, GATE: relu !== null };
    const bindings: Step["bindings"] = winner ? { winner } : {};
    const ends = { name: "max_pool", input, output, bindings, work: node.kernel[0] * node.kernel[1] };
    const rows = poolRows(input.layout, output.layout.height, node.stride[0]).pooled;
    const step = isByRows(node, input.layout, output.layout) && !relu?.cap
      ? mapStep({ ...ends, kernel: "max_pool", constants: { ...constants, ...squareConstants(node), ROWS: rows }, grid: [output.layout.groups, Math.ceil(output.layout.height / rows)] })
      : mapStep({ ...ends, kernel: "max_pool_plain", constants: { ...constants, ...windowConstants(node), CHANNELS: output.layout.channels, GATE_CAP: relu?.cap ?? 0 }, grid: byQuad(output) });
    return [winner ? { ...step, writes: [...step.writes, winner] } : step];
  },
  inputGradient: (node, site) => [gradientStep(node, site)],
  twin: {
    forward: (node, { inputs: [{ shape, data }], output }) => maxPoolLoops(node, shape, output, data).y,
    gradient(node, { inputs: [{ shape, data }], output }, dy) {
      const dx = new Float64Array(data.length);
      maxPoolLoops(node, shape, output, data).winner.forEach((at, o) => (dx[at] += dy[o]));
      return [dx];
    },
  },
};

/** Which pixels won, as large as the output. */
export function winnerOf({ output, texture, plain }: Pick<Site, "output" | "texture" | "plain">): string {
  const { texels, fold } = plain(output.layout);
  return texture("winner", texels, output.blocks * fold);
}

function gradientStep(node: MaxPoolNode, site: GradientSite): Step {
  const { gradient, output: pooled } = site;
  // The gate of the ReLU in front needs no map: where it is shut the window has no winner.
  const { place: output } = site.target(0, { sum: false, gate: true });
  const winner = site.kept("winner");
  const rows = poolRows(output.layout, gradient.layout.height, node.stride[0]).written;
  const isRows = isByRows(node, output.layout, gradient.layout);
  return {
    kernel: isRows ? "max_pool_grad" : "max_pool_plain_grad",
    name: "max_pool gradient",
    constants: {
      ...layoutConstants("IN", gradient.layout), ...layoutConstants("OTHER", site.plain(pooled.layout)), ...layoutConstants("OUT", output.layout),
      ...(isRows ? { ...squareConstants(node), ROWS: rows } : { ...windowConstants(node), CHANNELS: output.layout.channels }),
    },
    params: { winner_blocks: pooled.blocks },
    bindings: { input: gradient.resource, winner, output: output.resource },
    writes: [output.resource],
    grid: isRows ? [output.blocks, output.layout.groups, Math.ceil(output.layout.height / rows)] : [output.blocks, ...byQuad(output)],
    cost: output.blocks * output.layout.lanes * output.layout.groups * output.layout.quads * 16,
  };
}

/**
 * @param x NCHW; padding never wins
 * @returns maxima, and the index into `x` of each: the first maximum of the window in row-major order, as in PyTorch
 */
export function maxPoolLoops({ kernel, stride, pad, dilation }: Pick<MaxPoolNode, "kernel" | "stride" | "pad" | "dilation">, { height, width }: MapShape, output: Pick<MapShape, "height" | "width">, x: ArrayLike<number>): { y: Float64Array; winner: Int32Array } {
  const maps = x.length / (height * width);
  const y = new Float64Array(maps * output.height * output.width).fill(-Infinity);
  const winner = new Int32Array(y.length);
  for (let o = 0; o < y.length; o++) {
    const [map, oy, ox] = [Math.floor(o / (output.height * output.width)), Math.floor(o / output.width) % output.height, o % output.width];
    for (let ky = 0; ky < kernel[0]; ky++) {
      for (let kx = 0; kx < kernel[1]; kx++) {
        const [iy, ix] = [oy * stride[0] + ky * dilation[0] - pad[0], ox * stride[1] + kx * dilation[1] - pad[1]];
        if (iy < 0 || iy >= height || ix < 0 || ix >= width) continue;
        const at = (map * height + iy) * width + ix;
        if (x[at] > y[o]) [y[o], winner[o]] = [x[at], at];
      }
    }
  }
  return { y, winner };
}
