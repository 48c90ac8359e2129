/** --mean, --std and --normalisation to what the images are normalised by. */
import type { AskedNormalisation } from "../inputs/normalisation.js";
import { isNormalisation, NORMALISATIONS, normalisationText, type NormalisationName } from "../io/datasets/normalise.js";
import type { Normalisation } from "../io/types.js";
import { choice, fraction, list, single, wrong, type Given } from "./values.js";

const NAMES = Object.keys(NORMALISATIONS) as NormalisationName[];
/** Words of --normalisation. */
export const NORMALISATION_NAMES = Object.fromEntries(["default", ...NAMES].map((name) => [name, name])) as Record<string, "default" | NormalisationName>;

/** The names with their numbers, for --help. */
export const NORMALISATION_LIST = NAMES.map((name) => `${name} (${normalisationText(NORMALISATIONS[name]).replaceAll(/mean |std /g, "").replace(", ", " / ")})`).join(", ");

/** A flag's values; null where it isn't given, `plain` where it is none. */
function valuesOf(name: string, given: Given, plain: number): number[] | null {
  const items = list(name, given);
  return items && (items.length === 1 && items[0].toLowerCase() === "none" ? [plain] : items.map((item) => fraction(name, item)));
}

/** @throws OptionError for values that pixels of 0 to 1 can't be normalised by, and for flags that say it twice or by half */
export function normalisationOf(args: Record<string, unknown>): AskedNormalisation | null {
  const name = single("normalisation", args.normalisation as Given);
  const [mean, std] = [valuesOf("mean", args.mean as Given, 0), valuesOf("std", args.std as Given, 1)];
  const given = ["mean", "std"].filter((flag) => args[flag] !== undefined);
  if (name !== null) {
    if (given.length > 0) throw wrong(["normalisation", ...given], "give a name or numbers");
    const chosen = choice("normalisation", name, NORMALISATION_NAMES);
    return chosen === "default" ? null : { ...(NORMALISATIONS[chosen] as Normalisation), options: ["--normalisation"] };
  }
  if (given.length === 0) return null;
  const isNone = (flag: "mean" | "std"): boolean => [args[flag]].flat().join().trim().toLowerCase() === "none";
  if (!mean && !(std && isNone("std"))) throw wrong("mean", "is missing beside --std; give both");
  if (!std && !isNone("mean")) throw wrong("std", "is missing beside --mean; give both");
  const found = { mean: mean ?? [0], std: std ?? [1] };
  const large = given.find((flag) => found[flag as "mean" | "std"].some((value) => value > 1));
  if (large !== undefined && found.mean.some((value) => value > 1)) throw wrong(large, `is of pixels from 0 to 1; divide by 255 what is of pixels from 0 to 255, such as ${Math.max(...found.mean)}/255`);
  if (!isNormalisation(found.mean, found.std)) throw wrong(given, "take one to four numbers, means from -1 to 1 and deviations above 0");
  return { ...found, options: given.map((flag) => `--${flag}`) };
}
