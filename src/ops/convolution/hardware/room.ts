/** The tiled kernels for hardware, as the rest of the engine sees them: the shape decides which, and its tile names it. */
import type { Room } from "../room.js";
import { isPatch, patchCandidates, type PatchTile, planPatch } from "./patch.js";
import { gridOf, type HardwarePlan, packGemmWeights, planGemm } from "./plan.js";
import { gemmCandidates, type GemmTile, isGemm } from "./tile.js";

export type HardwareTile = GemmTile | PatchTile;

export const hardware: Room<HardwarePlan, HardwareTile> = {
  kernels: ["conv2d_gemm", "conv2d_patch"],
  can: (shape, gradient) => isPatch(shape, gradient) || isGemm(shape, gradient),
  candidates: (shape, gradient, limits) => (isPatch(shape, gradient) ? patchCandidates(shape, gradient, limits) : gemmCandidates(shape, gradient, limits)),
  plan: (shape, gradient, input, output, tile, limits) =>
    tile.kernel === "conv2d_patch" ? planPatch(shape, gradient, input, output, tile, limits) : planGemm(shape, gradient, input, output, tile, limits),
  dispatches: (plan, output, blocks) => [{ kernel: plan.kernel, constants: plan.constants, params: {}, grid: gridOf(plan, output, blocks), multiplyAdds: plan.multiplyAdds }],
  pack: packGemmWeights,
};
