/** Gradient of a convolution's weights by the kernels for hardware: its tile and its steps. */
import { layoutConstants } from "../../../layout/blocks.js";
import { windowConstants } from "../../../layout/shape.js";
import type { LearningSite, ParameterPlace } from "../../common/site.js";
import { layerOf, type Step } from "../../common/step.js";
import { FEW_WORKGROUPS } from "../room.js";
import { channelsOfGroup, type ConvShape, convOutput, multiplyAdds } from "../shape.js";
import { FLAT_BELOW, paddedTo, sizeFor } from "./tile.js";

/** What a workgroup of shaders/conv2d_gemm_weight_grad.wgsl computes of a group's weights. */
export interface WeightGradientTile {
  /** Output channels, and columns: input channels of a tap. */
  outs: number;
  columns: number;
  /** Of an invocation. */
  ownOuts: number;
  ownColumns: number;
  /** vec4 of images in workgroup memory at once. */
  depth: number;
}

const SIZES = [64, 32, 16, 8];
/** Texels in a row of what is summed. */
const SUMS_ROW = 4096;

/** Whether columns are channels and taps in one row: where a tap alone has few. */
const isFlat = (shape: ConvShape): boolean => shape.inChannels / shape.groups < FLAT_BELOW;

/**
 * 64 channels x 64 columns, 8 x 8 an invocation, as in the forward kernel; less where that would mostly be padding.
 * @param accumulators sums that an invocation may keep
 */
export function chooseWeightGradientTile(shape: ConvShape, accumulators: number): WeightGradientTile {
  const [ins, outs] = [shape.inChannels / shape.groups, shape.outChannels / shape.groups];
  const tile = { outs: sizeFor(SIZES, outs), columns: sizeFor(SIZES, isFlat(shape) ? ins * shape.kernel[0] * shape.kernel[1] : ins) };
  const isWide = accumulators >= 64;
  return { ...tile, ownOuts: isWide && tile.outs >= 32 ? 8 : 4, ownColumns: isWide && tile.columns >= 32 ? 8 : 4, depth: isWide ? 4 : 1 };
}

/** @param place of the weight's gradient. @returns null where groups are too small for a tile: the plain kernel has to do it */
export function weightGradientSteps(weight: string, shape: ConvShape, site: LearningSite, place: ParameterPlace): Step[] | null {
  const { inputs: [input], gradient, options } = site;
  const { outs, sums: ins } = channelsOfGroup(shape, false);
  if (shape.groups > 1 && outs < 4) return null;
  const tile = chooseWeightGradientTile(shape, options.accumulators);
  const taps = shape.kernel[0] * shape.kernel[1];
  const ofTap = isFlat(shape) ? ins : paddedTo(ins, tile.columns);
  const [tilesOfOuts, tilesOfColumns] = [Math.ceil(outs / tile.outs), Math.ceil((taps * ofTap) / tile.columns)];
  const out = convOutput(shape);
  const places = out.height * out.width * gradient.blocks;
  const tiles = tilesOfColumns * tilesOfOuts * shape.groups;
  // Where weights are few, places and images are shared out.
  const shares = Math.min(places, Math.ceil((options.workgroups ?? FEW_WORKGROUPS) / tiles));
  const texels = (tiles * tile.outs * tile.columns) / 4;
  const texture = site.texture("weight-gradient", Math.min(SUMS_ROW, texels * shares), Math.ceil((texels * shares) / SUMS_ROW));
  const shared = {
    TM: tile.outs, TN: tile.columns, OWN_N: tile.ownColumns, COLUMNS_OF_TAP: ofTap, TILES_M: tilesOfOuts, TILES_N: tilesOfColumns, SHARES: shares, SUMS_ROW,
    GROUPS: shape.groups, GROUP_OUTS: outs, GROUP_INS: ins, TAPS: taps,
  };
  const gradients = `gradients/${place.arena}`;
  return [
    {
      kernel: "conv2d_gemm_weight_grad",
      name: `conv2d weight gradient ${layerOf(weight)}`,
      constants: { ...layoutConstants("IN", input.layout), ...layoutConstants("OTHER", gradient.layout), ...windowConstants(shape), ...shared, FLAT: isFlat(shape), OWN_M: tile.ownOuts, K: tile.depth },
      params: { images: options.images, places, places_of_share: Math.ceil(places / shares) },
      bindings: { input: input.resource, dy: gradient.resource, output: texture },
      writes: [texture],
      grid: [tilesOfColumns, tilesOfOuts * shape.groups, shares],
      cost: multiplyAdds(shape) * gradient.blocks * gradient.layout.images,
    },
    {
      kernel: "unpack_gemm_weight_grad",
      name: `unpack_weight_grad ${layerOf(weight)}`,
      constants: shared,
      params: { first: place.first },
      bindings: { sums: texture, gradients },
      writes: [gradients],
      grid: [Math.ceil(Math.min(texels, SUMS_ROW) / 64), Math.ceil(texels / SUMS_ROW), 1],
      cost: texels * shares * 4,
    },
  ];
}
