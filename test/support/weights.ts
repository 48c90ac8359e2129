/** Readers of checkpoints for tests of what is not a network: any tensors of known names are one. */
import type { Fits } from "../../src/inputs/networks.js";
import { parseCheckpoint } from "../../src/inputs/weights.js";
import { MemorySource } from "../../src/io/source.js";
import type { Checkpoint } from "../../src/io/types.js";
import type { Architecture } from "../../src/model/architecture.js";
import { expected } from "./io.js";

const NAMES = new Set([...Object.keys(expected.tensors), "a", "b", "w", "constructor", "__proto__"]);

const ANY: Architecture = { name: "Any", width: 1, channels: 1, classes: 1, graph: { input: "image", output: "image", nodes: [] }, layers: [] };

/** Whatever lies at the top, or under the prefix that all share. */
export const whatever: Fits = () => ANY;

const knownTensors: Fits = (shapes) => {
  const stranger = [...shapes.keys()].find((name) => !NAMES.has(name) && !/^w\d+$/.test(name));
  if (stranger !== undefined) return { network: "Any", problem: `tensor ${stranger} is not known`, fit: 0 };
  return ANY;
};

/** Reads a whole file. */
export const parse = (file: Uint8Array, name = "x", fits = knownTensors): Checkpoint => parseCheckpoint(new MemorySource(name, file), { fits });
