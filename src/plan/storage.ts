/**
 * Which tensors lie in another one's texture: slices and shuffles are views of what they are made of, and what a concatenation joins
 * is made in its place, so that moving channels costs nothing. What cannot be told by a view, or would have a step read and write
 * one texture, lies for itself and is copied.
 */
import { type BlockLayout, type ChannelMap, viewOf } from "../layout/blocks.js";
import type { MapShape } from "../layout/shape.js";
import { opOf, PAIRS } from "../ops/table.js";
import { type FusedNode, readsOf } from "./fuse.js";

interface Link {
  to: string;
  map: ChannelMap;
}

export interface Lie {
  /** The tensor whose texture it is. */
  root: string;
  layout: BlockLayout;
}

export class Storage {
  readonly #links = new Map<string, Link>();
  /** Concatenations whose inputs lie one behind the other already: they have no step. */
  readonly #there = new Set<FusedNode>();

  /**
   * @param own layout of a tensor that has a texture of its own
   * @param isStacked whether a tensor differs between filtered networks; it then has more blocks
   */
  constructor(private readonly nodes: FusedNode[], private readonly shapes: Map<string, MapShape>, private readonly own: (tensor: string) => BlockLayout, private readonly isStacked: (tensor: string) => boolean) {
    for (const node of nodes) {
      const map = opOf(node.node).view?.(node.node, this.#shapesOf(node));
      if (map) this.#link(node.output, { to: node.inputs[0], map });
    }
    // From the last on: of concatenations of concatenations the largest has the texture.
    for (const node of nodes.toReversed()) {
      const starts = opOf(node.node).parts?.(node.node, this.#shapesOf(node));
      if (starts && !this.#isThere(node, starts)) this.#place(node, starts);
    }
  }

  #shapesOf({ inputs }: FusedNode): MapShape[] {
    return inputs.map((name) => this.shapes.get(name)!);
  }

  /** Where a tensor lies. */
  of(tensor: string): Lie {
    const link = this.#links.get(tensor);
    if (!link) return { root: tensor, layout: this.own(tensor) };
    const there = this.of(link.to);
    return { root: there.root, layout: viewOf(there.layout, link.map)! };
  }

  #rootOf(tensor: string): string {
    const link = this.#links.get(tensor);
    return link ? this.#rootOf(link.to) : tensor;
  }

  /** Makes a tensor part of another, unless that cannot be. */
  #link(tensor: string, link: Link): void {
    if (this.#rootOf(link.to) === tensor || this.isStacked(tensor) !== this.isStacked(link.to)) return;
    this.#links.set(tensor, link);
    if (!this.#isSound(this.#rootOf(tensor))) this.#links.delete(tensor);
  }

  /** Whether all that lies in a texture can be told by views, and no step reads and writes it. */
  #isSound(root: string): boolean {
    const tensors = [...this.shapes.keys()].filter((name) => this.#rootOf(name) === root);
    const there = new Set(tensors);
    for (const tensor of tensors) {
      const link = this.#links.get(tensor);
      if (link && !this.#isView(link)) return false;
    }
    return this.nodes.every((node) => {
      if (!there.has(node.output)) return true;
      return this.#readsBeside(node).every((name) => !there.has(name));
    });
  }

  #isView({ to, map }: Link): boolean {
    const above = this.#links.get(to);
    if (above && !this.#isView(above)) return false;
    return viewOf(this.of(to).layout, map) !== null;
  }

  /** What a node's step reads: nothing of what is there already, and what a kernel that does the node in front as well would read. */
  #readsBeside(node: FusedNode): string[] {
    if (this.#there.has(node)) return [];
    const reads = readsOf(node).filter((name) => this.#links.get(node.output)?.to !== name && this.#links.get(name)?.to !== node.output);
    if (!PAIRS.some(({ second }) => second === node.node.op)) return reads;
    const front = this.nodes.find(({ output }) => output === node.inputs[0]);
    return front ? [...reads, ...readsOf(front)] : reads;
  }

  /** Links each input to its place in a concatenation, where nothing is in the way. */
  #place(node: FusedNode, starts: number[]): void {
    const { pack } = this.own(node.output);
    // A vec4 of several channels is written by one step.
    if (starts.some((start) => start % pack !== 0)) return;
    node.inputs.forEach((name, i) => {
      const isFree = !this.#links.has(name) && node.inputs.indexOf(name) === node.inputs.lastIndexOf(name) && this.nodes.some(({ output }) => output === name);
      if (isFree) this.#link(name, { to: node.output, map: { from: starts[i], count: this.shapes.get(name)!.channels, radix: 1, step: 0 } });
    });
  }

  /** Makes a concatenation a view where its inputs lie one behind the other already. */
  #isThere(node: FusedNode, starts: number[]): boolean {
    const [first, ...others] = node.inputs.map((name) => this.of(name));
    const link = this.#links.get(node.inputs[0]);
    if (!link || link.map.radix !== 1 || first.layout.radix !== 1) return false;
    const pack = first.layout.pack;
    const follow = others.every(({ root, layout }, i) => root === first.root && layout.radix === 1 && layout.first === first.layout.first + starts[i + 1] / pack);
    if (!follow || this.#links.has(node.output)) return false;
    this.#there.add(node);
    this.#link(node.output, { to: link.to, map: { ...link.map, count: this.shapes.get(node.output)!.channels } });
    const isLinked = this.#links.has(node.output);
    if (!isLinked) this.#there.delete(node);
    return isLinked;
  }
}
