/** The learning rate of each step. */

export type ScheduleKind = "constant" | "step" | "cosine";

export interface Schedule {
  kind: ScheduleKind;
  /** What the others are fractions of. */
  rate: number;
  /** Epochs during which the rate grows from 0 to `rate`, evenly by steps; a part of one, too. */
  warmUp: number;
  /** Of `step`: epochs after which the rate is multiplied by `factor`, again and again; 0 and 1 of the others. */
  every: number;
  factor: number;
}

/**
 * `constant`: rate; `step`: rate * factor^floor(epoch / every); `cosine`: rate / 2 * (1 + cos(pi * s)), s the share that is done of what
 * comes after the warm-up (Loshchilov and Hutter 2016, arXiv 1608.03983, without restarts). Step n of a warm-up of w steps has
 * rate * (n + 1) / w.
 * @param step from 0, over all epochs
 */
export function learningRate({ kind, rate, warmUp, every, factor }: Schedule, step: number, stepsPerEpoch: number, epochs: number): number {
  const warm = Math.round(warmUp * stepsPerEpoch);
  if (step < warm) return (rate * (step + 1)) / warm;
  if (kind === "step") return rate * factor ** Math.floor(Math.floor(step / stepsPerEpoch) / every);
  if (kind === "cosine") return (rate / 2) * (1 + Math.cos((Math.PI * (step - warm)) / (epochs * stepsPerEpoch - warm)));
  return rate;
}
