/** A network before it is trained: how each parameter begins, and the order in which a state_dict has its tensors. */
import type { Parameter } from "../ops/common/op.js";
import type { Architecture } from "./architecture.js";
import { parametersOf, type Graph } from "./graph.js";
import { USUAL, type Distribution, type Fans, type Initialisation } from "./networks/initialisation.js";
import { FAMILIES } from "./networks/table.js";

/** The module that has a tensor: what stands in front of its name's last part. */
const moduleOf = (tensor: string): string => tensor.slice(0, Math.max(0, tensor.lastIndexOf(".")));

/** A parameter and what its numbers are drawn from. */
export interface Beginning {
  parameter: Parameter;
  distribution: Distribution;
}

/** That of the family in which a network has this title; torch.nn's for other networks, exported programs among them. */
const initialisationOf = ({ name, image }: Architecture): Initialisation =>
  ({ ...USUAL, ...(image ? {} : FAMILIES.find(({ members }) => members.some(({ title }) => title === name))?.initialisation) });

/** Of a weight [outputs, inputs of a group, rows, columns] or [outputs, inputs], as torch.nn.init counts them. */
function fansOf([outputs, inputs, ...kernel]: readonly number[]): Fans {
  const taps = kernel.reduce((product, size) => product * size, 1);
  return { in: inputs * taps, out: outputs * taps };
}

/** How every parameter of a network begins, in execution order. */
export function beginningsOf(architecture: Architecture): Beginning[] {
  const rules = initialisationOf(architecture);
  const parameters = parametersOf(architecture.graph);
  const weights = new Map(parameters.filter(({ filterable }) => filterable).map(({ tensor, shape }) => [moduleOf(tensor), shape]));
  const head = headOf(architecture.graph).weight;
  return parameters.map((parameter) => {
    const { tensor, shape, initial } = parameter;
    const weight = weights.get(moduleOf(tensor));
    // Norms alone begin as constants.
    if (!weight) return { parameter, distribution: initial.kind === "constant" ? initial : { kind: "constant", value: 0 } };
    const isConv = weight.length > 2;
    const draw = shape.length === 1 ? (isConv ? rules.convBias : rules.linearBias) : tensor === head && rules.head ? rules.head : isConv ? rules.conv : rules.linear;
    return { parameter, distribution: draw(fansOf(weight)) };
  });
}

/** Tensors of the layer that gives the logits: the last one that has a weight. */
export function headOf(graph: Graph): { weight: string; tensors: string[] } {
  const weight = parametersOf(graph).filter(({ filterable }) => filterable).at(-1)!.tensor;
  const node = graph.nodes.findLast((each) => "weight" in each && each.weight === weight)!;
  return { weight, tensors: parametersOf({ ...graph, nodes: [node] }).map(({ tensor }) => tensor) };
}

/**
 * The same network for another number of classes: its last layer alone differs.
 * @throws Error where the last layer doesn't give one number a class
 */
export function withClasses(architecture: Architecture, classes: number): Architecture {
  const { graph, layers } = architecture;
  if (architecture.classes === classes) return architecture;
  const { weight } = headOf(graph);
  const at = graph.nodes.findLastIndex((node) => "weight" in node && node.weight === weight);
  const node = graph.nodes[at];
  const outputs = "outFeatures" in node ? "outFeatures" : "outChannels";
  if ((node as { outChannels?: number; outFeatures?: number })[outputs] !== architecture.classes) throw new Error("its last layer does not give one number a class");
  const nodes = graph.nodes.with(at, { ...node, [outputs]: classes });
  const name = moduleOf(weight);
  const resized = layers.map((layer) => (layer.name === name ? { ...layer, shape: [classes, ...layer.shape.slice(1)], weights: (layer.weights / layer.shape[0]) * classes } : layer));
  return { ...architecture, classes, layers: resized, graph: { ...graph, nodes } };
}

/** Names of a state_dict in the order of torchvision's, `num_batches_tracked` of each batch norm among them. */
export function stateOrder({ graph }: Architecture): { tensor: string; isCounter: boolean }[] {
  const layers = new Map<string, string[]>();
  for (const { tensor } of parametersOf(graph)) layers.set(moduleOf(tensor), [...(layers.get(moduleOf(tensor)) ?? []), tensor]);
  const order = FAMILIES.reduce((names, { moduleOrder }) => moduleOrder?.(names) ?? names, [...layers.keys()]);
  return order.flatMap((layer) => {
    const tensors = layers.get(layer)!.map((tensor) => ({ tensor, isCounter: false }));
    const variance = tensors.find(({ tensor }) => tensor.endsWith(".running_var"));
    return variance ? [...tensors, { tensor: `${layer}.num_batches_tracked`, isCounter: true }] : tensors;
  });
}
