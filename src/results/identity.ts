/** What a run computes, as plain data, but for its checkpoints: two runs of equal identity give a checkpoint the same bytes. */
import { createHash } from "node:crypto";
import type { Gpu } from "../gpu/device.js";
import type { StemOptions } from "../model/networks/family.js";
import type { Normalisation } from "../io/types.js";
import type { SweepConfig } from "../sweep/config.js";
import type { Shard } from "../sweep/shards.js";

/** On what: another device adds floats in another order. */
export interface DeviceIdentity {
  /** Name and back end. */
  adapter: string;
  driver: string;
  /** Which kernels, where not those for software: they, too, add floats in another order. Of merged parts both. */
  kernels?: string;
}

/** What computes. */
export type RunsOn = Pick<Gpu, "adapter" | "kernels">;

export const identityOfDevice = ({ adapter, kernels }: RunsOn): DeviceIdentity =>
  ({ adapter: `${adapter.name} (${adapter.backend})`, driver: adapter.description, ...(kernels !== "software" && { kernels }) });

export interface RunIdentity extends DeviceIdentity {
  packageVersion: string;
  config: SweepConfig;
  /** What the user said of a stem; absent where that was nothing. */
  stem?: StemOptions;
  /** Which weights of the checkpoints were asked for; absent where the plain ones are meant. */
  key?: string;
  /** SHA-256 of the exported program whose graph was named for the checkpoints' weights; absent where none was. */
  graph?: string;
  dataset: { name: string; split: string; images: number; sha256: string; normalisation: Normalisation | null };
  /** The part of the sweep that is evaluated here; null for all of it. */
  shard: Shard | null;
}

/** Leaf values by dotted name; arrays of plain values are leaves. */
function flatten(value: unknown, name = "", into = new Map<string, string>()): Map<string, string> {
  const inner = typeof value === "object" && value !== null && !(Array.isArray(value) && value.every((v) => typeof v !== "object"));
  if (inner) for (const [key, item] of Object.entries(value)) flatten(item, name ? `${name}.${key}` : key, into);
  else into.set(name, JSON.stringify(value));
  return into;
}

const shown = (text: string | undefined): string => (text === undefined ? "nothing" : text.length > 40 ? `${text.slice(0, 20)}…${text.slice(-8)}` : text);

/** Every difference as "name: there X, here Y"; empty when equal. */
export function differences(there: object, here: object): string[] {
  const [a, b] = [there, here].map((identity: { kernels?: string }) => flatten({ ...identity, kernels: identity.kernels ?? "software" }));
  return [...new Set([...a.keys(), ...b.keys()])]
    .filter((key) => a.get(key) !== b.get(key))
    .map((key) => `${shown(key.replace(/^config\./, ""))}: there ${shown(a.get(key))}, here ${shown(b.get(key))}`);
}

/** Binds a journal to its run. */
export function identityHash(identity: RunIdentity): Buffer {
  const leaves = [...flatten(identity).entries()].sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256").update(JSON.stringify(leaves)).digest();
}
