/** A network's unit, or a step of its training, as steps: the same in the model of compilers and in that of memory. */
import { kernelLimits } from "../../dist/src/run/limits.js";
import { planUnit } from "../../dist/src/plan/plan.js";
import { planTraining } from "../../dist/src/plan/training.js";
import { randomNetwork } from "../../dist/src/bench/networks.js";
import { blocksFor } from "../../dist/src/layout/blocks.js";
import { roomOf } from "../../dist/src/ops/convolution/kernels.js";
import { tileKey } from "../../dist/src/ops/convolution/shape.js";
import { MEMBERS } from "../../dist/src/model/networks/table.js";

/** What a large GPU is taken to be, where none is opened. */
export const GPU = { adapter: { software: false }, kernels: "hardware", lanes: 32, shuffle: true, maxTextureWidth: 16384 };

/**
 * @param of `network`, `input` as 1x28x28, `filtered` layers (the first of the first stage by default), `variants` of `images` images each, `kernels`, and
 *   `prefer`: a kernel that is to do what it can, as the tuner may find, `work`: unit or training
 * @returns plan of a unit: forward, input gradient, attack, forward; of a training: forward, gradients of weights and activations
 */
export function unitOf({ network = "resnet18", width = MEMBERS.get(network).width, input = "1x28x28", filtered, variants = 8, images = 256, kernels = "hardware", prefer, work = "unit" }, gpu = GPU) {
  const [channels, height, columns] = input.split("x").map(Number);
  const image = { channels, height, width: columns };
  const of = { network, width, input: image, classes: 10, work: "unit", batch: images };
  const net = randomNetwork(of, 0);
  const attack = { epsilon: [0.1, 0.1, 0.1, 0.1], low: [0, 0, 0, 0], high: [1, 1, 1, 1] };
  const limits = kernelLimits(gpu, image, kernels);
  const layers = filtered ?? [net.layers[Math.min(1, net.layers.length - 1)].name];
  if (work === "training") {
    const learning = { learned: () => ({ arena: "0", first: 0 }), counted: () => 0, ofImages: false };
    const plan = planTraining(net, { image, images, batch: images, blocksPerVariant: blocksFor(images, limits), labelSmoothing: 0, learning, ...limits });
    return { plan, limits, steps: plan.body };
  }
  const planned = (tiles) => planUnit(net, { image, filtered: layers, variants, blocksPerVariant: blocksFor(images, limits), images, attacks: [attack], clamp: false, batchNorm: "running", tiles, ...limits });
  const usual = planned();
  const plan = prefer ? planned(preferred(usual, limits, prefer)) : usual;
  return { plan, limits, steps: [...plan.prefix, ...plan.body] };
}

function preferred(plan, limits, kernel) {
  const convs = [...plan.weights.values()].flatMap(({ conv }) => conv ?? []);
  const tiles = convs.map(({ shape, gradient }) => [tileKey(shape, gradient), roomOf(limits).candidates(shape, gradient, limits).find((tile) => tile.kernel === kernel)]);
  return Object.fromEntries(tiles.filter(([, tile]) => tile));
}

/** Pairs of a row that is written and a row of taps that touches the map there; forward. */
function touching({ OUT_H, IN_H, KERNEL_H, STRIDE_H, PAD_H, DILATION_H }) {
  const rows = Array.from({ length: OUT_H * KERNEL_H }, (_, i) => Math.floor(i / KERNEL_H) * STRIDE_H + (i % KERNEL_H) * DILATION_H - PAD_H);
  return rows.filter((row) => row >= 0 && row < IN_H).length;
}

/** Of a step by a tiled kernel: multiply-adds of an invocation in one turn of its inner loop, and how many of them are on real pixels. */
export function turnOf(plan, step, lanes) {
  const { constants: c, grid, params } = step;
  if (step.kernel === "conv2d_gemm") {
    const all = c.K * c.TILE_M * 8;
    const { rows, columns, shape, gradient, isFlat, multiplyAdds } = plan.weights.get(step.bindings.weights).conv;
    const pixels = grid[2];
    const outs = (gradient ? shape.inChannels : shape.outChannels) / shape.groups;
    // Where a step lies within a row of taps, those beside the map are left out.
    const walked = (c.KERNEL_W * c.CHANNELS) % c.K === 0 ? touching(c) / (c.KERNEL_H * c.OUT_H) : 1;
    const share = isFlat ? multiplyAdds / (pixels * rows * walked * columns * shape.groups) : (c.CHANNELS / rows) * (outs / columns);
    return { all, real: all * share, invocations: (c.TN / 8) * (c.TM / c.TILE_M) };
  }
  if (step.kernel === "conv2d_uniform") return { all: c.K * c.OC * 4, real: (c.K * c.OC * 4 * c.OUT_CHANNELS) / (4 * c.OUT_QUADS_OF_GROUP), invocations: lanes };
  const invocations = grid.reduce((a, b) => a * b) * lanes;
  if (step.kernel === "conv2d_patch") {
    const real = step.cost / invocations / c.CHANNELS;
    return { all: real, real, invocations: lanes };
  }
  if (step.kernel === "conv2d_gemm_weight_grad") {
    const all = c.K * 4 * c.OWN_M * c.OWN_N;
    const padded = c.TILES_M * c.TM * c.TILES_N * c.TN;
    const images = plan.blocksPerVariant * plan.blockImages;
    const share = c.FLAT ? step.cost / (images * c.OTHER_H * c.OTHER_W * c.GROUPS * padded) : (c.GROUP_OUTS * c.TAPS * c.GROUP_INS) / padded;
    return { all, real: all * share, invocations: (c.TN / c.OWN_N) * (c.TM / c.OWN_M) };
  }
  if (step.kernel !== "conv2d") return null;
  const real = step.cost / invocations / params.steps;
  return { all: real, real, invocations: lanes };
}

const TILES = {
  conv2d_gemm: (c) => `${c.TM}x${c.TN} ${c.TILE_M}x8 k${c.K}`,
  conv2d_uniform: (c) => `${c.OC}x${4 * c.LANES} ${c.OC}x4 k${c.K}`,
  conv2d_patch: (c) => `${c.OC}c ${c.ROWS}x${c.COLS}px k${c.K}`,
  conv2d_gemm_weight_grad: (c) => `${c.TM}x${c.TN} ${c.OWN_M}x${c.OWN_N} k${c.K}`,
  conv2d: (c) => `${c.OC}c ${c.ROWS}x${c.OUT_W}px ${c.BLOCKS}b`,
};
export const tileOf = ({ kernel, constants }) => TILES[kernel]?.(constants) ?? "";
