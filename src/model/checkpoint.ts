/** A checkpoint's network, and what of its weights can be known to be wrong. */
import { InputError } from "../errors.js";
import type { Checkpoint, CheckpointFile } from "../io/types.js";
import type { Architecture, Network } from "./architecture.js";
import { parametersOf } from "./graph.js";
import type { StemOptions } from "./networks/family.js";
import { isMismatch, recognise } from "./recognise.js";

/** The checkpoint's network with its weights. Throws as `describeShapes` and `networkOf` do. */
export function describeCheckpoint({ path, tensors }: Pick<Checkpoint, "path" | "tensors">, stem?: StemOptions): Network {
  return networkOf(describeShapes({ path, shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])) }, stem), { path, tensors });
}

/**
 * Reads the architecture off a checkpoint's shapes.
 * @param stem what no tensor tells of it
 * @throws InputError naming the nearest network and the first tensor that doesn't fit it
 */
export function describeShapes({ path, shapes }: Pick<CheckpointFile, "path" | "shapes">, stem?: StemOptions): Architecture {
  const found = recognise(shapes, stem);
  if (isMismatch(found)) throw new InputError(path, `${found.problem}; check the file, or export the network as a program (docs/networks.md)`);
  return found;
}

/**
 * An architecture with a checkpoint's weights.
 * @throws InputError for a tensor that is missing or misshapen, and for weights that no training ends with
 */
export function networkOf(architecture: Architecture, { path, tensors }: Pick<Checkpoint, "path" | "tensors">): Network {
  for (const { tensor, shape } of parametersOf(architecture.graph)) {
    const found = tensors.get(tensor)?.shape;
    if (found?.join() !== shape.join()) throw new InputError(path, `tensor ${tensor} ${found ? `has shape [${found.join(", ")}]` : "is missing"}, expected [${shape.join(", ")}] for a ${architecture.name}; name a checkpoint of this network`);
  }
  for (const { name } of architecture.layers) {
    let [low, high] = [Infinity, -Infinity];
    for (const weight of tensors.get(`${name}.weight`)!.data) {
      if (weight < low) low = weight;
      if (weight > high) high = weight;
    }
    // Thresholds are spaced over the range, in float32.
    if (!Number.isFinite(Math.fround(high - low))) throw new InputError(path, `tensor ${name}.weight goes from ${low} to ${high}, further than float32 reaches; train again or choose another checkpoint`);
  }
  for (const [name, { data }] of tensors) {
    if (name.endsWith(".running_var") && data.some((variance) => variance < 0)) throw new InputError(path, `tensor ${name} holds a variance below zero; train again or choose another checkpoint`);
  }
  return { ...architecture, tensors };
}
