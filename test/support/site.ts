/** Offers one op alone what a planner would: the step it makes of that runs with runKernel, which names textures after bindings. */
import type { Gpu } from "../../src/gpu/device.js";
import { blockLayout, type BlockLayout } from "../../src/layout/blocks.js";
import { ACCUMULATORS } from "../../src/ops/convolution/software/tile.js";
import type { MaxPoolNode } from "../../src/ops/common/nodes.js";
import type { GradientSite, Relu, Site, WeightPlan } from "../../src/ops/common/site.js";

type Recorded<S> = S & {
  /** Weights that were asked for. */
  weightPlans: WeightPlan[];
};

/** @param blocks of every tensor, all of one variant */
export function siteOf({ lanes, maxTextureWidth, shuffle }: Pick<Gpu, "lanes" | "maxTextureWidth" | "shuffle">, inputs: BlockLayout[], output: BlockLayout, blocks: number, more: Partial<Pick<Site, "keeps" | "reluOf">> = {}): Recorded<Site> {
  const weightPlans: WeightPlan[] = [];
  return {
    options: { lanes, maxTextureWidth, shuffle, accumulators: ACCUMULATORS.software, variants: 1, blocksPerVariant: blocks, images: blocks * lanes, batchNorm: "running" },
    inputs: inputs.map((layout, i) => ({ resource: `input${i}`, layout, blocks })),
    output: { resource: "output", layout: output, blocks },
    epilogue: { norm: null, residual: null, relu: null },
    intervals: () => null,
    weights: (form, plan) => (weightPlans.push(plan), form),
    affine: () => "norm",
    texture: (name) => name,
    plain: (layout) => blockLayout(layout, { lanes, maxTextureWidth }),
    keeps: false,
    counted: () => null, reluOf: () => null,
    weightPlans,
    ...more,
  };
}

/** Nothing is added to an input's gradient. @param relu that made the inputs */
export function gradientSiteOf(gpu: Parameters<typeof siteOf>[0], inputs: BlockLayout[], output: BlockLayout, blocks: number, relu: Relu | null = null): Recorded<GradientSite> & Recorded<Site> {
  const site = siteOf(gpu, inputs, output, blocks);
  return {
    ...site,
    gradient: { ...site.output, resource: "gradient" },
    target: (input) => ({ place: site.inputs[input], residual: null, gate: relu && { place: site.inputs[input], relu } }),
    pass: () => undefined,
    kept: (name) => name,
    isSole: () => relu === null,
  };
}

/** A square window. */
export const maxPoolNode = (kernel: number, stride: number, pad: number): MaxPoolNode => ({
  op: "max_pool", inputs: ["map"], output: "pooled", kernel: [kernel, kernel], stride: [stride, stride], pad: [pad, pad], dilation: [1, 1], ceil: false,
});
