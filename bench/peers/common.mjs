/** What the peers in JavaScript share: the engine's own protocol, its description of the network, and the case's files. */
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { readTensors as readArrays } from "../../dist/src/io/checkpoints/checkpoint.js";
import { readSafetensors } from "../../dist/src/io/checkpoints/safetensors.js";
import { MemorySource } from "../../dist/src/io/source.js";
import { prepareVulkanEnvironment } from "../../bin/vulkan.js";

export { CHECKED, serve } from "../../dist/src/bench/protocol.js";
export { architectureOf } from "../../dist/src/bench/networks.js";

// Software Vulkan as it is for their users, without what this engine chooses for itself.
process.env.LP_NATIVE_VECTOR_WIDTH ||= "256";
process.env.LP_NUM_THREADS ||= String(availableParallelism());
prepareVulkanEnvironment();

/** Imports a package of this folder, or null where it isn't installed. */
export async function optional(name) {
  return existsSync(fileURLToPath(new URL(`node_modules/${name}`, import.meta.url))) ? import(name) : null;
}

/** Of a safetensors file. */
export function readTensors(file) {
  const source = new MemorySource(file, readFileSync(file));
  return readArrays(source, readSafetensors(source));
}

/** The first n images and labels; more than the file holds repeat it. */
export function readImages(file) {
  const tensors = readTensors(file);
  const { shape, data } = tensors.get("images");
  const labels = tensors.get("labels").data;
  const size = shape[1] * shape[2] * shape[3];
  return (n) => {
    const images = new Float32Array(n * size);
    for (let i = 0; i < n; i++) images.set(data.subarray((i % shape[0]) * size, ((i % shape[0]) + 1) * size), i * size);
    return { images, labels: Int32Array.from({ length: n }, (_, i) => labels[i % shape[0]]) };
  };
}
