/** Every op there is. Nothing outside this folder knows one by its name. */
import { activation } from "./activation.js";
import { add } from "./add.js";
import { adaptiveAvgPool, avgPool } from "./avg_pool.js";
import { batchNorm } from "./batch_norm.js";
import { concat } from "./concat.js";
import { conv2d } from "./conv2d.js";
import { conv2dMaxPool } from "./conv2d_max_pool.js";
import { dropout } from "./dropout.js";
import { flatten } from "./flatten.js";
import { linear } from "./linear.js";
import { maxPool } from "./max_pool.js";
import { multiply } from "./multiply.js";
import type { Node } from "./common/nodes.js";
import type { Op, Pair } from "./common/op.js";
import { pad } from "./pad.js";
import { scale } from "./scale.js";
import { shuffle } from "./shuffle.js";
import { slice } from "./slice.js";

type AnyOp = { [K in Node["op"]]: Op<Extract<Node, { op: K }>> }[Node["op"]];

const ALL: AnyOp[] = [conv2d, linear, batchNorm, activation, add, multiply, scale, concat, slice, shuffle, pad, maxPool, avgPool, adaptiveAvgPool, flatten, dropout];

export const OPS = new Map(ALL.map((op) => [op.kind as string, op as unknown as Op<Node>]));

/** Kernels that do two ops at once. */
export const PAIRS = [conv2dMaxPool] as unknown as Pair<Node, Node>[];

/** @throws Error for an op that isn't in the table */
export function opOf({ op }: Node): Op<Node> {
  const found = OPS.get(op);
  if (!found) throw new Error(`there is no op ${op}`);
  return found;
}
