/** The tiled kernel for hardware, as the rest of the engine sees it. */
import type { Room } from "../room.js";
import { gemmGrid, type GemmPlan, packGemmWeights, planGemm } from "./plan.js";
import { gemmCandidates, type GemmTile, isGemm } from "./tile.js";

export const hardware: Room<GemmPlan, GemmTile> = {
  kernel: "conv2d_gemm",
  can: isGemm,
  candidates: gemmCandidates,
  plan: planGemm,
  dispatches: (plan, output, blocks) => [{ constants: plan.constants, params: {}, grid: gemmGrid(plan, output, blocks), multiplyAdds: plan.multiplyAdds }],
  pack: packGemmWeights,
};
