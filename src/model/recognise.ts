/** Which network a file's tensors belong to. */
import { layerOf } from "../ops/common/step.js";
import type { Architecture } from "./architecture.js";
import { parametersOf } from "./graph.js";
import { TensorShapes, type Family, type Reading, type Sizes, type StemOptions } from "./networks/family.js";
import { FAMILIES } from "./networks/table.js";

/** The network that the tensors are nearest to, and why they are not it. */
export interface Mismatch {
  network: string;
  /** One sentence: the first tensor that is missing, misshapen or left over. */
  problem: string;
  /** Share of the tensors, of the file and of the network, that both have in one shape; 0 to 1. */
  fit: number;
}

export const isMismatch = (found: Architecture | Mismatch): found is Mismatch => "problem" in found;

/**
 * @param shapes of every tensor by its name in the state_dict, without prefixes; `num_batches_tracked` may be left out
 * @param stem what of a stem no tensor tells; where nothing is said, as published
 * @returns the network that has exactly these tensors, or else the nearest one
 */
export function recognise(shapes: ReadonlyMap<string, number[]>, stem: StemOptions = {}): Architecture | Mismatch {
  const tensors = new TensorShapes(shapes);
  let nearest: Mismatch | null = null;
  for (const family of FAMILIES) {
    for (const reading of family.read(tensors, stem)) {
      const mismatch = compare(shapes, reading);
      if (mismatch === null) return impossible(reading) ?? overruled(family, reading, stem) ?? architectureOf(family, reading);
      if (mismatch.fit > (nearest?.fit ?? 0)) nearest = mismatch;
    }
  }
  return nearest ?? { network: "", fit: 0, problem: strangers(shapes) };
}

/** @param name torchvision's, of MEMBERS. @throws Error for another name */
export function architectureNamed(name: string, sizes: Sizes): Architecture {
  for (const family of FAMILIES) {
    const member = family.members.find((known) => known.name === name);
    if (member) return architectureOf(family, { title: member.title, ...sizes, graph: member.graph(sizes), assumed: [] });
  }
  throw new Error(`there is no network ${name}`);
}

function architectureOf({ moduleOrder = (names) => names }: Family, { title, width, channels, classes, graph, assumed }: Reading): Architecture {
  const shapes = new Map(parametersOf(graph).flatMap(({ tensor, shape, filterable }) => (filterable ? [[layerOf(tensor), shape] as const] : [])));
  const layers = moduleOrder([...shapes.keys()]).map((name) => {
    const shape = shapes.get(name)!;
    return { name, shape, weights: shape.reduce((product, size) => product * size, 1) };
  });
  return { name: title, width, channels, classes, graph, layers, ...(assumed.length > 0 && { assumed }) };
}

const isCounter = (name: string): boolean => name.endsWith("num_batches_tracked");

const MOST_CHANNELS = 4;

/** A network that no image is for. */
function impossible({ title, width, channels, classes }: Reading): Mismatch | null {
  if (channels > MOST_CHANNELS) return { network: title, fit: 1, problem: `these are tensors of a ${title} for images of ${channels} channels; images have 1 to ${MOST_CHANNELS}` };
  if (width * channels * classes > 0) return null;
  return { network: title, fit: 1, problem: `these are tensors of a ${title} of ${width} maps, ${channels} channels and ${classes} classes; each has to be at least 1` };
}

/** A network of which something was said that it doesn't have. */
const overruled = ({ knownStem = false }: Family, { title }: Reading, stem: StemOptions): Mismatch | null =>
  knownStem && Object.keys(stem).length > 0 ? { network: title, fit: 1, problem: `these are tensors of a ${title}, of whose first convolution nothing has to be said: leave out its stride and max-pool` } : null;

/** @returns null where the tensors are the network's, no more and no less */
function compare(shapes: ReadonlyMap<string, number[]>, { title, width, graph, assumed }: Reading): Mismatch | null {
  const expected = new Map(parametersOf(graph).map(({ tensor, shape }) => [tensor, shape]));
  const network = [`${title} of width ${width}`, ...assumed].join(", ");
  let problem: string | null = null;
  let same = 0;
  for (const [name, wanted] of expected) {
    const got = shapes.get(name);
    if (got && got.length === wanted.length && got.every((size, axis) => size === wanted[axis])) same += 1;
    else if (!got) problem ??= `tensor ${name} is missing for a ${network}`;
    else problem ??= `tensor ${name} has shape [${got.join(", ")}], expected [${wanted.join(", ")}] for a ${network}`;
  }
  const strange = [...shapes.keys()].filter((name) => !expected.has(name) && !isCounter(name));
  if (strange.length > 0) problem ??= `tensor ${strange[0]} does not belong to a ${network}`;
  return problem === null ? null : { network: title, problem, fit: same / (expected.size + strange.length) };
}

function strangers(shapes: ReadonlyMap<string, number[]>): string {
  const [first] = shapes.keys();
  return first === undefined ? "there are no tensors" : `tensor ${first} belongs to no network that is known by its tensors: ResNet, SqueezeNet, ShuffleNet V2, VGG, MobileNet V2, DenseNet`;
}
