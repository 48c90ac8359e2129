/** What each op of PyTorch's becomes. */
import { activation } from "./rules/activation.js";
import { arithmetic } from "./rules/arithmetic.js";
import { batch_norm } from "./rules/batch_norm.js";
import type { Rule } from "./call.js";
import { concatenation } from "./rules/concat.js";
import { conv2d } from "./rules/conv2d.js";
import { identity } from "./rules/identity.js";
import { linear } from "./rules/linear.js";
import { padding } from "./rules/pad.js";
import { pooling } from "./rules/pool.js";
import { reshaping } from "./rules/reshape.js";
import { slicing } from "./rules/slice.js";
import { softmaxes } from "./rules/softmax.js";

const RULES: ReadonlyMap<string, Rule> = new Map(
  [conv2d, linear, batch_norm, activation, arithmetic, concatenation, slicing, reshaping, pooling, padding, identity, softmaxes].flatMap((rules) => Object.entries(rules)),
);

/** Names and overloads. */
export const OPS: readonly string[] = [...RULES.keys()];

/** Of what an exported program calls; in-place forms have the rule of their op, and write. */
export function ruleOf(target: string): { rule: Rule | undefined; inPlace: boolean } {
  const [, space, name, overload] = /^(\w+)\.(\w+)\.(\w+)$/.exec(target) ?? [];
  const own = RULES.get(`${name}.${overload}`);
  const inPlace = !own && /[^_]_$/.test(name ?? "");
  return { rule: space !== "aten" ? undefined : inPlace ? RULES.get(`${name.slice(0, -1)}.${overload}`) : own, inPlace };
}
