/** What is said of samples. */

export interface Summary {
  median: number;
  mean: number;
  /** Of the sample (n - 1); 0 for a single one. */
  stddev: number;
  min: number;
  max: number;
}

export function median(values: number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param values at least one */
export function summarise(values: number[]): Summary {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { median: median(values), mean, stddev: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)), min: Math.min(...values), max: Math.max(...values) };
}
