/** Bytes per multiply-add of a unit's convolutions, on paper: what workgroups load, with no luck in any cache between them. */
import { turnOf, unitOf } from "./cases.mjs";

/** Bytes that a workgroup loads in one turn of its inner loop. */
const LOADED = {
  conv2d_gemm: (c) => c.K * (c.TM + c.TN) * 4,
  conv2d_uniform: (c, lanes) => c.K * (c.OC * 4 + 16 * lanes),
  conv2d_gemm_weight_grad: (c) => c.K * (c.TM + c.TN) * 16,
  conv2d_patch: (c, lanes) => c.WINDOW_H * c.WINDOW_W * 16 * lanes + c.TAPS * 16,
  conv2d: (c, lanes) => c.MAPS * c.BLOCKS * c.SOURCE_QUADS * 16 * lanes + Math.ceil((c.OC * c.IN_PACK * c.MAPS * c.KERNEL_ROWS * c.KERNEL_COLS) / 4) * 16,
};

/** @returns bytes from L2 a real multiply-add: `l2` over the whole unit, `each` by step */
export function bytesOf(of) {
  const { plan, limits, steps } = unitOf(of);
  const each = steps.flatMap((step) => {
    const turn = turnOf(plan, step, limits.lanes);
    if (!turn) return [];
    const { constants: c } = step;
    return [{ name: step.name, cost: step.cost, bytes: LOADED[step.kernel](c, limits.lanes) / (turn.real * turn.invocations) }];
  });
  return { l2: each.reduce((sum, { cost, bytes }) => sum + cost * bytes, 0) / each.reduce((sum, { cost }) => sum + cost, 0), each };
}
