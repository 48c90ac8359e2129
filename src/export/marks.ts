/** Marks as a safetensors file, for whoever trains on by another program: one uint8 tensor a layer, named and shaped as its weights are. */
import { MARKS, type MarkOptions, type Marks } from "../analysis/marks.js";
import { encodeSafetensors, type Bytes } from "../io/checkpoints/safetensors.js";

/** Raised whenever the metadata or the codes change their meaning. */
const MARKS_VERSION = "1";

/** Metadata of results that hold for marks, beside those of the attack. */
const INHERITED = ["epsilon_space", "batch_norm", "dataset_sha256"];

/** Of what the marks are. */
export interface MarksSource extends MarkOptions {
  packageVersion: string;
  network: string;
  dataset: string;
  checkpoint: string;
  checkpointSha256: string;
  images: number;
  epsilon: number;
  /** Metadata of the results that they come from. */
  results: ReadonlyMap<string, string>;
}

/** @param shapes of each layer's weights */
export function encodeMarks(marks: Marks, shapes: ReadonlyMap<string, number[]>, source: MarksSource): Buffer {
  const tensors = new Map([...marks].map(([layer, data]): [string, Bytes] => [`${layer}.weight`, { shape: shapes.get(layer)!, data }]));
  const inherited = [...source.results].filter(([key]) => key.startsWith("attack") || INHERITED.includes(key));
  return encodeSafetensors(tensors, {
    table: "marks",
    schema_version: MARKS_VERSION,
    codes: JSON.stringify(Object.fromEntries(MARKS.map((name, code) => [code, name]))),
    by: source.by,
    robust_band: String(source.band),
    epsilon: String(source.epsilon),
    ...Object.fromEntries(inherited),
    network: source.network,
    dataset: source.dataset,
    images: String(source.images),
    checkpoint: source.checkpoint,
    checkpoint_sha256: source.checkpointSha256,
    package_version: source.packageVersion,
  });
}
