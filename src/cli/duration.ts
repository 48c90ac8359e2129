/** 55m, 1h30m, 90s: lengths of time on the command line. */
import { wrong } from "./values.js";

const SECONDS = { d: 86_400, h: 3_600, m: 60, s: 1 } as const;

/** @returns seconds, above 0. A number without a unit is refused: it is minutes to Slurm and seconds to `timeout`. */
export function duration(name: string, text: string): number {
  const parts = /^(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/i.exec(text);
  if (!parts || text === "") throw wrong(name, `"${text}" is no length of time; write 55m, 1h30m or 90s`);
  const seconds = Object.values(SECONDS).reduce((sum, each, i) => sum + each * Number(parts[i + 1] ?? 0), 0);
  if (seconds <= 0) throw wrong(name, "has to be above 0");
  return seconds;
}
