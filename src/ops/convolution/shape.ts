/** A convolution's geometry and its plain loops: what the kernels are checked against. */
import { placesOf, type Pair, type Window } from "../../layout/shape.js";

/** `height` and `width` are those of its input; zero padding. */
export interface ConvShape extends Window {
  inChannels: number;
  outChannels: number;
  height: number;
  width: number;
  /** Rows below and columns to the right that are padded beyond `pad`. */
  padEnd: Pair;
  /** Each takes an equal part of the channels. */
  groups: number;
}

/** A square kernel, the usual kind. */
export function squareConv(shape: { inChannels: number; outChannels: number; height: number; width: number; kernel: number; stride?: number; pad?: number; groups?: number }): ConvShape {
  const { kernel, stride = 1, pad = 0, groups = 1, ...rest } = shape;
  return { ...rest, kernel: [kernel, kernel], stride: [stride, stride], pad: [pad, pad], padEnd: [0, 0], dilation: [1, 1], groups };
}

export const isSquare = ({ kernel, stride, pad, padEnd, dilation }: ConvShape): boolean =>
  kernel[0] === kernel[1] && stride[0] === stride[1] && pad[0] === pad[1] && padEnd[0] + padEnd[1] === 0 && dilation[0] * dilation[1] === 1;

/** Channels that are written and summed in each group; in the input's gradient the two change places. */
export function channelsOfGroup({ inChannels, outChannels, groups }: ConvShape, gradient: boolean): { outs: number; sums: number } {
  const [ins, outs] = [inChannels / groups, outChannels / groups];
  return gradient ? { outs: ins, sums: outs } : { outs, sums: ins };
}

/** How weights lie in a checkpoint, as constants: channels that are summed and made in a group, and from one to the next of each. */
export function weightStrides(shape: ConvShape, gradient: boolean): Record<string, number> {
  const { outs, sums } = channelsOfGroup(shape, gradient);
  const area = shape.kernel[0] * shape.kernel[1];
  const each = (shape.inChannels / shape.groups) * area;
  return { GROUPS: shape.groups, SUMS: sums, OUTS: outs, SUM_STRIDE: gradient ? each : area, OUT_STRIDE: gradient ? area : each, GROUP_STRIDE: (shape.outChannels / shape.groups) * each };
}

/** @returns height and width of the convolution's output */
export function convOutput(shape: ConvShape): { height: number; width: number } {
  const places = (axis: 0 | 1, size: number): number => placesOf(size, shape.kernel[axis], shape.stride[axis], shape.dilation[axis], 2 * shape.pad[axis] + shape.padEnd[axis]);
  return { height: places(0, shape.height), width: places(1, shape.width) };
}

/** Multiply-adds on real (non-padding) pixels, per image; the gradient takes as many. */
export function multiplyAdds(shape: ConvShape): number {
  const out = convOutput(shape);
  return realTaps(shape, 0, shape.height, out.height) * realTaps(shape, 1, shape.width, out.width) * (shape.inChannels / shape.groups) * shape.outChannels;
}

/** Pairs (output, tap) along one axis that touch a real pixel. */
function realTaps({ kernel, stride, pad, dilation }: Window, axis: 0 | 1, size: number, outSize: number): number {
  let count = 0;
  for (let o = 0; o < outSize; o++) {
    for (let k = 0; k < kernel[axis]; k++) {
      const at = o * stride[axis] + k * dilation[axis] - pad[axis];
      if (at >= 0 && at < size) count++;
    }
  }
  return count;
}

/** Names a convolution for a table of tiles. */
export function tileKey(shape: ConvShape, gradient: boolean): string {
  const { inChannels, outChannels, height, width, kernel, stride, pad, padEnd, dilation, groups } = shape;
  const window = isSquare(shape) ? `${kernel[0]}/${stride[0]}+${pad[0]}` : `${kernel.join("x")}/${stride.join("x")}+${pad.join("x")}+${padEnd.join("x")} by ${dilation.join("x")}`;
  return `${gradient ? "gradient" : "forward"} ${inChannels}->${outChannels} ${height}x${width} ${window}${groups > 1 ? ` in ${groups}` : ""}`;
}

/** NCHW, float64 sums. @param weights [outChannels][inChannels / groups][kernel rows][kernel columns] */
export function conv2d(shape: ConvShape, x: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const out = convOutput(shape);
  const images = x.length / (shape.inChannels * shape.height * shape.width);
  const sums = new Float64Array(images * shape.outChannels * out.height * out.width);
  forEachTap(shape, images, (i, o, w) => void (sums[o] += x[i] * weights[w]));
  return sums;
}

/** Gradient of the convolution's input given that of its output; NCHW, float64 sums. */
export function conv2dInputGradient(shape: ConvShape, dy: ArrayLike<number>, weights: ArrayLike<number>): Float64Array {
  const out = convOutput(shape);
  const images = dy.length / (shape.outChannels * out.height * out.width);
  const sums = new Float64Array(images * shape.inChannels * shape.height * shape.width);
  forEachTap(shape, images, (i, o, w) => void (sums[i] += dy[o] * weights[w]));
  return sums;
}

/** Gradient of the convolution's weights given its input and the gradient of its output; NCHW, float64 sums. */
export function conv2dWeightGradient(shape: ConvShape, x: ArrayLike<number>, dy: ArrayLike<number>): Float64Array {
  const images = x.length / (shape.inChannels * shape.height * shape.width);
  const sums = new Float64Array(shape.outChannels * (shape.inChannels / shape.groups) * shape.kernel[0] * shape.kernel[1]);
  forEachTap(shape, images, (i, o, w) => void (sums[w] += x[i] * dy[o]));
  return sums;
}

/** Calls `visit(input index, output index, weight index)` for every product of the convolution. */
function forEachTap(shape: ConvShape, images: number, visit: (i: number, o: number, w: number) => void): void {
  const { inChannels, outChannels, height, width, kernel, stride, pad, dilation, groups } = shape;
  const out = convOutput(shape);
  const [ins, outs] = [inChannels / groups, outChannels / groups];
  for (let n = 0; n < images; n++)
    for (let oc = 0; oc < outChannels; oc++)
      for (let oy = 0; oy < out.height; oy++)
        for (let ox = 0; ox < out.width; ox++)
          for (let ic = 0; ic < ins; ic++)
            for (let ky = 0; ky < kernel[0]; ky++)
              for (let kx = 0; kx < kernel[1]; kx++) {
                const y = oy * stride[0] + ky * dilation[0] - pad[0];
                const x = ox * stride[1] + kx * dilation[1] - pad[1];
                if (y < 0 || y >= height || x < 0 || x >= width) continue;
                const channel = Math.floor(oc / outs) * ins + ic;
                visit(((n * inChannels + channel) * height + y) * width + x, ((n * outChannels + oc) * out.height + oy) * out.width + ox, ((oc * ins + ic) * kernel[0] + ky) * kernel[1] + kx);
              }
}
