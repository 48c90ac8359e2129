/** The tiled kernels for hardware, as the rest of the engine sees them: the shape decides which, and its tile names it. */
import type { Room, TiledLimits } from "../room.js";
import type { ConvShape } from "../shape.js";
import { isPatch, patchCandidates, type PatchTile, planPatch } from "./patch.js";
import { gridOf, type HardwarePlan, packGemmWeights, packingConstants, planGemm } from "./plan.js";
import { chooseGemmTile, gemmCandidates, type GemmTile, isGemm } from "./tile.js";
import { planUniform, uniformCandidates, type UniformTile } from "./uniform.js";

export type HardwareTile = GemmTile | PatchTile | UniformTile;

/** Masks double the loop where weights are read as they come: there what is filtered is left to the kernel that removes them on the way. */
const suited = (tile: HardwareTile, shape: ConvShape, gradient: boolean, limits: TiledLimits): HardwareTile =>
  tile.kernel === "conv2d_uniform" && limits.masked ? chooseGemmTile(shape, gradient, limits) : tile;

export const hardware: Room<HardwarePlan, HardwareTile> = {
  kernels: ["conv2d_gemm", "conv2d_patch", "conv2d_uniform"],
  can: (shape, gradient) => isPatch(shape, gradient) || isGemm(shape, gradient),
  candidates: (shape, gradient, limits) => (isPatch(shape, gradient) ? patchCandidates(shape, gradient, limits) : [...gemmCandidates(shape, gradient, limits), ...uniformCandidates(shape, gradient)]),
  plan(shape, gradient, input, output, chosen, limits) {
    const tile = suited(chosen, shape, gradient, limits);
    switch (tile.kernel) {
      case "conv2d_gemm": return planGemm(shape, gradient, input, output, tile, limits);
      case "conv2d_patch": return planPatch(shape, gradient, input, output, tile, limits);
      case "conv2d_uniform": return planUniform(shape, gradient, input, output, tile);
    }
  },
  dispatches: (plan, output, blocks) => [{ kernel: plan.kernel, constants: plan.constants, params: plan.params, grid: gridOf(plan, output, blocks), multiplyAdds: plan.multiplyAdds }],
  pack: packGemmWeights,
  packing: (plan) => ({ kernel: "pack_gemm_weights", constants: packingConstants(plan) }),
};
