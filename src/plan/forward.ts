/** Steps of a forward pass: each node by its op, or two at once where one kernel does both. */
import type { Pair } from "../ops/common/op.js";
import type { Site } from "../ops/common/site.js";
import type { Step } from "../ops/common/step.js";
import { opOf, PAIRS } from "../ops/table.js";
import type { Pass, PlanContext } from "./context.js";
import type { FusedNode } from "./fuse.js";

/** A node's steps, and whether they differ between filtered networks. */
export interface PlannedNode {
  steps: Step[];
  isStacked: boolean;
}

/** The node in front of another one that nobody else reads, and the kernel that may do both; a weight gradient needs what is between them. */
export function pairOf(context: PlanContext, second: FusedNode): { rule: Pair; first: FusedNode } | null {
  if (context.options.training) return null;
  const first = context.makerOf(second.inputs[0]);
  if (!first || context.readersOf(first.output) !== 1) return null;
  const rule = PAIRS.find((pair) => pair.first === first.node.op && pair.second === second.node.op);
  return rule ? { rule, first } : null;
}

/** @param keeps whether a gradient of this pass follows. @param counted where statistics lie that it moves */
export function forwardSteps(context: PlanContext, pass: Pass, keeps: boolean, counted: Site["counted"] = () => null): PlannedNode[] {
  const planned = new Map<FusedNode, PlannedNode>();
  const siteOf = (fused: FusedNode): Site => ({
    ...context.site(fused, pass, `${pass}/${fused.output}`),
    keeps,
    reluOf: (input) => context.reluOf(fused.inputs[input]),
    counted,
  });
  for (const fused of context.nodes) {
    const site = siteOf(fused);
    const pair = pairOf(context, fused);
    const joined = pair?.rule.forward({ node: pair.first.node, site: siteOf(pair.first) }, { node: fused.node, site }) ?? null;
    if (pair && joined) {
      planned.delete(pair.first);
      context.tensors.delete(context.place(pass, pair.first.output).resource);
    }
    context.allocate(site.output);
    planned.set(fused, { steps: joined ?? opOf(fused.node).forward(fused.node, site), isStacked: context.isStacked(fused.output) });
  }
  return [...planned.values()];
}
