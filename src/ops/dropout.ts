/**
 * Dropout (Srivastava et al. 2014): nothing while nothing is trained. In a training each number is kept by a random generator that
 * counts: seed, step, node, image and place alone decide, so that neither the tile nor the adapter does. Alpha dropout: Klambauer et al.
 * 2017, arXiv 1706.02515.
 */
import { layoutConstants } from "../layout/blocks.js";
import { mapStep } from "./common/elementwise.js";
import type { DropoutNode, Node } from "./common/nodes.js";
import { pcg4d } from "./common/random.js";
import type { Op, TwinInputs } from "./common/op.js";
import type { GradientSite, Place, Site } from "./common/site.js";
import type { Step } from "./common/step.js";

/** Whether a node is a dropout some of whose readers may have meant its input. */
export const isIdle = (node: Node): boolean => node.op === "dropout" && node.idle === true;

const constantsOf = ({ output, channels = false }: DropoutNode, { layout }: Place): Step["constants"] => ({ ...layoutConstants("OUT", layout), CHANNELS: layout.channels, WHOLE: channels, SALT: saltOf(output) });

/** What SELU tends to for very negative numbers, without its sign. */
const ALPHA = 1.7580993408473766;

/** What becomes of a number that is kept, scale * x + shift, and of one that is not. */
function effectOf({ probability: p, alpha }: DropoutNode): { scale: number; shift: number; dropped: number } {
  if (!alpha) return { scale: 1 / (1 - p), shift: 0, dropped: 0 };
  const scale = 1 / Math.sqrt((1 + ALPHA ** 2 * p) * (1 - p));
  return { scale, shift: ALPHA * scale * p, dropped: ALPHA * scale * (p - 1) };
}

const thresholdOf = ({ probability }: DropoutNode): Step["params"] => ({ threshold: Math.min(2 ** 32 - 1, Math.round(probability * 2 ** 32)) });

export const dropout: Op<DropoutNode> = {
  kind: "dropout",
  isRandom: true,
  shape: (_, [input]) => input,
  isIdentity: ({ probability }, _, training) => !training || probability === 0,
  forward: (node, { inputs: [input], output, epilogue }: Site) => [
    mapStep({ kernel: "dropout", name: "dropout", input, output, ending: epilogue, constants: constantsOf(node, output), params: { ...thresholdOf(node), ...effectOf(node) }, bindings: { training: "training" } }),
  ],
  inputGradient(node, site: GradientSite) {
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [mapStep({ kernel: "dropout", name: "dropout gradient", input: site.gradient, output: place, ending, constants: constantsOf(node, place), params: { ...thresholdOf(node), ...effectOf(node), shift: 0, dropped: 0 }, bindings: { training: "training" } })];
  },
  twin: {
    forward: (node, given) => masked(node, given, given.inputs[0].data, effectOf(node)),
    gradient: (node, given, dy) => [masked(node, given, dy, { ...effectOf(node), shift: 0, dropped: 0 })],
  },
};

function masked(node: DropoutNode, { dropout: kept, inputs: [{ shape }] }: TwinInputs, values: Float64Array, { scale, shift, dropped }: ReturnType<typeof effectOf>): Float64Array {
  const isKept = kept?.(node);
  const together = node.channels ? shape.height * shape.width : 1;
  return isKept ? values.map((value, i) => (isKept(i - (i % together)) ? value * scale + shift : dropped)) : values.slice();
}

/** Tells nodes apart: FNV-1a of the tensor's name, within what a shader's constant holds. */
function saltOf(name: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return hash >>> 1;
}

/**
 * Which numbers of a batch the kernel keeps.
 * @param index of the number in the whole batch, NCHW; of its map's first where whole channels are dropped
 */
export function isKept({ output, probability }: DropoutNode, seed: number, step: number, index: number): boolean {
  return pcg4d(index, step, saltOf(output), seed) >= Math.round(probability * 2 ** 32);
}
