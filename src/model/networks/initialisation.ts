/** How the parameters of a network are drawn before it is trained, by the kind of their layer. */

/** Inputs and outputs of a sum: of a convolution with the taps of its kernel. */
export interface Fans {
  in: number;
  out: number;
}

export type Distribution = { kind: "normal"; deviation: number } | { kind: "uniform"; bound: number } | { kind: "constant"; value: number };
export type Draw = (fans: Fans) => Distribution;

/** He et al. 2015, arXiv 1502.01852, for layers with a ReLU behind them: torch.nn.init.kaiming_normal_ over the fan-out or the fan-in. */
export const heNormalOut: Draw = ({ out }) => ({ kind: "normal", deviation: Math.sqrt(2 / out) });
export const heNormalIn: Draw = ({ in: fan }) => ({ kind: "normal", deviation: Math.sqrt(2 / fan) });
/** torch.nn.init.kaiming_uniform_. */
export const heUniform: Draw = ({ in: fan }) => ({ kind: "uniform", bound: Math.sqrt(6 / fan) });
/** What PyTorch's own layers do, weights and biases alike: kaiming_uniform_ with a = sqrt(5). */
export const usual: Draw = ({ in: fan }) => ({ kind: "uniform", bound: 1 / Math.sqrt(fan) });
export const narrowNormal: Draw = () => ({ kind: "normal", deviation: 0.01 });
export const zero: Draw = () => ({ kind: "constant", value: 0 });

export interface Initialisation {
  conv: Draw;
  linear: Draw;
  convBias: Draw;
  linearBias: Draw;
  /** Weight of the last layer, where it differs from the others of its kind. */
  head?: Draw;
}

/** Layers as torch.nn makes them. */
export const USUAL: Initialisation = { conv: usual, linear: usual, convBias: usual, linearBias: usual };
