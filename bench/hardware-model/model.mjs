/** What the compilers say of every kernel of a unit. */
import { parse } from "./isa.mjs";
import { FAMILIES, onNullDevice } from "./nullDevice.mjs";

/** @returns by kernel: registers, spills, waves, instructions of the loop, and which share of the peak it can reach at most */
export function compiled(family, of) {
  const { lanes, issue } = FAMILIES[family];
  return onNullDevice(family, "compile.mjs", [JSON.stringify(of)]).map(([mark, text]) => {
    const { name, kernel, tile, masked, cost, turn, wave } = JSON.parse(mark);
    const { stats, loop } = parse(text);
    const waveLanes = lanes === 16 ? 64 : wave;
    // GCN always takes four cycles for 64 lanes; RDNA is taken to skip a half of a wave that has no lanes, as AMD's guides say.
    const occupied = lanes === 16 && turn ? Math.min(1, turn.invocations / waveLanes) : 1;
    // A sum of few steps has no loop left.
    const real = turn && loop && loop.fma + loop.mul > turn.real / 2 ? turn.real / loop.valu : NaN;
    return { name, kernel, tile, masked, cost, wave: waveLanes, ...stats, waves: stats.waves * (lanes === 32 && waveLanes === 64 ? 0.5 : 1), loop, real, peak: (real * occupied) / issue };
  });
}

/** As if nothing but the loops took time. */
export function wholeUnit(kernels) {
  const tiled = kernels.filter(({ peak }) => Number.isFinite(peak));
  const cost = tiled.reduce((sum, kernel) => sum + kernel.cost, 0);
  return { real: cost / tiled.reduce((sum, kernel) => sum + kernel.cost / kernel.real, 0), peak: cost / tiled.reduce((sum, kernel) => sum + kernel.cost / kernel.peak, 0) };
}
