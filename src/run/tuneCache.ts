/** Tiles that were measured once, kept for every later run on the same adapter. */
import type { AdapterSummary } from "../gpu/adapter.js";
import { shader } from "../gpu/shader.js";
import type { TileTable } from "../ops/convolution/tile.js";
import { keep, readKept } from "../platform.js";

interface Kept {
  adapter: string;
  tiles: TileTable;
}

/** Adapter and driver as Dawn names them. */
const nameOf = (adapter: AdapterSummary): string => `${adapter.name}; ${adapter.description}; ${adapter.backend}`;
/** Of another driver or kernel nothing is worth keeping. */
const partsOf = (adapter: AdapterSummary): string[] => [nameOf(adapter), shader("conv2d").source];

/** Every convolution measured so far. */
export async function readTiles(adapter: AdapterSummary): Promise<TileTable> {
  return { ...((await readKept("tiles", partsOf(adapter))) as Kept | null)?.tiles };
}

export const writeTiles = (adapter: AdapterSummary, tiles: TileTable): Promise<void> => keep("tiles", partsOf(adapter), { adapter: nameOf(adapter), tiles } satisfies Kept);
