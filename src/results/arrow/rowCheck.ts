/** Refuses rows that no run writes, so that whoever reads a file of results may believe its numbers. */
import { ATTACKS, FILTERS, SCOPES, type Row } from "../../sweep/row.js";

const counts = (value: number, most: number): boolean => value >= 0 && value <= most;
const share = (value: number): boolean => value >= 0 && value <= 1;

/** What is wrong with a row of the right types, or null. */
export function rowProblem(row: Row): string | null {
  if (!FILTERS.includes(row.filter)) return `filter ${JSON.stringify(row.filter.slice(0, 20))}`;
  if (!SCOPES.includes(row.scope)) return `scope ${JSON.stringify(row.scope.slice(0, 20))}`;
  if (!ATTACKS.includes(row.attack)) return `attack ${JSON.stringify(row.attack.slice(0, 20))}`;
  if (row.layer_index < -1 || row.threshold_index < 0) return "an index below zero";
  if (row.weights < 1 || row.images < 1) return "no weights or no images";
  if (![row.removed, row.zeros].every((count) => counts(count, row.weights))) return `more weights removed than the ${row.weights} there are`;
  if (![row.correct_clean, row.correct_adv].every((count) => counts(count, row.images))) return `more correct images than the ${row.images} there are`;
  if (![row.density, row.accuracy_clean, row.accuracy_adv].every(share)) return "a density or accuracy that is not from 0 to 1";
  if (![row.alpha, row.delta ?? 0, row.epsilon].every(Number.isFinite)) return "a threshold or epsilon that is not finite";
  return null;
}
