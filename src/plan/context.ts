/** What the parts of the planner share: shapes, joined nodes, and everything that steps read and write. */
import { type BlockLayout, blockLayout, type MapShape } from "../layout/blocks.js";
import { isPixel } from "../layout/shape.js";
import type { Architecture } from "../model/architecture.js";
import { inferShapes } from "../model/graph.js";
import type { Affine, Place, Relu, Site, SiteOptions, WeightPlan } from "../ops/common/site.js";
import { layerOf } from "../ops/common/step.js";
import { opOf } from "../ops/table.js";
import { fuse, type FusedNode, readsOf } from "./fuse.js";
import { Storage } from "./storage.js";

/** A texture the plan needs. */
export interface TensorPlan {
  width: number;
  height: number;
}

/** A forward pass: of the images as they are, or of attacked ones. */
export type Pass = "clean" | `adv${string}`;

export interface ContextOptions extends SiteOptions {
  image: MapShape;
  filtered: string[];
}

export class PlanContext {
  readonly shapes: Map<string, MapShape>;
  readonly nodes: FusedNode[];
  /** Tensor of logits. */
  readonly output: string;
  readonly tensors = new Map<string, TensorPlan>();
  readonly weights = new Map<string, WeightPlan>();
  readonly affines = new Map<string, Affine>();
  readonly #name: string;
  readonly #readers = new Map<string, number>();
  readonly #madeBy = new Map<string, FusedNode>();
  /** Clean tensors that differ between variants. */
  readonly #stacked = new Set<string>();
  readonly #storage: Storage;

  constructor({ name, graph }: Architecture, readonly options: ContextOptions) {
    this.#name = name;
    this.shapes = inferShapes(graph, options.image);
    const { nodes, output } = fuse(graph, this.shapes, options.batchNorm, options.training);
    this.nodes = nodes;
    this.output = output;
    for (const node of nodes) {
      this.#madeBy.set(node.output, node);
      for (const tensor of readsOf(node)) this.#readers.set(tensor, (this.#readers.get(tensor) ?? 0) + 1);
      if (this.#isFiltered(node) || readsOf(node).some((tensor) => this.#stacked.has(tensor))) this.#stacked.add(node.output);
    }
    this.#readers.set(output, (this.#readers.get(output) ?? 0) + 1);
    this.#storage = new Storage(nodes, this.shapes, (tensor) => this.layout(tensor), (tensor) => this.#stacked.has(tensor));
  }

  /** The output, which has to be one number a class. @throws Error where it is maps */
  logits(): string {
    const shape = this.shapes.get(this.output)!;
    if (!isPixel(shape)) throw new Error(`${this.#name} ends with maps of ${shape.height}x${shape.width} pixels instead of one number a class`);
    return this.output;
  }

  /** Readers of a tensor, the loss among them. */
  readersOf(tensor: string): number {
    return this.#readers.get(tensor) ?? 0;
  }

  /** The node that makes a tensor; null for the images. */
  makerOf(tensor: string): FusedNode | null {
    return this.#madeBy.get(tensor) ?? null;
  }

  /** The ReLU behind which a tensor was made; of channels that were only moved, that of all of them. */
  reluOf(tensor: string): Relu | null {
    const made = this.#madeBy.get(tensor);
    if (!made || made.relu) return made?.relu ?? null;
    const op = opOf(made.node);
    if (!op.view && !op.parts) return null;
    const relus = made.inputs.map((name) => this.reluOf(name));
    return relus.every((relu) => relu !== null && relu.cap === relus[0]?.cap) ? relus[0] : null;
  }

  isStacked(tensor: string): boolean {
    return this.#stacked.has(tensor);
  }

  #isFiltered({ node }: FusedNode): boolean {
    return (opOf(node).parameters?.(node) ?? []).some(({ tensor, filterable }) => filterable && this.options.filtered.includes(layerOf(tensor)));
  }

  layout(tensor: string): BlockLayout {
    return blockLayout(this.shapes.get(tensor)!, this.options);
  }

  /** A tensor in a forward pass: `clean/x` exists once if no filtered layer is in front of it. */
  place(pass: Pass, tensor: string): Place {
    const { blocksPerVariant, variants } = this.options;
    const blocks = pass === "clean" && !this.#stacked.has(tensor) ? blocksPerVariant : blocksPerVariant * variants;
    const { root, layout } = this.#storage.of(tensor);
    return { resource: `${pass}/${root}`, layout, blocks };
  }

  /** A texture for the gradient of a tensor. */
  gradient(tensor: string, suffix = "", pass: Pass = "clean"): Place {
    const { blocksPerVariant, variants } = this.options;
    return { resource: `${pass === "clean" ? "" : `${pass}-`}grad/${tensor}${suffix}`, layout: this.layout(tensor), blocks: blocksPerVariant * variants };
  }

  /** Registers the texture of a tensor. */
  allocate(place: Place): Place {
    const { resource, layout, blocks } = place;
    this.tensors.set(resource, { width: layout.texels, height: blocks * layout.fold });
    return place;
  }

  /** What forward and gradient sites of a node have in common; side textures are named after `owner`. */
  site(fused: FusedNode, pass: Pass, owner: string): Omit<Site, "keeps" | "reluOf" | "counted"> {
    const { options } = this;
    return {
      options,
      inputs: fused.inputs.map((tensor) => this.place(pass, tensor)),
      output: this.place(pass, fused.output),
      epilogue: { norm: fused.norm, residual: fused.residual === null ? null : this.place(pass, fused.residual), relu: fused.relu },
      intervals: (tensor) => (options.filtered.includes(layerOf(tensor)) ? `intervals/${layerOf(tensor)}` : null),
      weights: (form, plan) => {
        const resource = `weights/${fused.node.output}/${form}`;
        this.weights.set(resource, plan);
        return resource;
      },
      affine: (affine) => {
        const resource = `affine/${fused.node.output}`;
        this.affines.set(resource, affine);
        return resource;
      },
      plain: (layout) => blockLayout(layout, options),
      texture: (name, width, height) => {
        const resource = `${owner}#${name}`;
        this.tensors.set(resource, { width, height });
        return resource;
      },
    };
  }
}
