/** Draws a network's parameters. */
import type { Tensor } from "../io/types.js";
import type { Architecture } from "../model/architecture.js";
import { beginningsOf, type Beginning } from "../model/beginning.js";
import { Numbers, PURPOSE } from "./random.js";

function draw({ parameter: { shape }, distribution }: Beginning, place: number, seed: number): Tensor {
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  if (distribution.kind === "constant") return { shape, data: data.fill(distribution.value) };
  const numbers = new Numbers(seed, PURPOSE.initial, [place]);
  for (let i = 0; i < data.length; i++) data[i] = distribution.kind === "normal" ? distribution.deviation * numbers.normal() : distribution.bound * (2 * numbers.uniform() - 1);
  return { shape, data };
}

/**
 * Parameters and statistics of a network that nothing has been learned by, as torchvision's networks begin and torch.nn's layers do.
 * @param seed of the initialisation
 */
export function initialTensors(architecture: Architecture, seed: number): Map<string, Tensor> {
  return new Map(beginningsOf(architecture).map((beginning, place) => [beginning.parameter.tensor, draw(beginning, place, seed)]));
}
