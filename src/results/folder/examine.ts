/** Whether parts of a sweep make it up: what is missing, what is damaged, what is of another configuration. */
import { resolve } from "node:path";
import { InputError } from "../../errors.js";
import { shardName } from "../../sweep/shards.js";
import { differences, identityHash, type RunIdentity } from "../identity.js";
import { lockHolder } from "./lock.js";
import type { Manifest } from "../manifest.js";
import { MergedUnits } from "../merge.js";
import { finishedKeys, layersOfSweep, openPart, type Part } from "./parts.js";

export interface Problem {
  kind: "missing" | "damaged" | "different";
  message: string;
}

export interface Examined {
  /** Of the whole sweep; null when no part could be read. */
  manifest: Manifest | null;
  /** Those of the sweep, sorted by folder. */
  parts: Part[];
  problems: Problem[];
  /** Units that no part has, and all. */
  missing: number;
  total: number;
}

const MIXED = " + ";

/** What has to be equal: everything but the shard and, where adapters may be mixed, the adapter and its kernels. */
const comparable = (identity: RunIdentity, mixed: boolean): RunIdentity => ({ ...identity, shard: null, ...(mixed && { adapter: "", driver: "", kernels: "" }) });

/** The parts that most of the others agree with. */
function largestGroup(parts: Part[], mixed: boolean): Part[] {
  const groups = new Map<string, Part[]>();
  for (const part of parts) {
    const key = JSON.stringify([identityHash(comparable(part.manifest.identity, mixed)).toString("hex"), part.manifest.checkpoints.map(({ path }) => path)]);
    groups.set(key, [...(groups.get(key) ?? []), part]);
  }
  return [...groups.values()].reduce((most, group) => (group.length > most.length ? group : most), []);
}

/** How a part differs from the sweep's. */
function differenceOf({ manifest }: Part, sweep: Manifest, mixed: boolean): string {
  const paths = (of: Manifest): string[] => of.checkpoints.map(({ path }) => path);
  const [there, here] = [paths(sweep), paths(manifest)];
  const lists = [...there.filter((path) => !here.includes(path)).map((path) => `checkpoint ${path}: only there`), ...here.filter((path) => !there.includes(path)).map((path) => `checkpoint ${path}: only here`)];
  const found = [...differences(comparable(sweep.identity, mixed), comparable(manifest.identity, mixed)), ...lists];
  return found.length === 0 ? "checkpoints in another order" : `${found.slice(0, 6).join("; ")}${found.length > 6 ? `; and ${found.length - 6} more` : ""}`;
}

/** The manifest of the whole sweep, with every hash that a part knows, and the parts whose hashes contradict the others'. */
function wholeOf(parts: Part[], mixed: boolean): { manifest: Manifest; others: Map<Part, string> } {
  const [{ manifest: first }] = parts;
  const hashes = new Map<string, string>();
  const others = new Map<Part, string>();
  for (const part of parts) {
    const known = part.manifest.checkpoints.filter(({ sha256 }) => sha256 !== null);
    const other = known.find(({ path, sha256 }) => hashes.has(path) && hashes.get(path) !== sha256);
    if (other) others.set(part, `checkpoint ${other.path}: SHA-256 there ${hashes.get(other.path)!.slice(0, 12)}, here ${other.sha256!.slice(0, 12)}`);
    else for (const { path, sha256 } of known) hashes.set(path, sha256!);
  }
  const all = (name: "adapter" | "driver" | "kernels"): string => [...new Set(parts.map(({ manifest }) => manifest.identity[name] ?? "software"))].sort().join(MIXED);
  const kernels = all("kernels");
  const identity = { ...first.identity, shard: null, ...(mixed && { adapter: all("adapter"), driver: all("driver"), ...(kernels !== "software" && { kernels }) }) };
  return { manifest: { ...first, identity, checkpoints: first.checkpoints.map((record) => ({ ...record, sha256: hashes.get(record.path) ?? null })) }, others };
}

/** 1, 3-5 */
function ranges(numbers: number[]): string {
  const found: [number, number][] = [];
  for (const n of numbers) {
    const last = found.at(-1);
    if (last && last[1] === n - 1) last[1] = n;
    else found.push([n, n]);
  }
  return found.map(([from, to]) => (from === to ? `${from}` : `${from}-${to}`)).join(", ");
}

/** Shards without a part, by the number of shards that the parts speak of. */
function absentShards(parts: Part[]): Problem[] {
  const counts = new Map<number, Set<number>>();
  for (const { manifest: { identity: { shard } } } of parts) if (shard) counts.set(shard.count, (counts.get(shard.count) ?? new Set()).add(shard.index));
  return [...counts].flatMap(([count, there]) => {
    const absent = Array.from({ length: count }, (_, i) => i + 1).filter((index) => !there.has(index));
    return absent.length === 0 ? [] : [{ kind: "missing" as const, message: `shard${absent.length > 1 ? "s" : ""} ${ranges(absent)} of ${count}: no part (${shardName({ index: absent[0], count })})` }];
  });
}

async function unfinished(part: Part): Promise<Problem | null> {
  const { folder, manifest } = part;
  const done = finishedKeys(part).size;
  if (done >= manifest.units) return null;
  const holder = await lockHolder(folder);
  const damaged = manifest.status === "done" && !holder;
  const state = holder ? `still running${holder === "unknown" ? "" : `: process ${holder.pid} on ${holder.host}`}` : damaged ? "and was done" : "not finished: run its command again";
  return { kind: damaged ? "damaged" : "missing", message: `${folder}: has ${done} of its ${manifest.units} units (${state})` };
}

/** Opens what can be opened; a journal that isn't the run's own counts for nothing. */
async function openParts(folders: string[]): Promise<{ parts: Part[]; problems: Problem[] }> {
  const parts: Part[] = [];
  const problems: Problem[] = [];
  const unique = new Map(folders.map((folder) => [resolve(folder), folder]));
  for (const folder of [...unique].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, given]) => given)) {
    try {
      const part = await openPart(folder);
      if (!part) {
        problems.push({ kind: "missing", message: `${folder}: no manifest yet; run its command` });
        continue;
      }
      const { journal, manifest } = part;
      const { identity, whole, size } = journal?.contents ?? { identity: null, whole: 0, size: 0 };
      const own = identity?.equals(identityHash(manifest.identity)) ?? false;
      if (journal && !own) problems.push({ kind: "damaged", message: `${journal.path}: is damaged at its start or of another run; remove the folder and run its command again` });
      else if (journal && whole < size && !(await lockHolder(folder))) problems.push({ kind: "damaged", message: `${journal.path}: is damaged behind byte ${whole} of ${size}; run its command again` });
      parts.push(own ? part : { ...part, journal: null });
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      problems.push({ kind: "damaged", message: error.message });
    }
  }
  return { parts, problems };
}

/** @param folders in any order, also several times over */
export async function examine(folders: string[], options: { mixedAdapters: boolean }): Promise<Examined> {
  const { parts: opened, problems } = await openParts(folders);
  const group = largestGroup(opened, options.mixedAdapters);
  if (group.length === 0) return { manifest: null, parts: [], problems, missing: 0, total: 0 };
  const { manifest, others } = wholeOf(group, options.mixedAdapters);
  for (const part of opened) if (!group.includes(part)) others.set(part, differenceOf(part, manifest, options.mixedAdapters));
  for (const [{ folder }, what] of others) problems.push({ kind: "different", message: `${folder}: is of another run (${what})` });
  const parts = group.filter((part) => !others.has(part));
  const units = new MergedUnits(manifest, parts);
  let [missing, total, first] = [0, 0, ""];
  for (const layer of layersOfSweep(manifest)) {
    const keys = units.missing(layer);
    if (keys.length > 0 && missing === 0) first = `${layer.layer} of ${manifest.checkpoints[layer.checkpoint].path}`;
    missing += keys.length;
    total += layer.keys.length;
  }
  if (missing > 0) {
    problems.push(...absentShards(parts));
    for (const part of parts) problems.push(...[await unfinished(part)].filter((problem) => problem !== null));
    problems.push({ kind: "missing", message: `${missing} of ${total} units are in no part; the first is of ${first}` });
  }
  return { manifest, parts, problems, missing, total };
}
