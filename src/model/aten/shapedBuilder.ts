import { shapeText, type MapShape } from "../../layout/shape.js";
import type { Node } from "../../ops/nodes.js";
import { opOf } from "../../ops/table.js";
import { GraphBuilder } from "../builder.js";
import { refuse } from "./refusal.js";

/** Knows the shape of every tensor at once, and makes nothing twice. */
export class ShapedBuilder extends GraphBuilder {
  readonly #shapes = new Map<string, MapShape>();
  readonly #outputs = new Map<string, string>();

  constructor(input: string, shape: MapShape) {
    super(input);
    this.#shapes.set(input, shape);
  }

  /** @throws Refusal where the inputs do not fit */
  override node(node: Parameters<GraphBuilder["node"]>[0], wished: string): string {
    const same = JSON.stringify(node);
    const known = this.#outputs.get(same);
    if (known !== undefined) return known;
    const output = super.node(node, wished);
    const made = { ...node, output } as Node;
    try {
      const shape = opOf(made).shape(made, node.inputs.map((input) => this.shapeOf(input)));
      if (!(Math.min(shape.channels, shape.height, shape.width) >= 1)) throw new Error(`would leave maps of ${shapeText(shape)}`);
      this.#shapes.set(output, shape);
    } catch (error) {
      return refuse((error as Error).message);
    }
    this.#outputs.set(same, output);
    return output;
  }

  shapeOf(tensor: string): MapShape {
    return this.#shapes.get(tensor)!;
  }
}
