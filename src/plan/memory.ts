/** Which tensors share a texture: two whose lives do not overlap and whose rows are equally wide. */
import type { UnitPlan } from "./plan.js";

export interface Slot {
  slot: string;
  width: number;
  height: number;
}

/**
 * Tensors of the prefix (and the images) live as long as the plan: every chunk of variants reads them.
 * @returns slot of every tensor
 */
export function assignTextures(plan: UnitPlan): Map<string, Slot> {
  const pinned = new Set(plan.prefix.flatMap((step) => step.writes));
  const lastUse = new Map<string, number>();
  plan.body.forEach((step, i) => {
    for (const resource of [...Object.values(step.bindings), ...step.writes]) lastUse.set(resource, i);
  });
  const slots = new Map<string, Slot>();
  const heights = new Map<string, number>();
  const free = new Map<string, string[]>();
  const counts = new Map<number, number>();
  const take = (resource: string, recycle: boolean): void => {
    const { width, height } = plan.tensors.get(resource)!;
    let slot = recycle ? free.get(`${width}`)?.pop() : undefined;
    if (!slot) {
      const number = counts.get(width) ?? 0;
      counts.set(width, number + 1);
      slot = `${width}:${number}`;
    }
    heights.set(slot, Math.max(heights.get(slot) ?? 0, height));
    slots.set(resource, { slot, width, height });
  };
  for (const resource of plan.tensors.keys()) {
    if (pinned.has(resource) || !plan.body.some((step) => step.writes.includes(resource))) take(resource, false);
  }
  const fixed = new Set(slots.keys());
  plan.body.forEach((step, i) => {
    for (const resource of step.writes) if (plan.tensors.has(resource) && !slots.has(resource)) take(resource, true);
    for (const resource of new Set([...Object.values(step.bindings), ...step.writes])) {
      if (lastUse.get(resource) !== i || !slots.has(resource) || fixed.has(resource)) continue;
      const { slot, width } = slots.get(resource)!;
      free.set(`${width}`, [...(free.get(`${width}`) ?? []), slot]);
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
