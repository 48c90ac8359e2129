/** Register tiles of the convolution kernel for software: which there are for a shape, and which is the best guess. */
import { CHANNEL_TILE, IMAGE_MULTIPLE } from "../../../layout/blocks.js";
import { distinctTiles, type TiledLimits } from "../room.js";
import { type ConvShape, convOutput, multiplyAdds } from "../shape.js";

/** What one invocation computes. */
export interface ConvTile {
  /** Output channels, rows of output pixels, blocks of images. */
  channels: number;
  rows: number;
  blocks: number;
  /** Whether each band of rows has a dispatch of its own, whose kernel knows which rows it does and loads none beside the map. */
  banded: boolean;
}

export interface TileLimits {
  /** Images in a block. */
  lanes: number;
  /** Sums that an invocation keeps at once: a CPU's stack is cheap, a GPU's registers are not. */
  accumulators: number;
}

/** Sums an invocation keeps by default. A larger tile loads less for each multiply-add, and takes the driver longer to compile. */
export const ACCUMULATORS = { software: 256, hardware: 64 };
/** Products of a step for each of those sums: on a CPU some 1,600, more than which its instruction cache does not hold. */
export const PRODUCTS_PER_SUM = 6.25;
/** Products of one channel by another beyond which a map is not done whole. */
const MOST_PRODUCTS = 1024;

/** Size of the map that is written, and its channels: in a gradient those of the convolution's input. */
function mapWritten(shape: ConvShape, gradient: boolean): { height: number; width: number; channels: number } {
  const { height, width } = gradient ? shape : convOutput(shape);
  return { height, width, channels: gradient ? shape.inChannels : shape.outChannels };
}

/** Size of the map that is read. */
const mapRead = (shape: ConvShape, gradient: boolean): { height: number; width: number } => (gradient ? convOutput(shape) : shape);

/** Tiles of channels that divide the padded channel count (in groups the group's own: a tile reads one group), widest first. */
function channelTiles(channels: number, single: boolean, groups: number): number[] {
  if (groups > 1) {
    const each = channels / groups;
    const tiles = Array.from({ length: Math.min(each, 32) }, (_, i) => i + 1).filter((tile) => each % tile === 0 && (!single || tile % 4 === 0));
    return tiles.toReversed();
  }
  if (channels < CHANNEL_TILE) return [single ? Math.ceil(channels / 4) * 4 : channels];
  const padded = Math.ceil(channels / CHANNEL_TILE) * CHANNEL_TILE;
  return [64, 32, 16, 8, 4].filter((tile) => padded % tile === 0);
}

/**
 * Whether the tiled kernel can do it: on maps of one pixel, which lie four channels a vec4, groups have to fill whole vec4; and
 * what it writes out has to stay code that a driver compiles: a kernel as large as the map it reads is left to the plain one.
 */
export function isTiled(shape: ConvShape, gradient: boolean): boolean {
  const [written, read] = [mapWritten(shape, gradient), mapRead(shape, gradient)];
  const single = written.height * written.width === 1;
  const [ins, outs] = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
  if (channelTiles(written.channels, single, shape.groups).length === 0) return false;
  if (shape.groups > 1 && read.height * read.width === 1 && (gradient ? outs : ins) % 4 !== 0) return false;
  // Rows of maps this narrow share vec4, so that they are done whole.
  const isWhole = Math.min(written.width, read.width) < 3;
  const products = multiplyAdds({ ...shape, inChannels: 1, outChannels: 1, groups: 1 });
  return !isWhole || (products <= MOST_PRODUCTS && written.height * written.width <= MOST_PRODUCTS / 4 && read.height * read.width <= MOST_PRODUCTS);
}

/**
 * The tile to take without measuring. Maps of up to 2 columns are done whole, several blocks of images at once; larger ones
 * whole where four channels of them fit, else in bands or by rows. The rules are those that measured best on a software adapter: the
 * products of a step are straight-line code, of which a processor's instruction cache (32 KiB) holds some 1,600; a
 * kernel of one tap has little to do for what it loads and takes twice the accumulators, as does the gradient of a stride, whose
 * pixels see a quarter of the taps; a stride itself takes fewer; and an invocation holds at most 8 vectors of what it reads.
 */
export function chooseTile(shape: ConvShape, gradient: boolean, limits: TileLimits): ConvTile {
  const tile = guessTile(shape, gradient, limits);
  return limits.accumulators < ACCUMULATORS.software ? withinBudget(tile, shape, gradient, limits.accumulators) : tile;
}

/** Fewer channels, rows or blocks, until the sums fit into registers: what a CPU spills to its stack costs little, a GPU's costs all. */
function withinBudget(tile: ConvTile, shape: ConvShape, gradient: boolean, most: number): ConvTile {
  const { height, width, channels } = mapWritten(shape, gradient);
  const unit = gradient ? shape.stride[0] : 1;
  const isWhole = Math.min(width, mapRead(shape, gradient).width) < 3;
  const sums = ({ channels: count, rows, blocks }: ConvTile): number => count * rows * width * blocks;
  let fit = tile;
  const fewer = channelTiles(channels, height * width === 1, shape.groups);
  while (sums(fit) > most) {
    const narrower = fewer.find((count) => count < fit.channels);
    if (fit.blocks > 1) fit = { ...fit, blocks: fit.blocks / 2 };
    else if (!isWhole && fit.rows > unit && (fit.channels <= 8 || narrower === undefined)) fit = { ...fit, rows: Math.max(unit, Math.floor(fit.rows / 2 / unit) * unit), banded: false };
    else if (narrower !== undefined) fit = { ...fit, channels: narrower };
    else break;
  }
  return fit;
}

function guessTile(shape: ConvShape, gradient: boolean, limits: TileLimits): ConvTile {
  const { height, width, channels } = mapWritten(shape, gradient);
  const read = mapRead(shape, gradient);
  const tiles = channelTiles(channels, height * width === 1, shape.groups);
  const narrowest = tiles[tiles.length - 1];
  const budget = limits.accumulators * (isPointwise(shape) && height * width > 1 ? 2 : 1);
  const widest = (most: number): number => tiles.find((count) => count <= most) ?? narrowest;
  if (width < 3) {
    const tile = widest(budget / (4 * height * width));
    const most = Math.min(IMAGE_MULTIPLE / limits.lanes, 8 / Math.ceil((read.height * read.width) / 4), budget / (height * width * tile));
    return { channels: tile, rows: height, blocks: 2 ** Math.max(0, Math.floor(Math.log2(most))), banded: false };
  }
  if (read.width < 3) return { channels: widest(Math.max(1, budget / (height * width))), rows: height, blocks: 1, banded: false };
  if (shape.stride[0] * shape.stride[1] === 1) {
    const products = multiplyAdds({ ...shape, inChannels: 1, outChannels: 1, groups: 1 });
    const code = limits.accumulators * PRODUCTS_PER_SUM;
    const most = Math.min(budget / (height * width), code / products);
    if (most >= Math.min(4, tiles[0])) return { channels: widest(most), rows: height, blocks: 1, banded: false };
    const rows = Math.min(Math.floor(((code / 8) * height) / products), Math.floor(budget / (8 * width)));
    // Rows beside the map are loaded for a kernel of several taps only: bands know theirs.
    if (tiles.includes(8) && rows >= 1) return { channels: 8, rows, blocks: 1, banded: !isPointwise(shape) && rows > 1 && height / rows <= 4 };
  }
  // An image's gradient has few channels: rows of it would read the same rows of many channels again and again.
  if (gradient && channels < CHANNEL_TILE && limits.accumulators >= ACCUMULATORS.software && height * width * channels <= 4 * limits.accumulators) {
    return { channels: narrowest, rows: height, blocks: 1, banded: false };
  }
  if (height * width * Math.min(4, tiles[0]) <= budget) {
    const most = gradient ? Math.min(isPointwise(shape) ? 32 : 16, (2 * budget) / (height * width)) : budget / 32;
    return { channels: widest(most), rows: height, blocks: 1, banded: false };
  }
  const unit = gradient ? shape.stride[0] : 1;
  // Of a map so wide that one row of these channels is too much to compile, fewer channels than are packed together.
  const narrower = shape.groups > 1 ? tiles : [4, 2, 1].filter((count) => channels >= CHANNEL_TILE || channels % count === 0);
  const usual = widest(16);
  const tile = usual * width * unit <= 2 * budget ? usual : (narrower.find((count) => count * width * unit <= budget) ?? 1);
  const rows = Math.max(unit, Math.floor(budget / (width * tile) / unit) * unit);
  return { channels: tile, rows: Math.min(rows, Math.ceil(height / unit) * unit), blocks: 1, banded: false };
}

/** A tile as many blocks wide as fill a variant's without a rest; behind the last variant there is nothing that a rest could harm. */
export function withinVariant(tile: ConvTile, { blocksPerVariant = 1, variants = 1 }: TiledLimits): ConvTile {
  let { blocks } = tile;
  while (variants > 1 && blocksPerVariant % blocks !== 0) blocks /= 2;
  return { ...tile, blocks };
}

const isPointwise = ({ kernel }: ConvShape): boolean => kernel[0] * kernel[1] === 1;

/** The tile to take without measuring and its neighbours: one extent doubled or halved, or the whole map. */
export function tileCandidates(shape: ConvShape, gradient: boolean, limits: TileLimits): ConvTile[] {
  const { height, width, channels } = mapWritten(shape, gradient);
  const unit = gradient ? shape.stride[0] : 1;
  const tiles = channelTiles(channels, height * width === 1, shape.groups);
  const fits = (tile: ConvTile): boolean =>
    (tile.rows === height || (Math.min(width, mapRead(shape, gradient).width) >= 3 && tile.rows < height && tile.rows % unit === 0)) && tiles.includes(tile.channels) &&
    (tile.blocks === 1 || width < 3) && tile.blocks * limits.lanes <= IMAGE_MULTIPLE &&
    tile.channels * tile.rows * width * tile.blocks <= 4 * limits.accumulators;
  const first = chooseTile(shape, gradient, limits);
  const scaled = [2, 0.5].flatMap((factor) => [
    { ...first, channels: first.channels * factor },
    { ...first, rows: Math.min(height, Math.floor(first.rows * factor)) },
    { ...first, blocks: first.blocks * factor },
    { ...first, rows: height, channels: first.channels * factor },
  ]);
  const all = [first, { ...first, rows: height }, ...scaled]
    .filter((tile, i) => i === 0 || (tile.blocks >= 1 && tile.rows >= 1 && fits(tile)))
    .map((tile) => ({ ...tile, banded: tile.banded && tile.rows < height }));
  return distinctTiles(all);
}
