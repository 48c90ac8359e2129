/** One row of results: one filtered network at one epsilon. Names and order are those of the Arrow columns. */
export const FILTERS = ["h_a", "h_b", "h_c", "magnitude"] as const;
export type Filter = (typeof FILTERS)[number];
export const SCOPES = ["local", "global"] as const;
export type Scope = (typeof SCOPES)[number];
/** One step, or several. */
export const ATTACKS = ["fgsm", "pgd"] as const;
export type AttackName = (typeof ATTACKS)[number];

export interface Row {
  network: string;
  dataset: string;
  /** Path of the checkpoint as the user gave it. */
  checkpoint: string;
  init: number | null;
  epoch: number | null;
  scope: Scope;
  /** Layer's name, `*` for global. */
  layer: string;
  /** Place of the layer in execution order of the module tree, -1 for global. */
  layer_index: number;
  filter: Filter;
  threshold_index: number;
  /** float32 value. */
  alpha: number;
  /** float32 half-width of the pulse, null for other filters. */
  delta: number | null;
  /** Weights the filter looked at, how many it hit, and how many are equal to 0 afterwards. */
  weights: number;
  removed: number;
  zeros: number;
  /** Fraction of the weights that is left: 1 - removed / weights. */
  density: number;
  /** As applied after normalisation when epsilon space is `input`, in pixel units (0..1) when it is `pixel`. */
  epsilon: number;
  images: number;
  correct_clean: number;
  correct_adv: number;
  accuracy_clean: number;
  accuracy_adv: number;
  loss_clean: number;
  loss_adv: number;
  attack: AttackName;
}
