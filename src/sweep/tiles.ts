/** Register tiles for a sweep: out of the cache, measured where that pays, else the defaults. Results do not depend on them. */
import type { Gpu } from "../gpu/device.js";
import type { Architecture } from "../model/architecture.js";
import { roomOf, type TileTable } from "../ops/convolution/kernels.js";
import { sameTile } from "../ops/convolution/room.js";
import { tileKey } from "../ops/convolution/shape.js";
import type { MapShape } from "../layout/blocks.js";
import { planUnit, type PlanOptions } from "../plan/plan.js";
import { kernelLimits, kindOf } from "../run/limits.js";
import { tuneTiles, type Tunable } from "../run/tune.js";
import { readTiles, writeTiles } from "../run/tuneCache.js";

export type { TileTable };

type BatchNorm = PlanOptions["batchNorm"];

/**
 * - `off`: the defaults
 * - `cached`: what was measured before, nothing is measured now
 * - `missing`: measures convolutions that never were
 * - `anew`: measures all of them
 */
export type Tuning = "off" | "cached" | "missing" | "anew";

/** Multiply-adds of a sweep for which measuring first pays: some minutes of work. */
const WORTH = { software: 5e12, hardware: 2e15 };

/** Every convolution and gradient of a network that a tuned kernel does; a stem joined to its max-pool has a kernel of its own. */
function convolutions(gpu: Gpu, network: Architecture, image: MapShape, batchNorm: BatchNorm): Tunable[] {
  const plan = planUnit(network, {
    image, filtered: [network.layers[0].name], variants: 1, blocksPerVariant: 1, images: 1, attacks: [], clamp: false, batchNorm,
    ...kernelLimits(gpu, image),
  });
  return [...plan.prefix, ...plan.body].filter(({ kernel }) => roomOf(gpu).kernels.includes(kernel)).flatMap(({ bindings }) => plan.weights.get(bindings.weights)!.conv ?? []);
}

/** Whether a sweep of so many multiply-adds is long enough to measure first. */
export const isWorthTuning = (gpu: Gpu, multiplyAdds: number): boolean => multiplyAdds > WORTH[kindOf(gpu)];

/** @param onTry called before each convolution that is measured */
export async function tilesFor(gpu: Gpu, networks: Architecture[], image: MapShape, batchNorm: BatchNorm, tuning: Tuning, onTry?: (done: number, of: number) => void): Promise<TileTable> {
  if (tuning === "off") return {};
  const limits = kernelLimits(gpu, image);
  const wanted = new Map(networks.flatMap((network) => convolutions(gpu, network, image, batchNorm)).map((conv) => [tileKey(conv.shape, conv.gradient), conv]));
  const cached = await readTiles(gpu);
  const known: TileTable = {};
  const missing: Tunable[] = [];
  for (const [key, conv] of wanted) {
    // What stands in a file is only taken if it is a tile that this kernel has.
    const tile = tuning === "anew" ? undefined : roomOf(limits).candidates(conv.shape, conv.gradient, limits).find((candidate) => sameTile(candidate, cached[key]));
    if (tile) known[key] = tile;
    else missing.push(conv);
  }
  if (tuning === "cached" || missing.length === 0) return known;
  const measured = await tuneTiles(gpu, missing, limits, onTry);
  await writeTiles(gpu, { ...cached, ...measured });
  return { ...known, ...measured };
}
