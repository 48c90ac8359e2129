/** Functions of each number by itself. ReLU and ReLU6 are joined to what is in front of them where that can do them. */
import { layoutConstants } from "../layout/blocks.js";
import { mapStep } from "./common/elementwise.js";
import type { ActivationNode } from "./common/nodes.js";
import type { Op } from "./common/op.js";
import type { Relu } from "./common/site.js";

interface Curve {
  apply(x: number, low: number, high: number): number;
  slope(x: number, low: number, high: number): number;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const inside = (x: number, low: number, high: number): number => Number(x > low && x < high);

/** By a series of positive terms, Abramowitz and Stegun 7.1.6. */
function erf(x: number): number {
  const z = Math.abs(x);
  if (z > 6) return Math.sign(x);
  let [sum, term] = [z, z];
  for (let n = 1; n < 300; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (Math.sign(x) * 2 * Math.exp(-z * z) * sum) / Math.sqrt(Math.PI);
}

/** GELU's approximation is x * sigmoid(bend(x)). */
const bend = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3);
const bendSlope = (x: number): number => 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x ** 2);

/** In the order of KIND in shaders/activation.wgsl; slopes at kinks as PyTorch has them. */
const CURVES: Record<ActivationNode["kind"], Curve> = {
  relu: { apply: (x) => Math.max(x, 0), slope: (x) => Number(x > 0) },
  relu6: { apply: (x) => clamp(x, 0, 6), slope: (x) => inside(x, 0, 6) },
  hardtanh: { apply: clamp, slope: inside },
  leaky_relu: { apply: (x, slope) => (x > 0 ? x : slope * x), slope: (x, slope) => (x > 0 ? 1 : slope) },
  sigmoid: { apply: sigmoid, slope: (x) => sigmoid(x) * (1 - sigmoid(x)) },
  hardsigmoid: { apply: (x) => clamp(x / 6 + 0.5, 0, 1), slope: (x) => inside(x, -3, 3) / 6 },
  silu: { apply: (x) => x * sigmoid(x), slope: (x) => sigmoid(x) * (1 + x * (1 - sigmoid(x))) },
  hardswish: { apply: (x) => (x * clamp(x + 3, 0, 6)) / 6, slope: (x) => (x <= -3 ? 0 : x >= 3 ? 1 : x / 3 + 0.5) },
  gelu: { apply: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)), slope: (x) => 0.5 * (1 + erf(x / Math.SQRT2)) + (x * Math.exp(-0.5 * x * x)) / Math.sqrt(2 * Math.PI) },
  tanh: { apply: Math.tanh, slope: (x) => 1 - Math.tanh(x) ** 2 },
  elu: { apply: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)), slope: (x, alpha) => (x > 0 ? 1 : alpha * Math.exp(x)) },
  softplus: { apply: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))), slope: sigmoid },
  gelu_tanh: { apply: (x) => x * sigmoid(bend(x)), slope: (x) => sigmoid(bend(x)) * (1 + x * bendSlope(x) * (1 - sigmoid(bend(x)))) },
};

export const KINDS = Object.keys(CURVES) as ActivationNode["kind"][];

/** The bounds of a rectifier, null for other functions. */
function asRelu({ kind, low, high }: ActivationNode): Relu | null {
  if (kind === "relu") return { cap: null };
  if (kind === "relu6") return { cap: 6 };
  return kind === "hardtanh" && low === 0 && high > 0 && Number.isFinite(high) ? { cap: high } : null;
}

export const activation: Op<ActivationNode> = {
  kind: "activation",
  shape: (_, [input]) => input,
  part(node) {
    const relu = asRelu(node);
    return relu && { relu };
  },
  forward({ kind, low, high }, { inputs: [input], output, epilogue }) {
    return [mapStep({ kernel: "activation", name: kind, input, output, ending: epilogue, constants: { KIND: KINDS.indexOf(kind) }, params: { low, high } })];
  },
  inputGradient({ kind, low, high }, site) {
    const { inputs: [input], gradient } = site;
    const { place, ...ending } = site.target(0, { sum: true, gate: true });
    return [mapStep({ kernel: "activation", name: `${kind} gradient`, input, output: place, ending, constants: { ...layoutConstants("OTHER", gradient.layout), KIND: KINDS.indexOf(kind), GRADIENT: true }, params: { low, high }, bindings: { dy: gradient.resource } })];
  },
  twin: {
    forward: ({ kind, low, high }, { inputs: [{ data }] }) => data.map((x) => CURVES[kind].apply(x, low, high)),
    gradient: ({ kind, low, high }, { inputs: [{ data }] }, dy) => [dy.map((g, i) => g * CURVES[kind].slope(data[i], low, high))],
  },
};
