/** Gradient of a convolution's weights by the kernels for software: its tile and its steps. */
import { type BlockLayout, layoutConstants } from "../../../layout/blocks.js";
import { windowConstants } from "../../../layout/shape.js";
import type { LearningSite, ParameterPlace } from "../../common/site.js";
import { layerOf, type Step } from "../../common/step.js";
import { usedTaps } from "./plan.js";
import { FEW_WORKGROUPS } from "../room.js";
import { type ConvShape, convOutput, multiplyAdds } from "../shape.js";
import { PRODUCTS_PER_SUM } from "./tile.js";

/** What one invocation of shaders/conv2d_weight_grad.wgsl computes. */
export interface WeightGradientTile {
  /** Lanes are output channels, else input channels. */
  lanesOut: boolean;
  /** Output and input channels: some of the lane's own (vec4 of them on maps of one pixel) and some of the other side. */
  outs: number;
  ins: number;
  /** Kernel rows. */
  rows: number;
  /** Maps are done whole, else row by row. */
  isWhole: boolean;
}

export interface WeightGradientLimits {
  lanes: number;
  accumulators: number;
}

const SIZES = [16, 8, 4, 2, 1];
/** vec4 that an invocation loads at once: each is code that a driver has to compile. */
const MOST_LOADS = 64;

/**
 * @param read layout of the convolution's input, @param written that of its output
 * @returns the tile, or null where none keeps to the sums and products that an adapter is given
 */
export function chooseWeightGradientTile(shape: ConvShape, read: BlockLayout, written: BlockLayout, { lanes, accumulators }: WeightGradientLimits): WeightGradientTile | null {
  const out = convOutput(shape);
  const [ins, outs] = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
  // A vec4 of channels has to be of one group.
  if (shape.groups > 1 && ((written.pack > 1 && outs % written.pack !== 0) || (read.pack > 1 && ins % read.pack !== 0))) return null;
  const lanesOut = shape.groups > 1 || (ins < lanes * read.pack && ins < outs);
  const [own, other] = lanesOut ? [written.pack, read.pack] : [read.pack, written.pack];
  const code = accumulators * PRODUCTS_PER_SUM;
  const columns = usedTaps(shape, 1, shape.width, out.width).count;
  const used = usedTaps(shape, 0, shape.height, out.height).count;
  const whole = Math.max(1, multiplyAdds({ ...shape, inChannels: 1, outChannels: 1, groups: 1 }));
  const [ofLanes, ofOthers] = lanesOut ? [outs, ins] : [ins, outs];
  const padded = (mine: number): number => Math.ceil(ofLanes / mine / lanes) * lanes * mine;
  /** Of what an invocation may hold, the channels for which it loads least: each that it loads of one side meets all of the other. */
  const widest = (rows: number, products: number, isWhole: boolean): WeightGradientTile | null => {
    const loads = { x: isWhole ? read.quads : Math.ceil((rows * read.pitch) / 4), dy: isWhole ? written.quads : Math.ceil(written.pitch / 4) };
    const [ofLane, ofOther] = lanesOut ? [loads.dy / own, loads.x / other] : [loads.x / own, loads.dy / other];
    let [best, least] = [null as WeightGradientTile | null, Infinity];
    for (const mine of SIZES) {
      if (mine % own !== 0 || padded(mine) > padded(own) || (shape.groups > 1 && outs % mine !== 0)) continue;
      const most = Math.min(accumulators / (rows * columns), code / products) / mine;
      const size = SIZES.find((count) => count <= most && mine * ofLane + count * ofOther <= MOST_LOADS && count % other === 0 && (count <= ofOthers || count === other) && (shape.groups === 1 || ins % count === 0));
      const each = size ? ofLane / size + ofOther / mine : Infinity;
      if (size && each < least) [best, least] = [{ lanesOut, outs: lanesOut ? mine : size, ins: lanesOut ? size : mine, rows, isWhole }, each];
    }
    return best;
  };
  const most = Math.min(8, ofOthers);
  const inOne = widest(used, whole, true);
  const isLarge = (tile: WeightGradientTile | null): boolean => tile !== null && (tile.outs * tile.ins) / own >= most;
  if (Math.min(shape.width, out.width) < 3 || isLarge(inOne)) return inOne;
  const [kernelRows] = shape.kernel;
  const all = widest(kernelRows, kernelRows * columns * out.width, false);
  if (isLarge(all)) return all;
  return widest(1, columns * out.width, false) ?? all ?? inOne;
}

/** @param place of the weight's gradient. @returns null where the plain kernel has to do it */
export function weightGradientSteps(weight: string, shape: ConvShape, site: LearningSite, place: ParameterPlace): Step[] | null {
  const { inputs: [input], gradient, options } = site;
  const { lanes, images } = options;
  const [ins, outs] = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
  const tile = chooseWeightGradientTile(shape, input.layout, gradient.layout, options);
  if (!tile) return null;
  const gradients = `gradients/${place.arena}`;
  const { KERNEL_H, KERNEL_W, ...window } = windowConstants(shape);
  const out = convOutput(shape);
  const columns = usedTaps(shape, 1, shape.width, out.width);
  const top = tile.isWhole ? usedTaps(shape, 0, shape.height, out.height).first : 0;
  const rowTiles = tile.isWhole ? 1 : Math.ceil(shape.kernel[0] / tile.rows);
  const [x, y] = tile.lanesOut
    ? [Math.ceil(shape.outChannels / tile.outs / lanes), Math.ceil(ins / tile.ins)]
    : [Math.ceil(ins / tile.ins / lanes), Math.ceil(shape.outChannels / tile.outs)];
  // Where channels are few, images are shared out.
  const shares = Math.max(1, Math.min(Math.ceil(images / 4), Math.ceil((options.workgroups ?? FEW_WORKGROUPS) / (x * y * rowTiles))));
  const sums = tile.outs * tile.ins * tile.rows * columns.count;
  const texels = Math.ceil(sums / 4) * lanes;
  const perRow = Math.min(x, Math.floor(options.maxTextureWidth / texels));
  const tileRows = Math.ceil(x / perRow);
  const texture = site.texture("weight-gradient", perRow * texels, tileRows * y * rowTiles * shares);
  const shared = {
    LANES_OUT: tile.lanesOut, OUTS: tile.outs, INS: tile.ins, GROUP_INS: ins, TAP_TOP: top, TAP_LEFT: columns.first, TAP_ROWS: tile.rows, TAP_COLS: columns.count,
    SUMS: sums, SHARES: shares, TILES_Y: y, TILES_PER_ROW: perRow, TILE_ROWS: tileRows,
  };
  return [
    {
      kernel: "conv2d_weight_grad",
      name: `conv2d weight gradient ${layerOf(weight)}`,
      constants: {
        ...layoutConstants("IN", input.layout), ...layoutConstants("OTHER", gradient.layout), ...window, ...shared, GROUP_OUTS: outs, WHOLE: tile.isWhole,
        X_QUADS: tile.isWhole ? input.layout.quads : (tile.rows * input.layout.pitch) / 4, DY_QUADS: tile.isWhole ? gradient.layout.quads : gradient.layout.pitch / 4, DY_ROWS: tile.isWhole ? out.height : 1,
      },
      params: { images },
      bindings: { input: input.resource, dy: gradient.resource, output: texture },
      writes: [texture],
      grid: [x, y, rowTiles * shares],
      cost: multiplyAdds(shape) * gradient.blocks * lanes,
    },
    {
      kernel: "unpack_weight_grad",
      name: `unpack_weight_grad ${layerOf(weight)}`,
      constants: { LANES: lanes, ...shared, KERNEL_H, KERNEL_W, OUT_CHANNELS: shape.outChannels },
      params: { first: place.first },
      bindings: { sums: texture, gradients },
      writes: [gradients],
      grid: [Math.ceil((x * texels) / 64), y, rowTiles],
      cost: x * texels * y * rowTiles * shares * 4,
    },
  ];
}
