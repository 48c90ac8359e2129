/** What a step of a training runs: plans for each number of images, for those that are attacked, and for the optimizer. */
import type { Gpu } from "../gpu/device.js";
import type { Profiler } from "../gpu/profiler.js";
import { blockImages, type MapShape } from "../layout/blocks.js";
import type { Network } from "../model/architecture.js";
import type { Attack } from "../ops/fgsm.js";
import type { UnitPlan } from "../plan/plan.js";
import { planTraining, type TrainingAttackStep } from "../plan/training.js";
import type { GpuExecutor, PreparedPlan } from "../run/gpu.js";
import { kernelLimits } from "../run/limits.js";
import { type OptimizerConfig, optimizerStep } from "./optimizer.js";
import { learningOf, type ParameterTable } from "./parameters.js";
import type { TrainingResources } from "./resources.js";

export interface TrainerOptions {
  optimizer: OptimizerConfig;
  /** Images of a step; a step may have fewer. */
  batch: number;
  /** Images on the device at once, whose gradients are added up: batch norms take the statistics of these. By default the batch. */
  microBatch?: number;
  labelSmoothing?: number;
  /** Decides the masks of dropouts. */
  seed?: number;
  /** What is updated of a tensor, one entry a number, 0 for what keeps its bytes; tensors that are not named are updated whole. */
  update?: ReadonlyMap<string, Uint8Array>;
  /** Running statistics keep their bytes. */
  keepsStatistics?: boolean;
  /** Attacked images are learned from beside those they are made of. */
  attack?: TrainingAttack | null;
  profiler?: Profiler | null;
}

/** FGSM or PGD by the network as it is at each step, its norms by the batch's statistics. */
export interface TrainingAttack {
  ball: Attack;
  clamp: boolean;
  /** Null: one step of length epsilon. */
  pgd: { steps: number; randomStart: number | null } | null;
  /** Share of the attacked images in the loss, above 0 and at most 1. */
  mix: number;
}

/** A pass over images as they are. */
export interface Prepared extends PreparedPlan {
  images: number;
  /** A step of an attack that has several. */
  moving: PreparedPlan | null;
  /** The same for attacked images; null where there is no attack. */
  attacked: PreparedPlan | null;
}

export class BatchPlans {
  private readonly prepared = new Map<string, Prepared>();
  private ofUpdate: PreparedPlan | null = null;

  constructor(
    private readonly gpu: Gpu, private readonly network: Network, private readonly options: TrainerOptions, private readonly image: MapShape,
    private readonly executor: GpuExecutor, private readonly table: ParameterTable, private readonly resources: TrainingResources,
  ) {}

  /** Of each number of images, once: kernels and textures. @param batch images of the step, of which these are some */
  async of(images: number, batch: number): Promise<Prepared> {
    const key = `${images} of ${batch}`;
    let found = this.prepared.get(key);
    if (!found) this.prepared.set(key, (found = await this.prepare(images, batch)));
    return found;
  }

  /** One step of the optimizer. Needs a batch's plan before it. */
  async update(): Promise<PreparedPlan> {
    if (this.ofUpdate) return this.ofUpdate;
    const { options, table } = this;
    const body = [...table.arenas].map(([arena, floats]) => optimizerStep(options.optimizer, arena, floats, options.update !== undefined));
    const [{ plan }] = this.prepared.values();
    return (this.ofUpdate = await this.make({ ...plan, prefix: [], body, tensors: new Map() }));
  }

  private async prepare(images: number, batch: number): Promise<Prepared> {
    const { attack } = this.options;
    const pgd = attack?.pgd ?? null;
    const step: TrainingAttackStep | null = attack ? { ball: attack.ball, clamp: attack.clamp } : null;
    const plans = [this.plan(images, batch, 1 - (attack?.mix ?? 0), pgd ? null : step)];
    if (pgd) plans.push(this.plan(images, batch, 0, { ...step!, moving: true, randomStart: pgd.randomStart }));
    if (attack) plans.push(this.plan(images, batch, attack.mix, null));
    const ready: PreparedPlan[] = [];
    for (const plan of plans) ready.push(await this.make(plan));
    // Textures of a plan are those of the others: all are made anew where one needs larger ones, and so all but the last are made again.
    for (let i = 0; i < plans.length - 1; i++) ready[i] = await this.make(plans[i]);
    return { ...ready[0], images, moving: pgd ? ready[1] : null, attacked: attack ? ready[ready.length - 1] : null };
  }

  private make(plan: UnitPlan): Promise<PreparedPlan> {
    return this.executor.prepare(plan, this.resources.lookup(plan));
  }

  private plan(images: number, batch: number, share: number, attack: TrainingAttackStep | null): UnitPlan {
    const { gpu, image, table, options } = this;
    const limits = kernelLimits(gpu, image);
    return planTraining(this.network, {
      ...limits, image, images, batch, blocksPerVariant: Math.ceil(images / blockImages(limits)), labelSmoothing: options.labelSmoothing ?? 0, share, attack,
      learning: learningOf(table, options.keepsStatistics),
    });
  }
}
