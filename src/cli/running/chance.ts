/**
 * A network that guesses was most likely made for another normalisation than the one it gets. Whether it does is told by the
 * unfiltered network's accuracy on the first images; then the known normalisations are tried on them, and nothing is switched.
 */
import { InferlinkError } from "../../errors.js";
import type { Gpu } from "../../gpu/device.js";
import { NORMALISATIONS, normalisationText, perChannel, sameNormalisation, type NormalisationName } from "../../io/datasets/normalise.js";
import type { Dataset } from "../../io/types.js";
import { completeConfig } from "../../sweep/config.js";
import { planSweep, type evaluateUnits, type Evaluated, type SweepJob } from "../../sweep/sweep.js";

const IMAGES = 256;
/** Below every weight. */
const NOTHING = -3e38;

const firstImages = (dataset: Dataset): Dataset => ({ ...dataset, images: Math.min(IMAGES, dataset.images), labels: dataset.labels.subarray(0, IMAGES) });

/** The best accuracy among the filtered networks of a unit: that of the unfiltered one, or near it, where a threshold removes little. */
export const bestAccuracy = ({ unit, scores }: Evaluated): number => Math.max(...scores.correctClean) / unit.images;

/** Accuracies above this can't be below half of another one. */
export const MAY_BE_WRONG = 0.5;

/** Clean accuracy of the unfiltered network on these images. */
async function accuracy(gpu: Gpu, { checkpoints, config }: SweepJob, dataset: Dataset, evaluate: typeof evaluateUnits): Promise<number> {
  const [source] = checkpoints;
  const { batchNorm, batchSize } = config;
  const layers = [source.architecture.layers.at(-1)!.name];
  const job: SweepJob = { checkpoints: [source], dataset, config: completeConfig({ filters: ["h_a"], alphas: [NOTHING], layers, epsilons: [0], batchNorm, batchSize }) };
  const plan = planSweep(job);
  let correct = 0;
  for await (const { scores } of evaluate(gpu, job, plan)) correct += scores.correctClean[0];
  return correct / plan.images;
}

const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;

/**
 * @param checkpoint index of the one that guesses
 * @param fixed whether its own layer normalises, so that there is nothing to choose
 * @returns what its user should hear, null where accuracy is no worse than it may be
 */
export async function chanceWarning(gpu: Gpu, job: SweepJob, checkpoint: number, fixed: boolean, evaluate: typeof evaluateUnits): Promise<string | null> {
  const source = job.checkpoints[checkpoint];
  const dataset = firstImages(job.dataset);
  const one: SweepJob = { ...job, checkpoints: [source] };
  const { normalisation, channels } = job.dataset;
  const { classes } = source.architecture;
  try {
    const own = await accuracy(gpu, one, dataset, evaluate);
    const tried: { name: NormalisationName; accuracy: number }[] = [];
    for (const name of Object.keys(NORMALISATIONS) as NormalisationName[]) {
      const other = perChannel(NORMALISATIONS[name], channels);
      if (fixed || own >= MAY_BE_WRONG || !job.dataset.normalisedBy || !other || (normalisation && sameNormalisation(other, normalisation))) continue;
      tried.push({ name, accuracy: await accuracy(gpu, one, firstImages(job.dataset.normalisedBy(other)), evaluate) });
    }
    const best = Math.max(own, ...tried.map((other) => other.accuracy));
    if (own >= 2 / classes && own >= best / 2) return null;
    const better = tried.filter((other) => other.accuracy > own && other.accuracy >= best / 2).sort((a, b) => b.accuracy - a.accuracy);
    const told = normalisation ? ` with ${normalisationText(normalisation)}` : "";
    const found = `${source.path}: only ${percent(own)} of the first ${dataset.images} images are right${told}`;
    if (better.length === 0) return `${found}, and a guess among ${classes} classes is right ${percent(1 / classes)} of the time; is this the data that the network was trained on?${fixed ? "" : " (--mean and --std choose another normalisation)"}`;
    return `${found}; was it trained with another normalisation? ${better.map((other) => `--normalisation ${other.name} gives ${percent(other.accuracy)}`).join(", ")}; choose one by it, or by --mean and --std`;
  } catch (error) {
    if (!(error instanceof InferlinkError)) throw error;
    return null;
  }
}
