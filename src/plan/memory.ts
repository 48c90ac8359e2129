/** Which tensors share a texture: two whose lives do not overlap and whose rows are equally wide. */
import type { Step } from "../ops/common/step.js";
import { stepsOf, type UnitPlan } from "./plan.js";

export interface Slot {
  slot: string;
  width: number;
  height: number;
}

const resourcesOf = ({ bindings, writes }: Step): string[] => [...Object.values(bindings), ...writes];

/**
 * Tensors that outlive the steps around their use are not shared: the images, what the prefix hands to the body (every
 * chunk of variants reads it again), and what the plan keeps for whoever reads it at the end.
 * @returns slot of every tensor
 */
export function assignTextures(plan: UnitPlan): Map<string, Slot> {
  const steps = stepsOf(plan);
  const lastUse = lastUses(plan);
  const written = new Set(steps.flatMap((step) => step.writes));
  const isFixed = (resource: string): boolean => !written.has(resource) || plan.kept?.has(resource) === true;
  const handed = new Set(plan.prefix.flatMap((step) => step.writes).filter((resource) => lastUse.get(resource)! >= plan.prefix.length));
  const slots = new Map<string, Slot>();
  const heights = new Map<string, number>();
  const free = new Map<number, string[]>();
  const counts = new Map<number, number>();
  const take = (resource: string, recycle: boolean): void => {
    const { width, height } = plan.tensors.get(resource)!;
    let slot = recycle ? free.get(width)?.pop() : undefined;
    if (!slot) {
      const number = counts.get(width) ?? 0;
      counts.set(width, number + 1);
      slot = `${width}:${number}`;
    }
    heights.set(slot, Math.max(heights.get(slot) ?? 0, height));
    slots.set(resource, { slot, width, height });
  };
  for (const resource of plan.tensors.keys()) if (isFixed(resource) || handed.has(resource)) take(resource, false);
  steps.forEach((step, i) => {
    for (const resource of step.writes) if (plan.tensors.has(resource) && !slots.has(resource)) take(resource, true);
    for (const resource of new Set(resourcesOf(step))) {
      if (lastUse.get(resource) !== i || !slots.has(resource) || isFixed(resource) || handed.has(resource)) continue;
      const { slot, width } = slots.get(resource)!;
      free.set(width, [...(free.get(width) ?? []), slot]);
    }
  });
  for (const entry of slots.values()) entry.height = heights.get(entry.slot)!;
  return slots;
}

/** Index of the last step that reads or writes each resource. */
function lastUses(plan: UnitPlan): Map<string, number> {
  const steps = stepsOf(plan);
  const used = new Map<string, number>();
  steps.forEach((step, i) => {
    for (const resource of resourcesOf(step)) used.set(resource, i);
  });
  let at = plan.prefix.length + plan.body.length;
  for (const { first, steps: round, last } of plan.loops ?? []) {
    const before = new Set(steps.slice(0, at + first.length).flatMap(resourcesOf));
    const end = at + first.length + round.length;
    // What a round finds there has to be there in the next one, too.
    for (const resource of round.flatMap(resourcesOf)) if (before.has(resource)) used.set(resource, Math.max(used.get(resource)!, end - 1));
    at = end + last.length;
  }
  return used;
}

/** Bytes of all the textures a plan needs at once. */
export function planBytes(plan: UnitPlan): number {
  const slots = new Map([...assignTextures(plan).values()].map((entry) => [entry.slot, entry]));
  return [...slots.values()].reduce((sum, { width, height }) => sum + width * height * 16, 0);
}
