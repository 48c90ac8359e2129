/** Tiles that were measured once, kept for every later run of the same kernels on the same adapter. */
import type { AdapterSummary } from "../gpu/adapter.js";
import type { Gpu } from "../gpu/device.js";
import { shader } from "../gpu/shader.js";
import { roomOf, type TileTable } from "../ops/convolution/kernels.js";
import { keep, readKept } from "../platform.js";

interface Kept {
  adapter: string;
  tiles: TileTable;
}

/** Adapter and driver as Dawn names them. */
const nameOf = (adapter: AdapterSummary): string => `${adapter.name}; ${adapter.description}; ${adapter.backend}`;
/** Of another driver or kernel nothing is worth keeping. */
const partsOf = (gpu: Pick<Gpu, "adapter" | "kernels">): string[] => [nameOf(gpu.adapter), ...roomOf(gpu).kernels.map((kernel) => shader(kernel).source)];

/** Every convolution measured so far. */
export async function readTiles(gpu: Pick<Gpu, "adapter" | "kernels">): Promise<TileTable> {
  return { ...((await readKept("tiles", partsOf(gpu))) as Kept | null)?.tiles };
}

export const writeTiles = (gpu: Pick<Gpu, "adapter" | "kernels">, tiles: TileTable): Promise<void> => keep("tiles", partsOf(gpu), { adapter: nameOf(gpu.adapter), tiles } satisfies Kept);
