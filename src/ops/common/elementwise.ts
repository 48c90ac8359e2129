/** What the steps of element-wise ops have in common: one invocation does a channel group's map of one image. */
import { layoutConstants, placeConstants } from "../../layout/blocks.js";
import type { Epilogue, Place, Target } from "./site.js";
import type { Step } from "./step.js";

/** Of a forward pass the epilogue, of a gradient the target. */
export type Ending = Partial<Pick<Epilogue, "residual" | "relu"> & Pick<Target, "gate">>;

/** Constants of shaders/shared/epilogue.wgsl. */
export const endingConstants = ({ residual, relu, gate }: Ending): Step["constants"] => ({
  ...(residual && { RESIDUAL: true, ...placeConstants("RESIDUAL", residual.layout) }),
  ...(relu && { RELU: true, CAP: relu.cap ?? 0 }),
  ...(gate && { GATE: true, GATE_CAP: gate.relu.cap ?? 0, ...placeConstants("GATE", gate.place.layout) }),
});

export interface MapStep {
  kernel: string;
  name: string;
  input: Place;
  output: Place;
  ending?: Ending;
  constants?: Step["constants"];
  params?: Step["params"];
  bindings?: Step["bindings"];
  /** Workgroups behind blocks: by default one a channel group. */
  grid?: [number, number];
  /** Operations an element. */
  work?: number;
}

export function mapStep({ kernel, name, input, output, ending = {}, constants, params, bindings, grid = [output.layout.groups, 1], work = 1 }: MapStep): Step {
  const { residual, gate } = ending;
  const { lanes, groups, quads } = output.layout;
  return {
    kernel,
    name,
    constants: {
      ...layoutConstants("IN", input.layout), ...layoutConstants("OUT", output.layout), ...constants,
      ...endingConstants(ending),
    },
    params: { in_blocks: input.blocks, residual_blocks: residual?.blocks ?? 1, gate_blocks: gate?.place.blocks ?? 1, ...params },
    bindings: { input: input.resource, output: output.resource, ...(residual && { residual: residual.resource }), ...(gate && { gate: gate.place.resource }), ...bindings },
    writes: [output.resource],
    grid: [output.blocks, ...grid],
    cost: output.blocks * lanes * groups * quads * 4 * work,
  };
}

/** One workgroup a vec4, for kernels that do pixel by pixel. */
export const byQuad = ({ layout }: Place): [number, number] => [layout.groups, layout.quads];
