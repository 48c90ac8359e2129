/** Register tiles for a sweep: out of the cache, measured where that pays, else the defaults. Results do not depend on them. */
import type { Gpu } from "../gpu/device.js";
import type { Network } from "../model/resnet.js";
import { ACCUMULATORS, sameTile, tileCandidates, tileKey, type TileLimits, type TileTable } from "../ops/convTile.js";
import type { MapShape } from "../plan/layout.js";
import { planUnit } from "../plan/plan.js";
import { tuneTiles, type Tunable } from "../run/tune.js";
import { readTiles, writeTiles } from "../run/tuneCache.js";

/**
 * - `off`: the defaults
 * - `cached`: what was measured before, nothing is measured now
 * - `missing`: measures convolutions that never were
 * - `anew`: measures all of them
 */
export type Tuning = "off" | "cached" | "missing" | "anew";

/** Multiply-adds of a sweep for which measuring first pays: some minutes of work. */
const WORTH = { software: 5e12, hardware: 2e15 };

export const kindOf = (gpu: Gpu): "software" | "hardware" => (gpu.adapter.software ? "software" : "hardware");

export const tileLimits = (gpu: Gpu): TileLimits => ({ lanes: gpu.lanes, accumulators: ACCUMULATORS[kindOf(gpu)] });

/** Every convolution and gradient of a network. */
function convolutions(gpu: Gpu, network: Network, image: MapShape): { tunables: Tunable[]; multiplyAdds: number } {
  const plan = planUnit(network, {
    image, filtered: [network.layers[0].name], variants: 1, blocksPerVariant: 1, images: 1, attacks: [], clamp: false, batchNorm: "running",
    maxTextureWidth: gpu.maxTextureWidth, shuffle: gpu.shuffle, ...tileLimits(gpu),
  });
  const convs = [...plan.weights.values()].map(({ conv }) => conv);
  return { tunables: convs, multiplyAdds: convs.reduce((sum, conv) => sum + conv.multiplyAdds, 0) };
}

/** Whether a sweep over so many filtered networks x images is long enough to measure first. */
export function isWorthTuning(gpu: Gpu, network: Network, image: MapShape, networkImages: number): boolean {
  return convolutions(gpu, network, image).multiplyAdds * networkImages > WORTH[kindOf(gpu)];
}

/** @param onTry called before each convolution that is measured */
export async function tilesFor(gpu: Gpu, networks: Network[], image: MapShape, tuning: Tuning, onTry?: (done: number, of: number) => void): Promise<TileTable> {
  if (tuning === "off") return {};
  const limits = tileLimits(gpu);
  const wanted = new Map(networks.flatMap((network) => convolutions(gpu, network, image).tunables).map((conv) => [tileKey(conv.shape, conv.gradient), conv]));
  const cached = await readTiles(gpu.adapter);
  const known: TileTable = {};
  const missing: Tunable[] = [];
  for (const [key, conv] of wanted) {
    // What stands in a file is only taken if it is a tile that this kernel has.
    const tile = tuning === "anew" ? undefined : tileCandidates(conv.shape, conv.gradient, limits).find((candidate) => sameTile(candidate, cached[key]));
    if (tile) known[key] = tile;
    else missing.push(conv);
  }
  if (tuning === "cached" || missing.length === 0) return known;
  const measured = await tuneTiles(gpu, missing, limits, onTry);
  await writeTiles(gpu.adapter, { ...cached, ...measured });
  return { ...known, ...measured };
}
