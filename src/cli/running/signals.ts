/** Ctrl-C, SIGTERM and a deadline: the first asks the work to end in order, a signal after it ends the process at once. */
import { EXIT } from "../../errors.js";

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;
type Name = keyof typeof CODES;
/** setTimeout takes no longer ones. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Interruption {
  signal: AbortSignal;
  /** Exit code of what came first, null while nothing has. */
  code(): number | null;
  /** Back to Node's own handling. */
  dispose(): void;
}

/**
 * @param deadline seconds since the process started; null for none
 * @param onFirst is told the signal's name, or `deadline`
 */
export function listenForInterruption(deadline: number | null, onFirst: (what: Name | "deadline") => void): Interruption {
  const controller = new AbortController();
  let code: number | null = null;
  const end = (what: Name | "deadline", exit: number): void => {
    code = exit;
    onFirst(what);
    controller.abort();
  };
  const handle = (name: Name): void => {
    if (code === null) return end(name, CODES[name]);
    // Dies of the signal, which shells report as the same code: on a regular exit a driver that is computing may crash.
    for (const each of Object.keys(CODES) as Name[]) process.removeAllListeners(each);
    process.kill(process.pid, name);
  };
  for (const name of Object.keys(CODES) as Name[]) process.on(name, handle);
  const left = deadline === null ? Infinity : 1000 * (deadline - process.uptime());
  const timer = left > LONGEST_MS ? undefined : setTimeout(() => code ?? end("deadline", EXIT.tryAgain), Math.max(0, left));
  return {
    signal: controller.signal,
    code: () => code,
    dispose() {
      clearTimeout(timer);
      for (const name of Object.keys(CODES) as Name[]) process.off(name, handle);
    },
  };
}
