/** A network as PyTorch exports it: an exported program's graph, and which of its weights may be filtered. */
import type { Program } from "../io/exported/program.js";
import type { MapShape } from "../layout/shape.js";
import { graphOfProgram, type ProgramTensors } from "./aten/program.js";
import type { Architecture } from "./resnet.js";

export interface ExportedArchitecture extends Architecture {
  /** Shape of the images that it was exported with, for which alone it is known to be the author's network. */
  image: MapShape;
}

/**
 * @param name what results call the network
 * @param file for messages
 * @param order names of the state_dict in its order
 * @throws InputError for a program that can't be followed exactly
 */
export function describeProgram(name: string, file: string, program: Program, tensors: ProgramTensors, order: Iterable<string>): ExportedArchitecture {
  const { graph, image, classes } = graphOfProgram(file, program, tensors);
  const weighted = graph.nodes.filter((node) => node.op === "conv2d" || node.op === "linear");
  const weights = new Set(weighted.map(({ weight }) => weight));
  const layers = [...order].filter((tensor) => weights.has(tensor)).map((tensor) => {
    const shape = [...tensors.shapes.get(tensor)!.shape];
    return { name: tensor.replace(/\.weight$/, ""), weights: shape.reduce((product, size) => product * size, 1), shape };
  });
  const [first] = weighted;
  const width = first?.op === "conv2d" ? first.outChannels : (first?.outFeatures ?? 0);
  return { name, width, channels: image.channels, classes, graph, layers, image };
}
