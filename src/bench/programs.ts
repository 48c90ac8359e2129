/** Exported programs as networks to measure: `bench --network FILE.pt2`. Their weights are random, as those of other networks. */
import { openGraph } from "../inputs/graphs.js";
import type { Architecture } from "../model/architecture.js";

const read = new Map<string, Architecture>();

export const isProgram = (network: string): boolean => network.endsWith(".pt2");

/** @throws InputError for a file that is no exported program, or one that can't be followed exactly */
export function programOf(file: string): Architecture {
  const architecture = read.get(file) ?? openGraph(file).architecture;
  read.set(file, architecture);
  return architecture;
}
