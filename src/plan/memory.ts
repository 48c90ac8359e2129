/** Which tensors share a texture: two whose lives do not overlap and whose rows are equally wide. */
import type { UnitPlan } from "./plan.js";

export interface Slot {
  slot: string;
  width: number;
  height: number;
}

/**
 * Tensors that outlive the steps around their use are not shared: the images, what the prefix hands to the body (every
 * chunk of variants reads it again), and what the plan keeps for whoever reads it at the end.
 * @returns slot of every tensor
 */
export function assignTextures(plan: UnitPlan): Map<string, Slot> {
  const steps = [...plan.prefix, ...plan.body];
  const lastUse = new Map<string, number>();
  steps.forEach((step, i) => {
    for (const resource of [...Object.values(step.bindings), ...step.writes]) lastUse.set(resource, i);
  });
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
    for (const resource of new Set([...Object.values(step.bindings), ...step.writes])) {
      if (lastUse.get(resource) !== i || !slots.has(resource) || isFixed(resource) || handed.has(resource)) continue;
      const { slot, width } = slots.get(resource)!;
      free.set(width, [...(free.get(width) ?? []), slot]);
    }
  });
  for (const entry of slots.values()) entry.height = heights.get(entry.slot)!;
  return slots;
}

/** Bytes of all the textures a plan needs at once. */
export function planBytes(plan: UnitPlan): number {
  const slots = new Map([...assignTextures(plan).values()].map((entry) => [entry.slot, entry]));
  return [...slots.values()].reduce((sum, { width, height }) => sum + width * height * 16, 0);
}
