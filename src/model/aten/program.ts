/** A graph of an exported program: its nodes one after the other, each by the rule of its op. */
import { InputError } from "../../errors.js";
import { FLOAT32, type Program, type ProgramNode } from "../../io/exported/program.js";
import type { MapShape } from "../../layout/shape.js";
import type { Graph } from "../graph.js";
import { Call, type Environment } from "./call.js";
import { mapDims, sizesOf, sizesText } from "./layout.js";
import { Memory } from "./memory.js";
import { Refusal, refuse } from "./refusal.js";
import { ShapedBuilder } from "./shapedBuilder.js";
import { ruleOf } from "./table.js";
import type { ConstantTensor, ImageTensor, Value } from "./values.js";

/** Weights and constants that come with a program. */
export interface ProgramTensors {
  shapes: ReadonlyMap<string, { shape: readonly number[]; isFloat: boolean }>;
  /** Numbers of a small tensor that become part of the graph. */
  numbersOf(name: string): ArrayLike<number>;
}

export interface ProgramGraph {
  graph: Graph;
  /** Of the example that the program was exported with. */
  image: MapShape;
  classes: number;
}

const IMAGE = "image";
const MAX_SIDE = 1 << 14;
const MAX_RANK = 8;
/** Overloads that write to an argument of that name. */
const OUT = /\.\w*out$/;

class Importer implements Environment {
  readonly builder: ShapedBuilder;
  readonly batch: number | null;
  readonly image: MapShape;
  readonly #values = new Map<string, Value>();
  readonly #readings = new Map<string, number>();

  constructor(readonly file: string, readonly program: Program, readonly tensors: ProgramTensors) {
    const [input, ...more] = program.inputs.filter(({ kind }) => kind === "image");
    if (!input) throw new InputError(file, "is a program that takes no images; export the network with an example of its input");
    if (more.length > 0) throw new InputError(file, `is a program of several inputs (${[input, ...more].slice(0, 4).map(({ name }) => name.slice(0, 60)).join(", ")}); export a network that takes images alone`);
    const meta = program.metas.get(input.name);
    const [batch, channels, height, width] = meta?.sizes ?? [];
    const isSide = (size: number | null | undefined): size is number => typeof size === "number" && size >= 1 && size <= MAX_SIDE;
    if (meta?.sizes.length !== 4 || !isSide(channels) || !isSide(height) || !isSide(width) || meta.dtype !== FLOAT32) {
      throw new InputError(file, `takes ${input.name.slice(0, 60)} as ${meta ? `[${meta.sizes.slice(0, 8).map((size) => size ?? "any").join(", ")}] of type ${meta.dtype}` : "something unknown"}, not as images [batch, channels, height, width] of float32; export it with such an example`);
    }
    const named = program.nodes.filter(({ target }) => !target.includes("sym_size")).flatMap(({ inputs }) => [...inputs.values()].flatMap((of) => (of.kind === "tensor" ? [of.name] : of.kind === "tensors" ? of.names : [])));
    for (const name of [...program.outputs, ...named]) this.#readings.set(name, (this.#readings.get(name) ?? 0) + 1);
    this.batch = batch;
    this.image = { channels, height, width };
    this.builder = new ShapedBuilder(IMAGE, this.image);
    this.#values.set(input.name, { kind: "image", memory: new Memory(this.builder, this.image, IMAGE), dims: mapDims(this.image) });
    for (const { name, kind, tensor } of program.inputs) {
      if (kind === "image") continue;
      const known = tensors.shapes.get(tensor);
      const missing = new InputError(file, `has no tensor ${JSON.stringify(tensor.slice(0, 120))}, which its graph reads; it is damaged, export it again`);
      this.#values.set(name, known ? { kind: "constant", tensor, shape: known.shape, sizes: known.shape, isFloat: known.isFloat, transposed: false } : { kind: "unusable", because: missing });
    }
  }

  readingsOf(name: string | null): number {
    return this.#readings.get(name ?? "") ?? 0;
  }

  valueOf(name: string): Value {
    return this.#values.get(name) ?? refuse(`reads ${name.slice(0, 60)}, which nothing makes`);
  }

  numbersOf({ tensor }: ConstantTensor): ArrayLike<number> {
    return this.tensors.numbersOf(tensor);
  }

  /** A refusal, with the place in the program. */
  #placed({ name, target, source }: ProgramNode, problem: string): InputError {
    const shown = (text: string): string => JSON.stringify(text.slice(0, 160)).slice(1, -1);
    return new InputError(this.file, `node ${shown(name)} (${shown(target)}${source ? `, ${source}` : ""}) ${problem}`);
  }

  run(node: ProgramNode): void {
    const { rule, inPlace } = ruleOf(node.target);
    const call = new Call(node, this);
    try {
      if (inPlace && this.#counts(call)) return;
      if (!rule) refuse("calls an op that is not there; docs/networks.md lists those that are");
      const made = rule(call);
      const results = Array.isArray(made) ? made : [made];
      if (inPlace) results[0] = this.#written(call, results[0]);
      if (results.length < node.outputs.length) refuse("makes more than its op");
      node.outputs.forEach((name, i) => {
        if (name === null) return;
        const value = results[i] ?? { kind: "unusable", because: this.#placed(node, "is read for a result that only training needs") };
        if (value.kind === "image") this.#check(name, value);
        this.#values.set(name, value);
      });
    } catch (error) {
      const because = error instanceof Refusal ? this.#placed(node, error.message) : (error as Error);
      // What nobody reads may be anything, but what an unknown op does to memory cannot be left out.
      const writes = inPlace || OUT.test(node.target);
      if (!(because instanceof InputError) || writes || !/^(aten|_operator)\./.test(node.target)) throw because;
      for (const name of node.outputs) if (name !== null) this.#values.set(name, { kind: "unusable", because });
    }
  }

  /** Whether a node only counts batches, as training does. */
  #counts(call: Call): boolean {
    const value = call.value("first");
    if (value?.kind !== "constant") return false;
    if (value.isFloat) refuse(`writes to ${value.tensor.slice(0, 120)}, a parameter or buffer`);
    const because = this.#placed(call.node, "is read, and counts batches while training");
    for (const name of call.node.outputs) if (name !== null) this.#values.set(name, { kind: "unusable", because });
    return true;
  }

  /** Puts a result where the op's input was, for everything that shares that memory. */
  #written(call: Call, made: Value | null): ImageTensor {
    const target = call.image();
    if (made?.kind !== "image") return refuse("writes something in place that is not a map");
    const [from, to] = [made.memory.shape, target.memory.shape];
    if (JSON.stringify([made.dims, from]) !== JSON.stringify([target.dims, to])) return refuse(`writes in place through a view of ${sizesText(target.dims)}, which can't be followed; write x = op(x) instead of the in-place form`);
    target.memory.write(made.memory.read());
    return target;
  }

  /** Compares what was made with what the file says was made. */
  #check(name: string, { dims }: ImageTensor): void {
    if (dims.length > MAX_RANK) refuse(`makes a tensor of ${dims.length} dimensions`);
    const meta = this.program.metas.get(name);
    if (!meta) return;
    const sizes = sizesOf(dims);
    const agrees = meta.sizes.length === sizes.length && sizes.every((size, axis) => size === null || meta.sizes[axis] === null || meta.sizes[axis] === size);
    if (!agrees) refuse(`makes ${name.slice(0, 60)} of sizes ${sizesText(dims)} here and [${meta.sizes.join(", ")}] by the file's own account; the file is damaged, or this program is wrong: please report it`);
    if (meta.dtype !== FLOAT32) refuse(`makes a tensor of another type than float32 (${meta.dtype} of PyTorch's); export the network in float32`);
  }

  finish(): ProgramGraph {
    const { outputs } = this.program;
    if (outputs.length !== 1) throw new InputError(this.file, `returns ${outputs.length} tensors; export a network that returns logits alone`);
    const [name] = outputs;
    const end: ProgramNode = { name: "output", target: name, inputs: new Map([["self", { kind: "tensor", name }]]), outputs: [], source: null };
    const call = new Call(end, this);
    try {
      const value = call.value("self");
      const logits = value?.kind === "log-probabilities" ? value.logits : value?.kind === "image" ? value : refuse("does not depend on the images");
      if (logits.dims.length !== 2 || logits.dims[0] !== "batch") refuse(`has the sizes ${sizesText(logits.dims)}, not those of logits: [batch, classes]`);
      const { tensor, shape } = call.read(logits);
      return { graph: living(this.builder.graph(tensor)), image: this.image, classes: shape.channels };
    } catch (error) {
      throw error instanceof Refusal ? this.#placed(end, error.message) : error;
    }
  }
}

/** The graph without what its output does not need. */
function living({ input, output, nodes }: Graph): Graph {
  const needed = new Set([output]);
  const kept = [...nodes].reverse().filter((node) => {
    if (!needed.has(node.output)) return false;
    for (const name of node.inputs) needed.add(name);
    return true;
  });
  return { input, output, nodes: kept.reverse() };
}

/**
 * @param file its name, for messages
 * @returns the program as a graph; names of parameters are those of the state_dict
 * @throws InputError naming node, op and source line where something in it has no counterpart here, or can't be followed exactly
 */
export function graphOfProgram(file: string, program: Program, tensors: ProgramTensors): ProgramGraph {
  const importer = new Importer(file, program, tensors);
  for (const node of program.nodes) importer.run(node);
  return importer.finish();
}
