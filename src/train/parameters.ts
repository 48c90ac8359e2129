/** Where a network's tensors lie on the device while it is trained: all learned ones side by side, so that an optimizer is one dispatch. */
import type { Graph } from "../model/graph.js";
import type { Parameter } from "../ops/common/op.js";
import type { ParameterPlace } from "../ops/common/site.js";
import { opOf } from "../ops/table.js";
import type { TrainingPlanOptions } from "../plan/training.js";

export interface PlacedTensor extends ParameterPlace {
  tensor: string;
  shape: number[];
  length: number;
}

export interface ParameterTable {
  /** By tensor, in execution order. */
  learned: Map<string, PlacedTensor>;
  /** Running statistics, in one buffer. */
  counted: Map<string, PlacedTensor>;
  /** Floats of each buffer of learned tensors, by its name; multiples of 4. */
  arenas: Map<string, number>;
  /** Floats of the buffer of counted ones. */
  statistics: number;
}

const padded = (length: number): number => Math.ceil(length / 4) * 4;
const lengthOf = ({ shape }: Parameter): number => shape.reduce((product, size) => product * size, 1);

/**
 * @param mostBytes that a kernel may see of one buffer
 * @throws Error naming a tensor that is larger than that
 */
export function placeParameters(graph: Graph, mostBytes: number): ParameterTable {
  const most = Math.floor(mostBytes / 16) * 4;
  const table: ParameterTable = { learned: new Map(), counted: new Map(), arenas: new Map(), statistics: 0 };
  let arena = 0;
  let first = 0;
  for (const node of graph.nodes) {
    const parameters = (opOf(node).parameters?.(node) ?? []).filter(({ tensor }) => !table.learned.has(tensor) && !table.counted.has(tensor));
    const learned = parameters.filter(({ buffer }) => !buffer);
    const room = learned.reduce((sum, parameter) => sum + padded(lengthOf(parameter)), 0);
    if (room > most) throw new Error(`${learned[0].tensor} is larger than a buffer of this adapter may be (${mostBytes} bytes)`);
    // What a node learns stays together: its kernels see one buffer.
    if (first + room > most) [arena, first] = [arena + 1, 0];
    for (const parameter of learned) {
      const length = lengthOf(parameter);
      table.learned.set(parameter.tensor, { tensor: parameter.tensor, shape: parameter.shape, length, arena: String(arena), first });
      first += padded(length);
      table.arenas.set(String(arena), first);
    }
    for (const parameter of parameters.filter(({ buffer }) => buffer)) {
      const length = lengthOf(parameter);
      table.counted.set(parameter.tensor, { tensor: parameter.tensor, shape: parameter.shape, length, arena: "statistics", first: table.statistics });
      table.statistics += padded(length);
    }
  }
  return table;
}

/** What a plan of a training asks of the places. @param keepsStatistics running statistics are not moved */
export const learningOf = ({ learned, counted }: ParameterTable, keepsStatistics = false): TrainingPlanOptions["learning"] => ({
  learned: (tensor) => learned.get(tensor) ?? null,
  counted: (tensor) => (keepsStatistics ? null : (counted.get(tensor)?.first ?? null)),
});
