/** A step of a plan: one dispatch, as plain data. */

export type ParamValue = number | number[];

export interface Step {
  kernel: string;
  /** What of the network it computes, for people: `conv2d layer1.0.conv1`, `conv2d gradient fc`. */
  name: string;
  constants: Record<string, number | boolean>;
  params: Record<string, ParamValue>;
  /** WGSL binding name → resource name. */
  bindings: Record<string, string>;
  writes: string[];
  grid: [number, number, number];
  /** Multiply-adds on real pixels; element-wise kernels count one per element. */
  cost: number;
}

/** A layer's name: that of its weight without the last part. */
export const layerOf = (weight: string): string => weight.replace(/\.weight$/, "");
