import { shapeText, type MapShape } from "../../layout/shape.js";
import type { Node, PadNode } from "../../ops/common/nodes.js";
import { opOf } from "../../ops/table.js";
import { GraphBuilder } from "../builder.js";
import { refuse } from "./refusal.js";

/** An image's tensor may have so many elements: no adapter holds a batch of larger ones. */
const MAX_ELEMENTS = 2 ** 28;
const MAX_NODES = 200_000;

/** Knows the shape of every tensor at once, and makes nothing twice but what draws random numbers. */
export class ShapedBuilder extends GraphBuilder {
  readonly #made = new Map<string, Node>();
  readonly #shapes = new Map<string, MapShape>();
  readonly #outputs = new Map<string, string>();

  constructor(input: string, shape: MapShape) {
    super(input);
    this.#shapes.set(input, shape);
  }

  /** @throws Refusal where the inputs do not fit */
  override node(node: Parameters<GraphBuilder["node"]>[0], wished: string): string {
    const same = opOf(node as Node).isRandom ? null : JSON.stringify(node);
    const known = same === null ? undefined : this.#outputs.get(same);
    if (known !== undefined) return known;
    const output = super.node(node, wished);
    const made = { ...node, output } as Node;
    try {
      const shape = opOf(made).shape(made, node.inputs.map((input) => this.shapeOf(input)));
      const { channels, height, width } = shape;
      if (!(Math.min(channels, height, width) >= 1 && channels * height * width <= MAX_ELEMENTS)) throw new Error(`would leave maps of ${shapeText(shape)}`);
      if (this.nodes.length > MAX_NODES) throw new Error("makes the graph larger than any network's");
      this.#shapes.set(output, shape);
      this.#made.set(output, made);
    } catch (error) {
      return refuse((error as Error).message);
    }
    if (same !== null) this.#outputs.set(same, output);
    return output;
  }

  /** What a tensor is without the zeros that its node puts around; null for tensors of other nodes. */
  withoutZeros(tensor: string): { inner: string; around: PadNode["around"] } | null {
    const node = this.#made.get(tensor);
    const around = node && opOf(node).zeros?.(node);
    return around ? { inner: node.inputs[0], around } : null;
  }

  shapeOf(tensor: string): MapShape {
    return this.#shapes.get(tensor)!;
  }
}
