/** One node's call, as its op's rule sees it: arguments by the names in the op's schema, and what they stand for. */
import type { Argument, ProgramNode } from "../../io/exported/program.js";
import { FLOAT32 } from "../../io/exported/program.js";
import { isPixel, type MapShape, type Pair } from "../../layout/shape.js";
import { describe, formOf, isInOrder, mapDims, reshaped, shuffledGroups, sizesOf, sizesText, vectorDims, type Dims } from "./layout.js";
import { Memory } from "./memory.js";
import { refuse } from "./refusal.js";
import type { ShapedBuilder } from "./shapedBuilder.js";
import type { ConstantTensor, ImageTensor, Value } from "./values.js";

const MAX_REPEATS = 4096;

/** A tensor of the graph. */
export interface Read {
  tensor: string;
  shape: MapShape;
}

/** What a program's names stand for, and numbers of its constants. */
export interface Environment {
  builder: ShapedBuilder;
  /** The batch of the example the program was made with; null where it may be any. */
  batch: number | null;
  valueOf(name: string): Value;
  numbersOf(constant: ConstantTensor): ArrayLike<number>;
  /** How often the program reads what a name stands for. */
  readingsOf(name: string | null): number;
}

export class Call {
  constructor(readonly node: ProgramNode, readonly environment: Environment) {}

  get builder(): ShapedBuilder {
    return this.environment.builder;
  }

  /** @returns undefined where the argument is left out, or none */
  argument(name: string): Argument | undefined {
    const argument = this.node.inputs.get(name);
    return argument?.kind === "none" ? undefined : argument;
  }

  #wrong(name: string): never {
    return refuse(`gets something as ${name} that it can't be`);
  }

  /** What a name stands for. @throws Error that says why it may not be used */
  named(name: string): Value {
    const value = this.environment.valueOf(name);
    if (value.kind === "unusable") throw value.because;
    return value;
  }

  /** What an argument stands for, undefined where there is none; `first` is the first one, whatever its name. */
  value(name: string): Value | undefined {
    const argument = name === "first" ? this.node.inputs.values().next().value : this.argument(name);
    if (argument === undefined) return undefined;
    return argument.kind === "tensor" || argument.kind === "symbol" ? this.named(argument.name) : this.#wrong(name);
  }

  /** The tensor that the op works on: its first argument. */
  input(): ImageTensor | ConstantTensor {
    const value = this.value("first");
    return value?.kind === "image" || value?.kind === "constant" ? value : refuse(value?.kind === "log-probabilities" ? "goes on behind a log_softmax, which has to be the end" : "does not get a tensor");
  }

  /** The tensor that the op works on, which has to depend on the images. */
  image(): ImageTensor {
    return this.asImage(this.input());
  }

  asImage(value: Value): ImageTensor {
    if (value.kind === "log-probabilities") return refuse("goes on behind a log_softmax, which has to be the end");
    if (value.kind !== "image") return refuse("computes something that does not depend on the images, such as weights from other weights");
    return value;
  }

  images(name: string): ImageTensor[] {
    const argument = this.argument(name);
    return argument?.kind === "tensors" ? argument.names.map((tensor) => this.asImage(this.named(tensor))) : this.#wrong(name);
  }

  /** A float parameter or constant as it is in the file; null where there is none. */
  parameter(name: string): ConstantTensor | null {
    const value = this.value(name);
    if (value === undefined) return null;
    if (value.kind !== "constant") return refuse(`gets a ${name} that is computed from the images`);
    if (!value.isFloat) return refuse(`gets a ${name} that is not of float32`);
    return value;
  }

  number(name: string, otherwise?: number): number {
    const argument = this.argument(name);
    if (argument === undefined) return otherwise ?? this.#wrong(name);
    return argument.kind === "number" ? argument.value : this.#wrong(name);
  }

  integer(name: string, otherwise?: number): number {
    const value = this.number(name, otherwise);
    return Number.isSafeInteger(value) ? value : this.#wrong(name);
  }

  boolean(name: string, otherwise?: boolean): boolean {
    const argument = this.argument(name);
    if (argument === undefined) return otherwise ?? this.#wrong(name);
    return argument.kind === "boolean" ? argument.value : this.#wrong(name);
  }

  text(name: string, otherwise: string): string {
    const argument = this.argument(name);
    if (argument === undefined) return otherwise;
    return argument.kind === "text" ? argument.value : this.#wrong(name);
  }

  /** Whole numbers that no symbol is among. */
  integers(name: string, otherwise?: number[]): number[] {
    const argument = this.argument(name);
    if (argument === undefined) return otherwise ?? this.#wrong(name);
    if (argument.kind !== "sizes") return this.#wrong(name);
    return argument.values.map((value) => (Number.isSafeInteger(value) ? (value as number) : this.#wrong(name)));
  }

  /** Of rows and columns. */
  pair(name: string, otherwise?: Pair): Pair {
    const values = this.integers(name, otherwise && [...otherwise]);
    if (values.length === 0 && otherwise) return otherwise;
    const [rows, columns = rows] = values;
    return values.length === 1 || values.length === 2 ? [rows, columns] : refuse("works on one or three dimensions instead of maps");
  }

  /** Sizes of a tensor: whole numbers, -1 for what is left, null for the batch, which is in front and may be written as the example's. */
  sizes(name: string): (number | null)[] {
    const argument = this.argument(name);
    if (argument?.kind !== "sizes") return this.#wrong(name);
    const { batch } = this.environment;
    return argument.values.map((value, axis) => {
      if (typeof value === "number") return axis === 0 && value === batch ? null : value;
      const size = this.named(value);
      if (size.kind !== "size") return this.#wrong(name);
      return size.size === "batch" ? null : size.size;
    });
  }

  /** A dimension's number, counted from the front. */
  axis(rank: number, axis: number): number {
    const counted = axis < 0 ? axis + rank : axis;
    return Number.isSafeInteger(axis) && counted >= 0 && counted < rank ? counted : refuse(`names dimension ${axis} of a tensor of ${rank}`);
  }

  /** @throws Refusal where a conversion to another type is asked for */
  checkDtype(): void {
    const dtype = this.argument("dtype");
    if (dtype !== undefined && !(dtype.kind === "dtype" && dtype.code === FLOAT32)) refuse("converts to another type than float32");
  }

  /** The same elements in the order in which they are counted, as the graph's tensors have them; dimensions have the same sizes. */
  ordered(image: ImageTensor): { read: Read; dims: Dims } {
    const { memory, dims } = this.repeated(this.asImage(image));
    const { shape } = memory;
    if (isInOrder(dims, shape)) return { read: { tensor: memory.read(), shape }, dims };
    const groups = shuffledGroups(dims, shape);
    if (groups === null) return refuse(`needs the elements of ${describe(dims, shape)} in another order, which no channel shuffle makes`);
    return { read: { tensor: this.builder.shuffle(memory.read(), groups), shape }, dims: reshaped(mapDims(shape), sizesOf(dims)) };
  }

  /** A gray map that was expanded to colours, with that many channels. */
  repeated(image: ImageTensor): ImageTensor {
    const { memory, dims } = image;
    const [, channels, ...rest] = dims;
    const isGray = dims.length === 4 && memory.shape.channels === 1 && channels !== "batch" && channels.length === 1 && channels[0].stride === 0 && channels[0].size <= MAX_REPEATS;
    if (!isGray || !isInOrder([dims[0], ...rest], memory.shape)) return image;
    return this.made(this.builder.concat(Array.from({ length: channels[0].size }, () => memory.read()), this.node.name));
  }

  /** As a map, or a vector (a map of one pixel), whichever its dimensions say. */
  read(image: ImageTensor): Read {
    const { read, dims } = this.ordered(image);
    const form = formOf(dims, read.shape);
    if (form === null) return refuse(`takes ${sizesText(dims)} for maps, which are ${describe(mapDims(read.shape), read.shape)}`);
    if (form === "map" || isPixel(read.shape)) return read;
    return this.result(this.builder.flatten(read.tensor));
  }

  /** As a map; vectors are refused. */
  readMap(image: ImageTensor): Read {
    if (image.dims.length !== 4) return refuse(`takes maps as [batch, channels, height, width], not ${sizesText(image.dims)}`);
    return this.read(image);
  }

  result(tensor: string): Read {
    return { tensor, shape: this.builder.shapeOf(tensor) };
  }

  /** New memory that holds a tensor of the graph, as a map. */
  made(tensor: string): ImageTensor {
    const shape = this.builder.shapeOf(tensor);
    return this.over(tensor, mapDims(shape));
  }

  /** New memory of the dimensions' count that the input has: vectors stay vectors. */
  like(input: ImageTensor, tensor: string): ImageTensor {
    return input.dims.length === 4 ? this.made(tensor) : this.over(tensor, vectorDims(this.builder.shapeOf(tensor)));
  }

  over(tensor: string, dims: Dims): ImageTensor {
    return { kind: "image", memory: new Memory(this.builder, this.builder.shapeOf(tensor), tensor), dims };
  }
}

/** What an op makes of a call: one value, or one for each result; null for results that nothing here reads. */
export type Rule = (call: Call) => Value | (Value | null)[];
/** By the op's name and overload, without the underscore of the in-place form. */
export type Rules = Record<string, Rule>;
