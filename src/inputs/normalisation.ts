/** Which normalisation the images get: the user's, that of a layer which the networks' files store, or the data's usual one. */
import { InputError, OptionError } from "../errors.js";
import { normalisationText, perChannel, sameNormalisation } from "../io/datasets/normalise.js";
import type { CheckpointFile, Dataset, Normalisation } from "../io/types.js";
import { shortest } from "./normaliser.js";

/** A normalisation that the user asked for, and the options that say so, for messages. */
export interface AskedNormalisation extends Normalisation {
  options: string[];
}

export interface Normalised {
  dataset: Dataset;
  /** The checkpoint whose layer says so, null where none does. */
  layerOf: string | null;
}

function ofLayer(file: CheckpointFile, channels: number): Normalisation | null {
  const { path, normalisation } = file;
  if (!normalisation) return null;
  const { mean, std } = normalisation;
  const found = perChannel({ mean: mean.map(shortest), std: std.map(shortest) }, channels);
  if (!found) throw new InputError(path, `stores a normalising layer of ${Math.max(mean.length, std.length)} channels, and the images have ${channels}; name the data this network was made for`);
  if (![...found.mean, ...found.std].every(Number.isFinite) || !found.std.every((value) => value > 0)) throw new InputError(path, `stores a normalising layer with ${normalisationText(found)}, and deviations have to be above 0; train again or choose another checkpoint`);
  return found;
}

/** What the files' own layers say; all have to say the same, for a run has one set of images. */
function storedNormalisation(files: CheckpointFile[], channels: number): { path: string; normalisation: Normalisation } | null {
  const found = files.map((file) => ({ path: file.path, normalisation: ofLayer(file, channels) }));
  const [first] = found.filter(({ normalisation }) => normalisation !== null);
  if (!first) return null;
  const other = found.find(({ normalisation }) => !normalisation || !sameNormalisation(normalisation, first.normalisation!));
  if (!other) return { path: first.path, normalisation: first.normalisation! };
  const says = other.normalisation ? `stores a normalising layer with ${normalisationText(other.normalisation)}` : "stores no normalising layer";
  throw new InputError(other.path, `${says}, and ${first.path} stores one with ${normalisationText(first.normalisation!)}; give each a run of its own`);
}

/**
 * The dataset as the networks want it.
 * @param asked null: what the files or the data say
 * @throws OptionError where the user asks for what images or networks contradict, InputError for a stored layer that can't be
 */
export function normalisedImages(dataset: Dataset, files: CheckpointFile[], asked: AskedNormalisation | null): Normalised {
  const { channels } = dataset;
  const stored = storedNormalisation(files, channels);
  const wanted = asked && perChannel(asked, channels);
  if (asked && !wanted) throw new OptionError(asked.options, `${normalisationText(asked)} is of ${Math.max(asked.mean.length, asked.std.length)} channels, and the images have ${channels}; give one value, or one a channel`);
  if (wanted && stored && !sameNormalisation(wanted, stored.normalisation)) {
    throw new OptionError(asked!.options, `${normalisationText(wanted)} contradicts the normalising layer in ${stored.path} (${normalisationText(stored.normalisation)}); leave it out`);
  }
  const chosen = stored?.normalisation ?? wanted;
  if (!chosen) return { dataset, layerOf: null };
  if (dataset.normalisedBy) return { dataset: dataset.normalisedBy(chosen), layerOf: stored?.path ?? null };
  if (stored) throw new InputError(stored.path, `stores a normalising layer and takes pixels of 0 to 1, and ${dataset.files[0] ?? dataset.name} holds images that are normalised already; give the pictures themselves`);
  throw new OptionError(asked!.options, `${dataset.files[0] ?? dataset.name} holds images that are normalised already; leave it out, or give the pictures themselves`);
}
