/** A run's settings in words, for the report. */
import type { LoadedRun } from "../results/loadRun.js";
import { normalisationText } from "../io/datasets/normalise.js";
import type { Normalisation } from "../io/types.js";
import { attackText } from "../sweep/attack.js";
import type { RunIdentity } from "../results/identity.js";

/** Name and value in plain text; a list where there may be many. */
export type Setting = [name: string, value: string | string[]];

/** What pixels from 0 to 1 became. */
const normalisationOf = (normalisation: Normalisation | null | undefined): string => (normalisation ? `(pixel of 0 to 1 − mean) / std: ${normalisationText(normalisation)}` : normalisation === null ? "images came normalised" : "unknown");

const short = (hash: string): string => hash.slice(0, 16);

function sweepSettings({ config, dataset }: RunIdentity, layerOf: string | undefined): Setting[] {
  const thresholds = config.alphas ? config.alphas.join(", ") : `${config.thresholds} from ${config.scope === "global" ? config.range.join(" to ") : "a layer's smallest weight to its largest"}`;
  return [
    ["Dataset", `${dataset.name}, ${dataset.split} split, ${dataset.images} images`],
    ["Normalisation", `${normalisationOf(dataset.normalisation)}${layerOf === undefined ? "" : `, of the layer in ${layerOf}`}`],
    ["Scope", config.scope === "global" ? "global: all layers at once" : "local: one layer at a time"],
    ["Layers", config.layers?.join(", ") ?? "all"],
    ["Filters", config.filters.join(", ")],
    ["Thresholds", thresholds],
    ["Half-width of h_c", config.delta === null ? "half a threshold step" : String(config.delta)],
    ["Attack", attackText(config)],
    ["Epsilon", `${config.epsilons.join(", ")} (${config.epsilonSpace === "pixel" ? "pixels of 0 to 1" : "normalised input"}${config.clamp ? ", clamped to valid pixels" : ""})`],
    ["Batch norm", config.batchNorm === "batch" ? `statistics of each batch of ${config.batchSize}` : "running statistics"],
  ];
}

/** From the manifest; where results.arrow lies alone, from what the file says of itself. */
export function settingsOf(run: LoadedRun): Setting[] {
  const { manifest, metadata } = run;
  if (!manifest) {
    const told = (key: string): string => metadata.get(key) ?? "unknown";
    return [["File", run.file], ["Rows", String(run.rows.length)], ["Adapter", told("adapter")], ["Batch norm", told("batch_norm")], ["Attack", metadata.get("attack") ?? "fgsm"], ["Space of epsilon", told("epsilon_space")], ["Normalisation", told("normalisation")], ["Version", told("package_version")]];
  }
  const { identity, adapter, versions } = manifest;
  return [
    ["Status", manifest.status],
    ["Rows", String(run.rows.length)],
    ["Filtered networks", String(manifest.networks)],
    ...(identity.shard ? [["Shard", `${identity.shard.index} of ${identity.shard.count}`] as Setting] : []),
    ...sweepSettings(identity, manifest.data.normalisation_layer_of),
    ["Adapter", `${adapter.name} (${adapter.type}, ${adapter.backend})`],
    ["Versions", `wgpu-inferlink ${versions.package}, node ${versions.node}, webgpu ${versions.webgpu}, apache-arrow ${versions.arrow}`],
    ["Started", manifest.started],
    ...(manifest.resumed.length > 0 ? [["Resumed", manifest.resumed.join(", ")] as Setting] : []),
    ["Ended", manifest.ended ?? "not yet"],
    ["Images", `${manifest.data.files.join(", ")} (sha256 ${short(identity.dataset.sha256)}…)`],
    ["Checkpoints", manifest.checkpoints.map(({ path, sha256 }) => (sha256 === null ? path : `${path} (sha256 ${short(sha256)}…)`))],
    ...(manifest.faults?.length ? [["Faults of the device", manifest.faults.map(({ time, message, action }) => `${time}: ${message}; ${action}`)] as Setting] : []),
  ];
}
