/** The tiled kernel for software adapters, as the rest of the engine sees it. */
import type { Room } from "../room.js";
import { type ConvPlan, convGrid, packingConstants, packWeights, planConv } from "./plan.js";
import { ACCUMULATORS, type ConvTile, isTiled, tileCandidates, withinVariant } from "./tile.js";

export const software: Room<ConvPlan, ConvTile> = {
  kernels: ["conv2d"],
  can: isTiled,
  candidates: tileCandidates,
  plan: (shape, gradient, input, output, tile, limits) => planConv(shape, gradient, input, output, withinVariant(tile, limits), limits.maxTextureWidth),
  dispatches: (plan, output, blocks, { shuffle, accumulators, direct = accumulators < ACCUMULATORS.software }) =>
    plan.bands.map((band) => ({
      kernel: "conv2d",
      constants: { ...plan.constants, ...band.constants, SHUFFLE: shuffle, DIRECT: direct },
      params: { steps: plan.steps },
      grid: convGrid(plan, output, blocks),
      multiplyAdds: band.multiplyAdds,
    })),
  pack: packWeights,
  packing: (plan) => ({ kernel: "pack_weights", constants: packingConstants(plan) }),
};
