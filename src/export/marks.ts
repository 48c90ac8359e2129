/** Marks as a safetensors file, for whoever trains on by another program: one uint8 tensor a layer, named and shaped as its weights are. */
import { MARKS, type MarkOptions, type Marks } from "../analysis/marks.js";
import type { Curve } from "../analysis/curves.js";
import { InputError } from "../errors.js";
import { toUint8 } from "../io/arrays.js";
import type { Bytes } from "../io/checkpoints/entry.js";
import { encodeSafetensors, readSafetensors } from "../io/checkpoints/safetensors.js";
import { FileSource } from "../io/source.js";

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
  /** By layer: how many windows were tried, where the first and last lie, and half their width. */
  thresholds: Record<string, { count: number; first: number; last: number; delta: number | null }>;
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
    thresholds: JSON.stringify(source.thresholds),
    ...Object.fromEntries(inherited),
    network: source.network,
    dataset: source.dataset,
    images: String(source.images),
    checkpoint: source.checkpoint,
    checkpoint_sha256: source.checkpointSha256,
    package_version: source.packageVersion,
  });
}

/** What of the thresholds is recorded. @param curves of h_c */
export const thresholdsOf = (curves: Curve[]): MarksSource["thresholds"] =>
  Object.fromEntries(curves.filter(({ filter }) => filter === "h_c").map(({ layer, rows }) => [layer, { count: rows.length, first: rows[0].alpha, last: rows.at(-1)!.alpha, delta: rows[0].delta }]));

/** As large as a network. */
const MAX_FILE = 2 ** 32;
const SUFFIX = /\.weight$/;

/** @throws InputError for a file that holds no marks */
export function readMarks(path: string): Marks {
  using source = new FileSource(path, MAX_FILE);
  const marks: Marks = new Map();
  for (const [name, array] of readSafetensors(source)) {
    const codes = array.dtype === "uint8" && SUFFIX.test(name) ? toUint8(path, array) : null;
    if (!codes?.every((code) => code < MARKS.length)) throw new InputError(path, "holds no marks of this program; write them anew");
    marks.set(name.replace(SUFFIX, ""), Uint8Array.from(codes));
  }
  return marks;
}
