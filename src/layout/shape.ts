/** Sizes of maps, and of windows that slide over them. */

/** One image's tensor: `channels` maps of `height` x `width` pixels; a vector is a map of one pixel. */
export interface MapShape {
  channels: number;
  height: number;
  width: number;
}

/** Of rows and of columns. */
export type Pair = readonly [number, number];

/** A window that slides over a map padded on all sides. */
export interface Window {
  kernel: Pair;
  stride: Pair;
  /** Rows above, columns to the left. */
  pad: Pair;
  /** Pixels between two taps; 1: none left out. */
  dilation: Pair;
}

export const isPixel = ({ height, width }: MapShape): boolean => height === 1 && width === 1;

export const sameMap = (a: MapShape, b: MapShape): boolean => a.height === b.height && a.width === b.width;

export const shapeText = ({ channels, height, width }: MapShape): string => `${channels}x${height}x${width}`;

/** Pixels from the first tap of a window to its last. */
export const spanOf = (kernel: number, dilation: number): number => (kernel - 1) * dilation + 1;

/**
 * Places of a window along one axis, as PyTorch counts them.
 * @param padding of both sides together; with `ceil`, half of it in front
 * @param ceil whether a window that begins in the map but ends beyond its padding counts (PyTorch's `ceil_mode`)
 */
export function placesOf(size: number, kernel: number, stride: number, dilation: number, padding: number, ceil = false): number {
  const room = size + padding - spanOf(kernel, dilation);
  if (!ceil) return Math.floor(room / stride) + 1;
  const places = Math.ceil(room / stride) + 1;
  return (places - 1) * stride >= size + padding / 2 ? places - 1 : places;
}

/** A window as the kernels that walk over its taps know it. */
export const windowConstants = ({ kernel, stride, pad, dilation }: Window) => ({
  KERNEL_H: kernel[0], KERNEL_W: kernel[1], STRIDE_H: stride[0], STRIDE_W: stride[1], PAD_H: pad[0], PAD_W: pad[1], DILATION_H: dilation[0], DILATION_W: dilation[1],
});
