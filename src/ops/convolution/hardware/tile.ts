/** Tiles of shaders/conv2d_gemm.wgsl: which there are for a shape, and which is the best guess. */
import { distinctTiles } from "../room.js";
import { channelsOfGroup, type ConvShape, convOutput } from "../shape.js";

/** What a workgroup computes, at one pixel of the map that is written. */
export interface GemmTile {
  kernel: "conv2d_gemm";
  /** Output channels and images. */
  channels: number;
  images: number;
  /** Output channels of an invocation; it does them for 8 images. */
  own: number;
  /** Channels of the sum in workgroup memory at once. */
  depth: number;
}

export interface GemmLimits {
  /** vec4 side by side in a block of images. */
  lanes: number;
  /** Sums that an invocation keeps at once. */
  accumulators: number;
}

/** Images of an invocation: two vec4. */
const OWN_IMAGES = 8;
/** What every adapter has: invocations of a workgroup, and bytes that they share. */
const MOST_INVOCATIONS = 256;
const SHARED_BYTES = 16384;
/** Output channels of a workgroup, best first where they fill it: fewer load the same input more often. */
const CHANNELS = [128, 64, 32, 24, 16, 8, 4];
/** Pixels of a map below which 128 channels would be too few workgroups to fill a GPU. */
const MANY_PIXELS = 4;
/** Fewer channels than this are summed as one row with the taps: an image's, or those of small groups. */
export const FLAT_BELOW = 8;
/** Channels of the sum in workgroup memory at once, best first where the sum is a multiple; 7 and 9 suit windows of 7x7 and 3x3 over an image. */
const DEPTHS = [8, 7, 9];
/** A smaller tile is taken where it computes that much less for padding. */
const WORTH = 0.9;

/** @returns invocations of a workgroup */
export const invocationsOf = ({ channels, images, own }: GemmTile): number => (images / OWN_IMAGES) * (channels / own);

export const paddedTo = (count: number, size: number): number => Math.ceil(count / size) * size;

/** @returns the first of the sizes by which not much more is computed than by that which pads least */
export function sizeFor(sizes: number[], count: number): number {
  const least = Math.min(...sizes.map((size) => paddedTo(count, size)));
  return sizes.find((size) => paddedTo(count, size) * WORTH <= least)!;
}

/** Whether the kernel does it: groups of fewer channels than a vec4 of weights are left to the plain one. */
export const isGemm = (shape: ConvShape, gradient: boolean): boolean => shape.groups === 1 || channelsOfGroup(shape, gradient).outs >= 4;

function fits(tile: GemmTile, shape: ConvShape, gradient: boolean, { lanes, accumulators }: GemmLimits): boolean {
  const { channels, images, own, depth } = tile;
  const { outs } = channelsOfGroup(shape, gradient);
  const invocations = invocationsOf(tile);
  return (
    channels >= own && own >= 4 && images <= 4 * lanes && images >= OWN_IMAGES && (channels <= 4 || channels < 2 * outs) && own * OWN_IMAGES <= 2 * accumulators &&
    invocations >= 1 && invocations <= MOST_INVOCATIONS && depth * (channels + images) * 4 <= SHARED_BYTES
  );
}

function depthFor(shape: ConvShape, gradient: boolean): number {
  const { sums } = channelsOfGroup(shape, gradient);
  if (sums >= FLAT_BELOW) return DEPTHS[0];
  const rows = DEPTHS.map((depth) => paddedTo(sums * shape.kernel[0] * shape.kernel[1], depth));
  return DEPTHS[rows.indexOf(Math.min(...rows))];
}

/**
 * The tile to take without measuring: 128 or 64 channels x 128 images, 8 x 8 an invocation, by which compilers for AMD and NVIDIA come
 * closest to their peak without spilling; fewer channels where those would mostly be padding.
 */
export function chooseGemmTile(shape: ConvShape, gradient: boolean, { lanes, accumulators }: GemmLimits): GemmTile {
  const { outs } = channelsOfGroup(shape, gradient);
  const { height, width } = gradient ? shape : convOutput(shape);
  const isWide = accumulators >= 8 * OWN_IMAGES;
  const channels = sizeFor(CHANNELS.filter((size) => size <= (isWide && height * width >= MANY_PIXELS ? 128 : 64)), outs);
  return { kernel: "conv2d_gemm", channels, images: Math.min(128, 4 * lanes), own: isWide && channels >= 64 ? 8 : 4, depth: isWide ? depthFor(shape, gradient) : 1 };
}

/** The tile to take without measuring, and others that may be faster on some adapter. */
export function gemmCandidates(shape: ConvShape, gradient: boolean, limits: GemmLimits): GemmTile[] {
  const first = chooseGemmTile(shape, gradient, limits);
  const half = { ...first, images: first.images / 2 };
  const all = [
    first, half, { ...half, own: 4 }, { ...first, own: 4 }, { ...first, own: 2 * first.own }, { ...first, depth: 2 * first.depth },
    { ...first, channels: 2 * first.channels }, { ...first, channels: first.channels / 2, own: 4 },
  ].filter((tile, i) => i === 0 || fits(tile, shape, gradient, limits));
  return distinctTiles(all);
}
