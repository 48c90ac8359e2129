/** Tiles that were measured once, kept in the user's cache folder for every later run on the same adapter. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AdapterSummary } from "../gpu/device.js";
import { shader } from "../gpu/shader.js";
import type { TileTable } from "../ops/convolution/tile.js";

interface CacheFile {
  adapter: string;
  tiles: TileTable;
}

/** The launcher's own folder, made for this user alone. */
const VULKAN = new URL("../../../bin/vulkan.js", import.meta.url);

/** Adapter and driver as Dawn names them. */
const nameOf = (adapter: AdapterSummary): string => `${adapter.name}; ${adapter.description}; ${adapter.backend}`;

/** The file for this adapter, driver and kernel, or null where there is no cache folder. */
async function cachePath(adapter: AdapterSummary): Promise<string | null> {
  const { cacheFolder } = (await import(VULKAN.href)) as { cacheFolder(): string | null };
  const folder = cacheFolder();
  const key = createHash("sha256").update(nameOf(adapter)).update(shader("conv2d").source).digest("hex").slice(0, 16);
  return folder && join(folder, `tiles-${key}.json`);
}

/** Every convolution measured so far; empty where nothing readable is kept. */
export async function readTiles(adapter: AdapterSummary): Promise<TileTable> {
  const path = await cachePath(adapter);
  if (!path || !existsSync(path)) return {};
  try {
    return { ...(JSON.parse(readFileSync(path, "utf8")) as CacheFile).tiles };
  } catch {
    // A cache is never worth an error: it is measured anew.
    return {};
  }
}

/** Keeps what was measured; a cache folder that takes no files is no reason to stop. */
export async function writeTiles(adapter: AdapterSummary, tiles: TileTable): Promise<void> {
  const path = await cachePath(adapter);
  if (!path) return;
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, `${JSON.stringify({ adapter: nameOf(adapter), tiles }, null, 2)}\n`);
    renameSync(temporary, path);
  } catch {
    // Read-only home folders exist.
  }
}
