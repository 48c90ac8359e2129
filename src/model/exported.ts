/** A network as PyTorch exports it: an exported program's graph, and which of its weights may be filtered. */
import { InputError } from "../errors.js";
import type { Program } from "../io/exported/program.js";
import { graphOfProgram, type ProgramTensors } from "./aten/program.js";
import type { Architecture } from "./architecture.js";
import { parametersOf } from "./graph.js";

const WEIGHT = ".weight";

/**
 * @param name what results call the network
 * @param file for messages
 * @param order names of the state_dict in its order
 * @throws InputError for a program that can't be followed exactly
 */
export function describeProgram(name: string, file: string, program: Program, tensors: ProgramTensors, order: Iterable<string>): Architecture {
  const { graph, image, classes } = graphOfProgram(file, program, tensors);
  const filterable = new Map(parametersOf(graph).filter((parameter) => parameter.filterable).map(({ tensor, shape }) => [tensor, shape]));
  const layers = [...order].filter((tensor) => filterable.has(tensor)).map((tensor) => {
    if (!tensor.endsWith(WEIGHT)) throw new InputError(file, `keeps the weight of a layer as ${JSON.stringify(tensor.slice(0, 120))}; layers are called by what is in front of ${WEIGHT}, so make it a module's`);
    const shape = filterable.get(tensor)!;
    return { name: tensor.slice(0, -WEIGHT.length), weights: shape.reduce((product, size) => product * size, 1), shape };
  });
  if (layers.length === 0) throw new InputError(file, "is a program without convolutions and linear layers, so there is nothing to filter");
  if (image.channels > 4) throw new InputError(file, `takes images of ${image.channels} channels; images have 1 to 4`);
  // The first in execution order, which the state_dict's need not be.
  const [[width]] = filterable.values();
  return { name, width, channels: image.channels, classes, graph, layers, image };
}
