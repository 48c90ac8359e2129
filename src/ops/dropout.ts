/**
 * Dropout (Srivastava et al. 2014): nothing while nothing is trained. In a training each number is kept by a random generator that
 * counts: seed, step, node, image and place alone decide, so that neither the tile nor the adapter does.
 */
import { layoutConstants } from "../layout/blocks.js";
import { mapStep } from "./common/elementwise.js";
import type { DropoutNode } from "./common/nodes.js";
import { pcg4d } from "./common/random.js";
import type { Op } from "./common/op.js";
import type { GradientSite, Place, Site } from "./common/site.js";
import type { Step } from "./common/step.js";

const constantsOf = ({ output }: DropoutNode, { layout }: Place): Step["constants"] => ({ ...layoutConstants("OUT", layout), CHANNELS: layout.channels, SALT: saltOf(output) });

const paramsOf = ({ probability }: DropoutNode): Step["params"] => ({ threshold: Math.min(2 ** 32 - 1, Math.round(probability * 2 ** 32)), scale: 1 / (1 - probability) });

export const dropout: Op<DropoutNode> = {
  kind: "dropout",
  shape: (_, [input]) => input,
  isIdentity: ({ probability }, _, training) => !training || probability === 0,
  forward: (node, { inputs: [input], output, epilogue }: Site) => [
    mapStep({ kernel: "dropout", name: "dropout", input, output, ending: epilogue, constants: constantsOf(node, output), params: paramsOf(node), bindings: { training: "training" } }),
  ],
  inputGradient(node, site: GradientSite) {
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [mapStep({ kernel: "dropout", name: "dropout gradient", input: site.gradient, output: place, ending, constants: constantsOf(node, place), params: paramsOf(node), bindings: { training: "training" } })];
  },
  twin: {
    forward: (node, { inputs: [{ data }], dropout: kept }) => masked(node, data, kept?.(node)),
    gradient: (node, { dropout: kept }, dy) => [masked(node, dy, kept?.(node))],
  },
};

const masked = ({ probability }: DropoutNode, values: Float64Array, isKept?: (index: number) => boolean): Float64Array =>
  isKept ? values.map((value, i) => (isKept(i) ? value / (1 - probability) : 0)) : values.slice();

/** Tells nodes apart: FNV-1a of the tensor's name, within what a shader's constant holds. */
function saltOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 1;
}

/**
 * Which numbers of a batch the kernel keeps.
 * @param index of the number in the whole batch, NCHW
 */
export function isKept({ output, probability }: DropoutNode, seed: number, step: number, index: number): boolean {
  return pcg4d(index, step, saltOf(output), seed) >= Math.round(probability * 2 ** 32);
}
