import type { MapShape } from "../../layout/shape.js";
import { GraphBuilder } from "../builder.js";
import { refuse } from "./refusal.js";
import { shapeOfNode } from "./shapes.js";

/** Knows the shape of every tensor at once. */
export class ShapedBuilder extends GraphBuilder {
  readonly #shapes = new Map<string, MapShape>();

  constructor(input: string, shape: MapShape) {
    super(input);
    this.#shapes.set(input, shape);
  }

  override node(node: Parameters<GraphBuilder["node"]>[0], wished: string): string {
    let shape: MapShape;
    try {
      shape = shapeOfNode(node, node.inputs.map((input) => this.shapeOf(input)));
    } catch (error) {
      return refuse((error as Error).message);
    }
    const output = super.node(node, wished);
    this.#shapes.set(output, shape);
    return output;
  }

  shapeOf(tensor: string): MapShape {
    return this.#shapes.get(tensor)!;
  }
}
