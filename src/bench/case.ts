/** What a benchmark measures, as plain data, and the cross product of lists that makes it. */
import { shapeText } from "../layout/shape.js";
import type { MapShape } from "../layout/blocks.js";
import { MEMBERS } from "../model/networks/table.js";
import { isProgram, programOf } from "./programs.js";
import type { Filter } from "../sweep/row.js";

/**
 * `forward`: logits of a batch. `gradient`: forward and the gradient of the loss by the input. `unit`: one filtered network
 * on a batch: forward, gradient, FGSM, forward. `sweep`: a local sweep, every layer, filter and threshold on a batch. `train`:
 * one step of Adam on a batch, batch norms by its statistics.
 * Images come from host memory and the losses go back there.
 */
export type Work = "forward" | "gradient" | "unit" | "sweep" | "train";
export const WORKS: Work[] = ["forward", "gradient", "unit", "sweep", "train"];

/** Rates of forward, gradient and train count images; those of unit and sweep filtered networks x images, which is the same work. */
export const unitOf = (work: Work): string => (work === "unit" || work === "sweep" ? "units/s" : "images/s");

/** What a sweep sweeps over; for other works it says nothing. */
export interface SweepSize {
  filters: Filter[];
  thresholds: number;
  epsilons: number[];
  /** Names or globs, null for all. */
  layers: string[] | null;
  /** Networks swept one after the other. */
  networks: number;
}

export interface Case {
  /** torchvision's name, or an exported program's file. */
  network: string;
  /** Channels of the stem. */
  width: number;
  input: MapShape;
  classes: number;
  /** Images of one call; of a sweep, all its images. */
  batch: number;
  work: Work;
  /** Null unless the work is a sweep. */
  sweep: SweepSize | null;
}

/** Lists of what may differ between cases. */
export interface Lists {
  networks: string[];
  /** Null: that of the published network. */
  widths: number[] | null;
  inputs: MapShape[];
  /** Null: 200 for 64x64 images as in Tiny ImageNet, else 10. */
  classes: number | null;
  batches: number[];
  works: Work[];
  sweeps: SweepSize[];
}

const widthOf = (network: string): number => (isProgram(network) ? programOf(network) : MEMBERS.get(network)!).width;
const classesOf = ({ height }: MapShape): number => (height === 64 ? 200 : 10);

/** Every combination, the last list varying fastest. Only sweeps are multiplied by what sweeps differ in. */
export function crossProduct(lists: Lists): Case[] {
  const cases: Case[] = [];
  for (const network of lists.networks)
    for (const width of lists.widths ?? [widthOf(network)])
      for (const input of isProgram(network) ? [programOf(network).image!] : lists.inputs)
        for (const batch of lists.batches)
          for (const work of lists.works)
            for (const sweep of work === "sweep" ? lists.sweeps : [null]) cases.push({ network, width, input, classes: isProgram(network) ? programOf(network).classes : (lists.classes ?? classesOf(input)), batch, work, sweep });
  return cases;
}

/** Short name for progress and messages: `resnet18 width 64, 1x28x28, batch 256, unit`. */
export function caseText({ network, width, input, batch, work, sweep }: Case): string {
  const swept = sweep ? ` ${sweep.filters.join("+")} x ${sweep.thresholds}` : "";
  return `${network} width ${width}, ${shapeText(input)}, batch ${batch}, ${work}${swept}`;
}
