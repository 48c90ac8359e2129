/** Optimizers as PyTorch has them: one dispatch over all learned numbers of a buffer. */
import type { Step } from "../ops/common/step.js";

export interface OptimizerConfig {
  kind: "adam" | "adamw" | "sgd";
  /** Decays of the moments of Adam and AdamW, and what is added to the root of the second. */
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Of SGD; 0: none. */
  momentum: number;
  nesterov: boolean;
  /** In Adam and SGD added to the gradient, in AdamW taken off the weight. */
  weightDecay: number;
}

/** PyTorch's defaults; AdamW's weight decay is 0.01 there. */
export const OPTIMIZER_DEFAULTS: Omit<OptimizerConfig, "kind"> = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, momentum: 0, nesterov: false, weightDecay: 0 };

/** Buffers of moments that are kept from step to step. */
export const momentsOf = ({ kind, momentum }: OptimizerConfig): string[] => (kind !== "sgd" ? ["first", "second"] : momentum > 0 ? ["first"] : []);

const WORKGROUP = 64;
const WIDEST_GRID = 32768;

/**
 * @param floats of the buffer, a multiple of 4
 * @param masked only chosen numbers are updated: a bit each in `chosen/ARENA`
 */
export function optimizerStep(config: OptimizerConfig, arena: string, floats: number, masked: boolean): Step {
  const { kind, momentum, nesterov } = config;
  const groups = Math.ceil(floats / 4 / WORKGROUP);
  const columns = Math.min(groups, WIDEST_GRID);
  const moments = momentsOf(config);
  const adam = kind !== "sgd";
  return {
    kernel: adam ? "adam" : "sgd",
    name: kind,
    constants: { MASKED: masked, ...(adam ? { DECOUPLED: kind === "adamw" } : { MOMENTUM: momentum > 0, NESTEROV: nesterov }) },
    params: { count: floats / 4, columns },
    bindings: {
      optimizer: "optimizer", parameters: `parameters/${arena}`, gradients: `gradients/${arena}`, ...Object.fromEntries(moments.map((name) => [name, `${name}/${arena}`])),
      ...(masked && { chosen: `chosen/${arena}` }),
    },
    writes: [`parameters/${arena}`, ...moments.map((name) => `${name}/${arena}`)],
    grid: [columns, Math.ceil(groups / columns), 1],
    cost: floats,
  };
}

/** What the kernel reads of one step. @param step counted from 1 */
export function optimizerState(config: OptimizerConfig, learningRate: number, step: number): Float32Array {
  const { kind, beta1, beta2, epsilon, momentum, weightDecay } = config;
  if (kind === "sgd") return Float32Array.of(learningRate, weightDecay, momentum, Number(step > 1));
  return Float32Array.of(learningRate, weightDecay, beta1, beta2, epsilon, 1 - beta1 ** step, Math.sqrt(1 - beta2 ** step), 0);
}
