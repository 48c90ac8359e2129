/** Register tiles of the convolution kernel: which there are for a shape, and which is the best guess. */
import { CHANNEL_TILE, IMAGE_MULTIPLE } from "../plan/layout.js";
import { type ConvShape, convOutput } from "./conv2d.js";

/** What one invocation computes. */
export interface ConvTile {
  /** Output channels, rows of output pixels, blocks of images. */
  channels: number;
  rows: number;
  blocks: number;
}

export interface TileLimits {
  /** Images in a block. */
  lanes: number;
  /** Sums that an invocation keeps at once: a CPU's stack is cheap, a GPU's registers are not. */
  accumulators: number;
}

/** Sums an invocation keeps by default. A larger tile loads less for each multiply-add, and takes the driver longer to compile. */
export const ACCUMULATORS = { software: 256, hardware: 64 };

/** Size of the map that is written, and its channels: in a gradient those of the convolution's input. */
function written(shape: ConvShape, gradient: boolean): { height: number; width: number; channels: number } {
  const { height, width } = gradient ? shape : convOutput(shape);
  return { height, width, channels: gradient ? shape.inChannels : shape.outChannels };
}

/** Tiles of channels that divide the padded channel count, widest first. */
function channelTiles(channels: number, single: boolean): number[] {
  if (channels < CHANNEL_TILE) return [single ? Math.ceil(channels / 4) * 4 : channels];
  const padded = Math.ceil(channels / CHANNEL_TILE) * CHANNEL_TILE;
  return [64, 32, 16, 8, 4].filter((tile) => padded % tile === 0);
}

const sums = (width: number, { channels, rows, blocks }: ConvTile): number => channels * rows * width * blocks;

/**
 * Every tile worth a try, at most twice the accumulators allowed.
 * Rows: the whole map, whose taps are all known when the kernel is made, or a few rows of a larger one.
 */
export function tileCandidates(shape: ConvShape, gradient: boolean, limits: TileLimits): ConvTile[] {
  const { height, width, channels } = written(shape, gradient);
  const unit = gradient ? shape.stride : 1;
  const rowTiles = width < 3 ? [height] : [height, ...[1, 2, 4].map((n) => n * unit).filter((rows) => rows < height)];
  const blockTiles = width < 3 ? [8, 4, 2, 1].filter((blocks) => blocks * limits.lanes <= IMAGE_MULTIPLE) : [1];
  return channelTiles(channels, height * width === 1)
    .flatMap((tile) => rowTiles.flatMap((rows) => blockTiles.map((blocks) => ({ channels: tile, rows, blocks }))))
    .filter((tile) => sums(width, tile) <= 2 * limits.accumulators);
}

/**
 * The tile to take without measuring: the whole map where four channels of it fit, else single rows; then as many channels
 * as the accumulators allow (a kernel of one tap has little to do for what it loads, and takes twice as many), up to the
 * number that was fastest for maps of that size; then blocks of images.
 */
export function chooseTile(shape: ConvShape, gradient: boolean, limits: TileLimits): ConvTile {
  const { height, width, channels } = written(shape, gradient);
  const budget = limits.accumulators * (shape.kernel === 1 && height * width > 1 ? 2 : 1);
  const unit = gradient ? shape.stride : 1;
  const whole = width < 3 || height * width * Math.min(4, channels) <= budget;
  const tiles = channelTiles(channels, height * width === 1);
  const narrowest = tiles[tiles.length - 1];
  let rows = height;
  if (!whole) {
    const rest = Math.floor(budget / (width * Math.min(16, tiles[0])) / unit) * unit;
    rows = Math.min(Math.max(unit, rest), Math.ceil(height / unit) * unit);
  }
  const pixels = rows * width;
  const widest = width < 3 ? budget / (4 * pixels) : budget / pixels;
  const tile = tiles.find((count) => count <= widest) ?? narrowest;
  const blocks = width < 3 ? Math.min(IMAGE_MULTIPLE / limits.lanes, 2 ** Math.max(0, Math.floor(Math.log2(budget / (pixels * tile))))) : 1;
  return { channels: tile, rows, blocks };
}
