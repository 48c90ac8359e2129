/**
 * How activations lie on the adapter: `rgba32float` textures in which `lanes` vec4 side by side are a block of images.
 *
 *   texel row    block (x fold, where a block is wider than a texture may be; a map wider than a row goes on in the next)
 *   texel column ((channel group * quads) + quad) * lanes + lane
 *
 * What a vec4 holds is up to the kernels that read it:
 *
 *   software     a lane is an image: 4 pixels of a map's row (rows padded to 4); a 2x2 map is one texel; 1x1 maps: 4 channels
 *   hardware     a lane is 4 images: the same pixel of each
 */
import type { MapShape } from "./shape.js";

/** The two sets of kernels, each with a layout of its own. */
export type Kernels = "software" | "hardware";

/** Images of the widest tile of any kernel. */
export const IMAGE_MULTIPLE = 64;
/** Padding that pays, by wider tiles, relative to the images. */
const MOST_PADDING = 0.3;

export type { MapShape } from "./shape.js";

export interface BlockLayout extends MapShape {
  /** vec4 side by side in a block: the width of a workgroup. */
  lanes: number;
  /** Images in a vec4: 1 or 4. */
  stack: number;
  /** Images in a block. */
  images: number;
  /** Pixels from row to row. */
  pitch: number;
  /** vec4 per channel group and lane. */
  quads: number;
  /** Channels in a vec4: 4 for 1x1 maps, else 1. */
  pack: number;
  /** Channel groups, padded so that every kernel's tile of output channels fits. */
  groups: number;
  /** Channel groups in one texel row; 0 where not even one fits. */
  groupsPerRow: number;
  /** Where not even one fits: texels of a row, which go on in the next one; else 0. */
  row: number;
  /** Texel rows per block. */
  fold: number;
  /** Texels in a row. */
  texels: number;
  /** A view of another tensor: its group g is the other one's `first + (g % radix) * step + floor(g / radix)`. */
  first: number;
  radix: number;
  step: number;
}

/** Which channels of a tensor another one is: channel i is `from + (i % radix) * step + floor(i / radix)`, for i below `count`. */
export interface ChannelMap {
  from: number;
  count: number;
  radix: number;
  step: number;
}

/** Room behind each row: strides that are powers of two alias in a CPU's cache. */
const PADDING_TEXELS = 24;
/** Output channels of the widest tile, to which channel counts are padded (image inputs keep theirs). */
export const CHANNEL_TILE = 8;

/** What of an adapter decides how activations and weights lie. */
export interface LayoutLimits {
  /** Of which kernels; software where it is left out. */
  kernels?: Kernels;
  /** vec4 side by side in a block. */
  lanes: number;
  /** maxTextureDimension2D */
  maxTextureWidth: number;
}

/** Pixels from row to row: rows are padded to vec4, maps of up to 2 columns are not. */
const pitchOf = (width: number): number => (width < 3 ? width : Math.ceil(width / 4) * 4);

/** Images in a vec4. */
const stackOf = (kernels: Kernels | undefined): number => (kernels === "hardware" ? 4 : 1);

/** Images in a block of what lies for these kernels. */
export const blockImages = ({ kernels, lanes }: Pick<LayoutLimits, "kernels" | "lanes">): number => lanes * stackOf(kernels);

/** Blocks that hold so many images of a variant, with the padding behind them: up to the widest tile where few images pay for it. */
export function blocksFor(images: number, limits: Pick<LayoutLimits, "kernels" | "lanes">): number {
  const each = blockImages(limits);
  let multiple = Math.max(each, IMAGE_MULTIPLE);
  while (multiple > each && Math.ceil(images / multiple) * multiple > (1 + MOST_PADDING) * images) multiple /= 2;
  return Math.ceil(images / multiple) * (multiple / each);
}

/** vec4 in a channel's map. */
export const mapQuads = ({ height, width }: MapShape): number => Math.ceil((height * pitchOf(width)) / 4);

export function blockLayout(shape: MapShape, limits: LayoutLimits): BlockLayout {
  return limits.kernels === "hardware" ? stackedLayout(shape, limits) : pixelLayout(shape, limits);
}

/** Texels of a row where a block takes several, so that most tensors can take each other's textures; a power of two. */
const STACKED_ROW = 4096;
/** Rows of a block beyond which they get longer, so that many blocks fit into a texture. */
const STACKED_FOLD = 512;

/** Four images a vec4. A block that is wider than a row goes on in the next one, wherever that is. */
function stackedLayout({ channels, height, width }: MapShape, { lanes, maxTextureWidth }: LayoutLimits): BlockLayout {
  const quads = height * width;
  const whole = channels * quads * lanes;
  const map = { lanes, stack: 4, images: 4 * lanes, channels, height, width, pitch: width, quads, pack: 1, groups: channels, first: 0, radix: 1, step: 0 };
  if (whole <= STACKED_ROW) return { ...map, groupsPerRow: channels, row: 0, fold: 1, texels: whole };
  let row = STACKED_ROW;
  while (Math.ceil(whole / row) > STACKED_FOLD && row * 2 <= maxTextureWidth) row *= 2;
  return { ...map, groupsPerRow: 0, row, fold: Math.ceil(whole / row), texels: row };
}

function pixelLayout({ channels, height, width }: MapShape, { lanes, maxTextureWidth }: LayoutLimits): BlockLayout {
  const single = height === 1 && width === 1;
  const pack = single ? 4 : 1;
  const pitch = pitchOf(width);
  const quads = mapQuads({ channels, height, width });
  const padded = channels < CHANNEL_TILE ? channels : Math.ceil(channels / CHANNEL_TILE) * CHANNEL_TILE;
  const groups = Math.ceil(padded / pack);
  const fits = Math.floor(maxTextureWidth / (quads * lanes));
  const map = { lanes, stack: 1, images: lanes, channels, height, width, pitch, quads, pack, groups, first: 0, radix: 1, step: 0 };
  if (fits < 1) {
    // The lanes of a vec4 stay side by side.
    const row = Math.floor((maxTextureWidth - PADDING_TEXELS) / lanes) * lanes;
    return { ...map, groupsPerRow: 0, row, fold: Math.ceil((groups * quads * lanes) / row), texels: row };
  }
  const groupsPerRow = groups <= fits ? groups : 2 ** Math.floor(Math.log2(fits));
  const fold = Math.ceil(groups / groupsPerRow);
  const texels = Math.min(maxTextureWidth, groupsPerRow * quads * lanes + PADDING_TEXELS);
  return { ...map, groupsPerRow, row: 0, fold, texels };
}

/** Some channels of what lies as `layout`, in place; null where the groups of channels are not to be told by a view. */
export function viewOf(layout: BlockLayout, map: ChannelMap): BlockLayout | null {
  const { pack } = layout;
  const composed = composeMaps({ from: layout.first, count: layout.groups, radix: layout.radix, step: layout.step }, { ...map, from: map.from / pack, count: map.count / pack });
  if (pack > 1 && (map.radix > 1 || map.from % pack !== 0 || map.count % pack !== 0)) return null;
  return composed && { ...layout, channels: map.count, groups: composed.count, first: composed.from, radix: composed.radix, step: composed.step };
}

/** The channels `inner` of the channels `outer`; null where no single map says it. */
export function composeMaps(outer: ChannelMap, inner: ChannelMap): ChannelMap | null {
  if (outer.radix === 1) return { ...inner, from: outer.from + inner.from };
  if (inner.radix > 1 || inner.from % outer.radix !== 0) return null;
  return { ...outer, from: outer.from + inner.from / outer.radix, count: inner.count };
}

/** Constants LANES, IMAGES and IN_*, OTHER_* or OUT_* that tell a kernel a layout. */
export function layoutConstants(prefix: "IN" | "OTHER" | "OUT", layout: BlockLayout): Record<string, number> {
  const { lanes, stack, height, width, pitch, quads, groupsPerRow, row, fold, pack, first, radix, step } = layout;
  const constants = { H: height, W: width, PITCH: pitch, QUADS: quads, GROUPS_PER_ROW: groupsPerRow, ROW: row, FOLD: fold, PACK: pack, FIRST: first, RADIX: radix, STEP: step };
  return { LANES: lanes, IMAGES: stack, ...Object.fromEntries(Object.entries(constants).map(([name, value]) => [`${prefix}_${name}`, value])) };
}

/** Constants RESIDUAL_* or GATE_*: where the groups of a tensor lie whose maps are those of the output. */
export function placeConstants(prefix: "RESIDUAL" | "GATE", { groupsPerRow, row, fold, first, radix, step }: BlockLayout): Record<string, number> {
  const constants = { GROUPS_PER_ROW: groupsPerRow, ROW: row, FOLD: fold, FIRST: first, RADIX: radix, STEP: step };
  return Object.fromEntries(Object.entries(constants).map(([name, value]) => [`${prefix}_${name}`, value]));
}

/** Index of an element among the floats of a texture with `layout`. */
function indexer(layout: BlockLayout): (image: number, channel: number, y: number, x: number) => number {
  const { lanes, stack, images, pitch, quads, pack, groupsPerRow, row: texelsOfRow, fold, texels } = layout;
  return (image, channel, y, x) => {
    const group = Math.floor(channel / pack);
    const slot = y * pitch + x;
    const quad = pack === 4 ? 0 : stack === 4 ? slot : slot >> 2;
    const component = pack === 4 ? channel % 4 : stack === 4 ? image % 4 : slot & 3;
    const block = Math.floor(image / images) * fold;
    const lane = Math.floor(image / stack) % lanes;
    const within = (group * quads + quad) * lanes + lane;
    if (texelsOfRow > 0) return ((block + Math.floor(within / texelsOfRow)) * texels + (within % texelsOfRow)) * 4 + component;
    const row = block + Math.floor(group / groupsPerRow);
    const column = ((group % groupsPerRow) * quads + quad) * lanes + lane;
    return (row * texels + column) * 4 + component;
  };
}

/** NCHW images to the block layout, images padded with zeros to `blocks` blocks. */
export function toBlocks(layout: BlockLayout, nchw: Float32Array, blocks: number): Float32Array {
  const { channels, height, width } = layout;
  const out = new Float32Array(blocks * layout.fold * layout.texels * 4);
  const at = indexer(layout);
  // Where the pixels of the first image go; those of image n go as far behind as its first one does. The adapter may be waiting.
  const places = new Uint32Array(channels * height * width);
  for (let c = 0, i = 0; c < channels; c++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) places[i++] = at(0, c, y, x);
  for (let n = 0, from = 0; from < nchw.length; n++) {
    const start = at(n, 0, 0, 0);
    for (let i = 0; i < places.length; i++) out[start + places[i]] = nchw[from++];
  }
  return out;
}

/** Block layout back to NCHW of the first `images` images. */
export function fromBlocks(layout: BlockLayout, texels: Float32Array, images: number): Float32Array {
  const { channels, height, width } = layout;
  const out = new Float32Array(images * channels * height * width);
  const at = indexer(layout);
  let i = 0;
  for (let n = 0; n < images; n++)
    for (let c = 0; c < channels; c++)
      for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) out[i++] = texels[at(n, c, y, x)];
  return out;
}
