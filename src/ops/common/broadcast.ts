/** Two inputs of which one may be a single pixel that stands for a whole map. */
import { isPixel, type MapShape, sameMap, shapeText } from "../../layout/shape.js";
import type { Values } from "./op.js";

/** @throws Error where neither is as large as the other nor a single pixel */
export function broadcastShape([a, b]: MapShape[]): MapShape {
  if (a.channels !== b.channels || !(sameMap(a, b) || isPixel(a) || isPixel(b))) throw new Error(`joins ${shapeText(a)} and ${shapeText(b)}, which do not fit`);
  return isPixel(a) ? b : a;
}

/** Which of two inputs is as large as the output: the first where both are. */
export const largerOf = ([a, b]: MapShape[]): 0 | 1 => (isPixel(a) && !isPixel(b) ? 1 : 0);

/** The number of an input at a place of the output. */
export const broadcastAt = ({ shape, data }: Values, output: MapShape, i: number): number => (sameMap(shape, output) ? data[i] : data[Math.floor(i / (output.height * output.width))]);

/** Numbers of an output's size, summed over the map where the input is a single pixel. */
export function sumToInput({ shape }: Values, output: MapShape, values: Float64Array): Float64Array {
  if (sameMap(shape, output)) return values;
  const area = output.height * output.width;
  const out = new Float64Array(values.length / area);
  values.forEach((value, i) => (out[Math.floor(i / area)] += value));
  return out;
}
