/** Shares a sweep's units out: a fixed part for each shard, about equal in cost, the same on every machine. */
import type { Unit } from "./units.js";

/** 1-based. */
export interface Shard {
  index: number;
  count: number;
}

/** Names of shards have six digits at most. */
export const MOST_SHARDS = 999_999;

/** Name of the folder of a shard's part, and back. */
export const shardName = ({ index, count }: Shard): string => `shard-${index}-of-${count}`;
export const isShardName = (name: string): boolean => /^shard-[1-9]\d{0,5}-of-[1-9]\d{0,5}$/.test(name);

/**
 * Neighbouring units stay together, so that a shard reads few checkpoints: the line of all units is cut into `count` pieces of
 * equal cost, and a unit belongs to the piece its middle lies in. No shard costs more than one unit above the mean.
 */
export function shardUnits(units: Unit[], { index, count }: Shard): Unit[] {
  const total = units.reduce((sum, unit) => sum + unit.cost, 0);
  let before = 0;
  return units.filter(({ cost }) => {
    const middle = before + cost / 2;
    before += cost;
    return Math.min(count - 1, Math.floor((middle / total) * count)) === index - 1;
  });
}
