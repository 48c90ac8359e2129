/** Ops that only move channels: the step that does it, and the loops it is checked against. */
import type { ChannelMap } from "../../layout/blocks.js";
import { mapStep, type Ending } from "./elementwise.js";
import type { Place } from "./site.js";
import type { Step } from "./step.js";

/** Output channel `first + i` is channel i of the map. */
export interface Move extends ChannelMap {
  first: number;
}

export const channelsFrom = (from: number, count: number): ChannelMap => ({ from, count, radix: 1, step: 0 });

/** Whether one tensor lies in another's texture, so that there is nothing to move. */
export const isInPlace = (a: Place, b: Place): boolean => a.resource === b.resource;

/** @param fills whether the other channels of the output become zero; else they stay as they are */
export function moveStep(name: string, input: Place, output: Place, { first, count, from, radix, step }: Move, ending: Ending, fills: boolean): Step {
  const { pack, groups } = output.layout;
  const group = fills ? 0 : Math.floor(first / pack);
  const end = fills ? groups : Math.min(groups, Math.ceil((first + count) / pack));
  return mapStep({
    kernel: "copy_channels", name, input, output, ending, grid: [end - group, 1],
    constants: { FIRST: first, COUNT: count, FROM: from, RADIX: radix, STEP: step, GROUP: group },
  });
}

/** The same as loops over NCHW: adds to `to` what lies in `data`, of `area` pixels a channel. */
export function move(to: Float64Array, toChannels: number, data: Float64Array, channels: number, area: number, { first, count, from, radix, step }: Move): Float64Array {
  for (let n = 0; n < data.length / (channels * area); n++) {
    for (let i = 0; i < count; i++) {
      const source = (n * channels + from + (i % radix) * step + Math.floor(i / radix)) * area;
      for (let p = 0; p < area; p++) to[(n * toChannels + first + i) * area + p] += data[source + p];
    }
  }
  return to;
}
