/**
 * Compiles a network and a set of filtered layers to steps: plain data that an executor runs. Names of what a step
 * reads and writes: `clean/x`, `grad/x`, `adv/x` tensors, `weights/layer/forward|forward-max-pool|gradient|gradient-raw`,
 * `norm/bn`, `intervals/layer`, `labels`, `results`.
 */
import { inferShapes } from "../model/graph.js";
import type { Architecture } from "../model/architecture.js";
import { type ConvPlan, planConv } from "../ops/conv2d.js";
import { chooseTile, tileKey, type TileTable } from "../ops/convTile.js";
import { poolRows } from "../ops/max_pool.js";
import { BackwardPlanner } from "./backward.js";
import { convMaxPoolStep, type ForwardOp, joinMaxPools } from "./convMaxPool.js";
import { convolutionSteps } from "./convolution.js";
import { type ConvOp, convShape, fuse, type FusedOp } from "./fuse.js";
import { type BlockLayout, blockLayout, layoutConstants, type LayoutLimits, type MapShape } from "../layout/blocks.js";

export type ParamValue = number | number[];

export interface Step {
  kernel: string;
  /** What of the network it computes, for people: `conv2d layer1.0.conv1`, `conv2d gradient fc`. */
  name: string;
  constants: Record<string, number | boolean>;
  params: Record<string, ParamValue>;
  /** WGSL binding name → resource name. */
  bindings: Record<string, string>;
  writes: string[];
  grid: [number, number, number];
  /** Multiply-adds on real pixels; element-wise kernels count one per element. */
  cost: number;
}

/** A texture the plan needs. */
export interface TensorPlan {
  width: number;
  height: number;
}

/** Weights as a texture: how to pack which layer's. */
export interface WeightPlan {
  layer: string;
  conv: ConvPlan;
  /** Batch norm whose scale is packed into the weights, or null. */
  scale: string | null;
}

export interface UnitPlan {
  /** Once per image tile: everything that does not depend on the filtered layers. */
  prefix: Step[];
  /** For every chunk of variants. */
  body: Step[];
  tensors: Map<string, TensorPlan>;
  weights: Map<string, WeightPlan>;
  norms: Set<string>;
  /** Layers whose weights are filtered, in the order of `Interval[]`. */
  filtered: string[];
  blocksPerVariant: number;
  /** Images in a block. */
  lanes: number;
  variants: number;
  passes: number;
  input: BlockLayout;
  /** Tensors that are read when the steps are done; others may lie in one texture. */
  kept?: Set<string>;
}

/** What of an adapter the kernels go by. */
export interface KernelLimits extends LayoutLimits {
  /** Weights come from neighbour lanes: needs subgroups of `lanes` and more. */
  shuffle: boolean;
  /** Sums that an invocation of a convolution keeps. */
  accumulators: number;
}

export interface PlanOptions extends KernelLimits {
  image: MapShape;
  filtered: string[];
  /** Filtered networks stacked along the batch. */
  variants: number;
  /** Blocks of `lanes` images; as many as make a multiple of IMAGE_MULTIPLE images. */
  blocksPerVariant: number;
  /** Images in the tile; lanes behind them are padding. */
  images: number;
  /** False: no backward pass, and with it no attack; steps then keep nothing for it. */
  gradient?: boolean;
  /** FGSM parameters per pass, by channel. */
  attacks: { epsilon: number[]; low: number[]; high: number[] }[];
  clamp: boolean;
  batchNorm: "running" | "batch";
  /** Tiles found by measuring, by `tileKey`; results do not depend on them. */
  tiles?: TileTable;
}

/** What the parts of the planner share. */
export class PlanContext {
  readonly shapes: Map<string, MapShape>;
  readonly ops: FusedOp[];
  readonly tensors = new Map<string, TensorPlan>();
  readonly weights = new Map<string, WeightPlan>();
  readonly norms = new Set<string>();
  /** Clean tensors that differ between variants. */
  readonly stacked = new Set<string>();

  constructor(readonly network: Architecture, readonly options: PlanOptions) {
    this.shapes = inferShapes(network.graph, options.image);
    this.ops = fuse(network.graph, this.shapes);
    for (const op of this.ops) {
      const filtered = op.kind === "conv" && this.isFiltered(op);
      const residual = op.kind === "conv" ? op.residual : null;
      if (filtered || this.stacked.has(op.input) || (residual && this.stacked.has(residual))) this.stacked.add(op.output);
    }
  }

  layout(tensor: string): BlockLayout {
    return blockLayout(this.shapes.get(tensor)!, this.options);
  }

  /** Blocks of a tensor in a pass: `clean/x` exists once if no filtered layer is in front of it. */
  blocks(resource: string): number {
    const { blocksPerVariant, variants } = this.options;
    const [pass, tensor] = split(resource);
    return pass === "clean" && !this.stacked.has(tensor) ? blocksPerVariant : blocksPerVariant * variants;
  }

  /** Registers the texture of a tensor (`clean/x`, `grad/x#2`, …) laid out as tensor `like`. */
  tensor(resource: string, like: string, blocks: number): string {
    const layout = this.layout(like);
    this.tensors.set(resource, { width: layout.texels, height: blocks * layout.fold });
    return resource;
  }

  /** Registers the texture of which pixels won in the max-pool that makes `output`; null where no gradient follows: only the clean pass has one. */
  winner(output: string, blocks: number): string | null {
    const [pass, tensor] = split(output);
    return pass === "clean" && this.options.gradient !== false ? this.tensor(`${output}#winner`, tensor, blocks) : null;
  }

  /** Registers a texture of one texel per channel and a row per variant. */
  statistics(resource: string, like: string, rows: number): string {
    const layout = this.layout(like);
    this.tensors.set(resource, { width: layout.groups * layout.pack, height: rows });
    return resource;
  }

  convPlan(op: ConvOp, gradient: boolean): ConvPlan {
    const shape = convShape(op.node, this.shapes.get(op.input)!);
    const [input, output] = [this.layout(op.input), this.layout(op.output)];
    const tile = this.options.tiles?.[tileKey(shape, gradient)] ?? chooseTile(shape, gradient, this.options);
    const plan = gradient ? planConv(shape, true, output, input, tile, this.options.maxTextureWidth) : planConv(shape, false, input, output, tile, this.options.maxTextureWidth);
    // A filter has to see raw weights; otherwise the scale of the batch norm behind the convolution is part of them.
    const scale = gradient && !this.isFiltered(op) && this.options.batchNorm === "running" ? op.norm : null;
    this.weights.set(this.weightName(op, gradient), { layer: op.node.name, conv: plan, scale });
    return plan;
  }

  /** Whether a ReLU made the tensor. */
  hasRelu(tensor: string): boolean {
    return this.ops.some((op) => op.kind === "conv" && op.relu && op.output === tensor);
  }

  isFiltered(op: ConvOp): boolean {
    return this.options.filtered.includes(op.node.name);
  }

  weightName(op: ConvOp, gradient: boolean): string {
    return `weights/${op.node.name}/${!gradient ? "forward" : this.isFiltered(op) ? "gradient-raw" : "gradient"}`;
  }

  normName(op: ConvOp): string {
    const name = this.options.batchNorm === "batch" && op.norm ? "norm/identity" : `norm/${op.norm ?? op.node.name}`;
    this.norms.add(name);
    return name;
  }
}

export function split(resource: string): [string, string] {
  const slash = resource.indexOf("/");
  return [resource.slice(0, slash), resource.slice(slash + 1)];
}

/** @throws Error when the graph holds something the kernels cannot do yet */
export function planUnit(network: Architecture, options: PlanOptions): UnitPlan {
  const context = new PlanContext(network, options);
  const { variants, blocksPerVariant, attacks, gradient = true } = options;
  const imageLayout = context.layout(network.graph.input);
  context.tensor(`clean/${network.graph.input}`, network.graph.input, blocksPerVariant);
  const prefix: Step[] = [];
  const body: Step[] = [];
  const forward = joinMaxPools(context);
  for (const op of forward) {
    const steps = context.stacked.has(op.output) ? body : prefix;
    steps.push(...forwardSteps(context, op, "clean"));
  }
  body.push(lossStep(context, "clean", 0));
  if (gradient) body.push(...new BackwardPlanner(context).steps());
  attacks.forEach((attack, pass) => {
    const image = network.graph.input;
    context.tensor(`adv/${image}`, image, variants * blocksPerVariant);
    body.push({
      kernel: "fgsm",
      name: "fgsm",
      constants: { ...layoutConstants("IN", imageLayout), CLAMP: options.clamp },
      params: { in_blocks: blocksPerVariant, ...attack },
      bindings: { input: `clean/${image}`, gradient: `grad/${image}`, output: `adv/${image}` },
      writes: [`adv/${image}`],
      grid: [variants * blocksPerVariant, imageLayout.channels, imageLayout.quads],
      cost: variants * blocksPerVariant * options.lanes * imageLayout.channels * imageLayout.quads * 4,
    });
    for (const op of forward) body.push(...forwardSteps(context, op, "adv"));
    body.push(lossStep(context, "adv", pass + 1));
  });
  return {
    prefix, body, tensors: context.tensors, weights: context.weights, norms: context.norms,
    filtered: options.filtered, blocksPerVariant, lanes: options.lanes, variants, passes: attacks.length + 1, input: imageLayout,
  };
}

/** Steps of one op in a forward pass. */
function forwardSteps(context: PlanContext, op: ForwardOp, pass: "clean" | "adv"): Step[] {
  const at = (tensor: string) => `${pass}/${tensor}`;
  const output = at(op.output);
  const blocks = context.blocks(output);
  const [input, out] = [context.layout(op.input), context.layout(op.output)];
  const elements = blocks * out.lanes * out.groups * out.quads * 4;
  context.tensor(output, op.output, blocks);
  if (op.kind === "conv") return convSteps(context, op, pass, output, blocks);
  if (op.kind === "conv_max_pool") return [convMaxPoolStep(context, op, pass, blocks)];
  const constants = { ...layoutConstants("IN", input), ...layoutConstants("OUT", out) };
  const params = { in_blocks: context.blocks(at(op.input)) };
  if (op.kind === "avg_pool") {
    return [{ kernel: "avg_pool", name: "avg_pool", constants, params, bindings: { input: at(op.input), output }, writes: [output], grid: [blocks, out.groups, 1], cost: elements * input.height * input.width }];
  }
  if (input.width < 3 || out.width < 3) throw new Error("max-pool needs maps of at least 3 columns");
  const rows = poolRows(input, out.height, op.stride).pooled;
  const winner = context.winner(output, blocks);
  return [{
    kernel: "max_pool",
    name: "max_pool",
    constants: { ...constants, KERNEL: op.kernel, STRIDE: op.stride, PAD: op.pad, ROWS: rows, WINNER: winner !== null, GATE: context.hasRelu(op.input) },
    params,
    bindings: { input: at(op.input), output, ...(winner && { winner }) },
    writes: winner ? [output, winner] : [output],
    grid: [blocks, out.groups, Math.ceil(out.height / rows)],
    cost: elements * op.kernel ** 2,
  }];
}

function convSteps(context: PlanContext, op: ConvOp, pass: "clean" | "adv", output: string, blocks: number): Step[] {
  const { options } = context;
  const separate = options.batchNorm === "batch" && op.norm !== null;
  const input = `${pass}/${op.input}`;
  const residual = op.residual ? `${pass}/${op.residual}` : null;
  const raw = separate ? context.tensor(`${output}#raw`, op.output, blocks) : output;
  const residualBlocks = residual ? context.blocks(residual) : 1;
  const conv = convolutionSteps(context, op, false, { input, output: raw, blocks }, { residual: separate ? null : residual, relu: op.relu && !separate, gate: null });
  if (!separate) return conv;
  const layout = context.layout(op.output);
  const rows = blocks / options.blocksPerVariant;
  const stats = context.statistics(`${output}#stats`, op.output, rows);
  const constants = layoutConstants("IN", layout);
  const norm = `norm/${op.norm}`;
  context.norms.add(norm);
  const cost = blocks * layout.lanes * layout.groups * layout.quads * 4;
  return [
    ...conv,
    { kernel: "batch_norm_stats", name: "batch_norm_stats", constants, params: { blocks_per_variant: options.blocksPerVariant, images: options.images, stats_rows: rows, raw_blocks: blocks }, bindings: { input: raw, output: stats }, writes: [stats], grid: [rows, layout.groups, 1], cost: 2 * cost },
    {
      kernel: "batch_norm",
      name: "batch_norm",
      constants: { ...constants, RESIDUAL: residual !== null, RELU: op.relu },
      params: { blocks_per_variant: options.blocksPerVariant, input_blocks: blocks, residual_blocks: residualBlocks, stats_rows: rows },
      bindings: { input: raw, output, norm, stats, ...(residual && { residual }) },
      writes: [output],
      grid: [blocks, layout.groups, layout.quads],
      cost,
    },
  ];
}

function lossStep(context: PlanContext, pass: "clean" | "adv", index: number): Step {
  const { variants, blocksPerVariant, lanes } = context.options;
  const logits = `${pass}/${context.ops[context.ops.length - 1].output}`;
  const gradient = context.tensor(pass === "clean" ? `grad/${split(logits)[1]}` : "grad/unused", split(logits)[1], variants * blocksPerVariant);
  return {
    kernel: "softmax_loss",
    name: "softmax_loss",
    constants: { LANES: lanes, CLASSES: context.network.classes },
    params: { blocks_per_variant: blocksPerVariant, first_result: index * variants * blocksPerVariant * lanes },
    bindings: { logits, gradient, labels: "labels", results: "results" },
    writes: [gradient, "results"],
    grid: [variants * blocksPerVariant, 1, 1],
    cost: variants * blocksPerVariant * lanes * context.network.classes,
  };
}
