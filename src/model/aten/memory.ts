/**
 * Memory of a running program. Exported graphs write in place, and what is written is seen through every view of the same memory,
 * so each tensor is a view of a buffer whose content is, at any time, one tensor of the graph.
 */
import type { MapShape } from "../../layout/shape.js";
import type { GraphBuilder } from "../builder.js";
import { refuse } from "./refusal.js";

/** A run of channels of another buffer. */
interface Part {
  of: Memory;
  from: number;
  /** Of the whole, when this was read off it. */
  version: number;
}

/** What it shares memory with, if PyTorch did not copy: that depends on how the memory lies, which a graph doesn't tell. */
interface Copied {
  from: Memory;
  version: number;
}

const SPOILED = "reads a tensor that may share memory with one that was written in place since; write x = op(x) instead of the in-place form";

const MAX_DEPTH = 256;

export class Memory {
  #version = 0;
  #part: Part | null = null;
  #copied: Copied | null = null;
  #spoiled: string | null = null;

  /** @param depth how many memories lie under each other */
  constructor(readonly builder: GraphBuilder, readonly shape: MapShape, private tensor: string, readonly depth = 0) {
    if (depth > MAX_DEPTH) refuse(`is a view of a view, and so on, ${depth} times`);
  }

  /** Channels of this one that are written where this one is. */
  slice(from: number, count: number): Memory {
    const { height, width } = this.shape;
    const part = new Memory(this.builder, { channels: count, height, width }, this.builder.slice(this.read(), from, count), this.depth + 1);
    part.#part = { of: this, from, version: this.#version };
    return part;
  }

  /**
   * What may or may not share this one's memory. Writing to either is only noticed where the other is read again.
   * @param tensor its content; this one's as it is, if that is left out
   */
  maybeCopy(tensor = this.read(), shape = this.shape): Memory {
    const copy = new Memory(this.builder, shape, tensor, this.depth + 1);
    copy.#copied = { from: this, version: this.#version };
    return copy;
  }

  /** The graph's tensor that this memory holds now. */
  read(): string {
    this.#update();
    if (this.#spoiled) refuse(this.#spoiled);
    return this.tensor;
  }

  #update(): void {
    const [part, copied] = [this.#part, this.#copied];
    if (part) {
      part.of.#update();
      if (part.of.#version !== part.version) {
        this.tensor = this.builder.slice(part.of.read(), part.from, this.shape.channels);
        part.version = part.of.#version;
        this.#version++;
      }
    }
    if (copied) {
      copied.from.#update();
      if (copied.from.#version !== copied.version) this.#spoiled = SPOILED;
    }
  }

  write(tensor: string): void {
    if (this.read() === tensor) return;
    this.tensor = tensor;
    this.#version++;
    if (this.#copied) {
      this.#copied.from.#spoil();
      this.#copied.version = this.#copied.from.#version;
    }
    const part = this.#part;
    if (!part) return;
    const { of, from } = part;
    const whole = of.read();
    const end = from + this.shape.channels;
    const pieces = [from > 0 ? this.builder.slice(whole, 0, from) : null, tensor, end < of.shape.channels ? this.builder.slice(whole, end, of.shape.channels - end) : null];
    of.write(pieces.length === 1 ? tensor : this.builder.concat(pieces.filter((piece) => piece !== null)));
    part.version = of.#version;
  }

  #spoil(): void {
    this.#version++;
    this.#spoiled = SPOILED;
    if (this.#part) this.#part.of.#spoil();
    if (this.#copied) this.#copied.from.#spoil();
  }
}
