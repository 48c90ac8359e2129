/** Bytes per multiply-add of a unit's convolutions, on paper: what workgroups load, with no luck in any cache between them. */
import { turnOf, unitOf } from "./cases.mjs";

/** @returns bytes from L2 a real multiply-add: `l2` over the whole unit, `each` by step */
export function bytesOf(of) {
  const { plan, limits, steps } = unitOf(of);
  const each = steps.flatMap((step) => {
    const turn = turnOf(plan, step, limits.lanes);
    if (!turn) return [];
    const { constants: c } = step;
    const products = c.IN_PACK * c.MAPS * c.KERNEL_ROWS * c.KERNEL_COLS;
    const loaded = step.kernel === "conv2d_gemm" ? c.K * (c.TM + c.TN) * 4 : c.MAPS * c.BLOCKS * c.SOURCE_QUADS * 16 * limits.lanes + Math.ceil((c.OC * products) / 4) * 16;
    return [{ name: step.name, cost: step.cost, bytes: loaded / (turn.real * turn.invocations) }];
  });
  return { l2: each.reduce((sum, { cost, bytes }) => sum + cost * bytes, 0) / each.reduce((sum, { cost }) => sum + cost, 0), each };
}
