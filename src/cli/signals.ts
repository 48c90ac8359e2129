/** Ctrl-C and SIGTERM: the first asks the work to end in order, the second ends the process at once. */
import { EXIT } from "../errors.js";

const CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const;
type Name = keyof typeof CODES;

export interface Interruption {
  signal: AbortSignal;
  /** Exit code of the signal that came, null while none has. */
  code(): number | null;
  /** Back to Node's own handling. */
  dispose(): void;
}

export function listenForInterruption(onFirst: (name: string) => void): Interruption {
  const controller = new AbortController();
  let code: number | null = null;
  const handle = (name: Name): void => {
    if (code !== null) process.exit(CODES[name]);
    code = CODES[name];
    onFirst(name);
    controller.abort();
  };
  for (const name of Object.keys(CODES) as Name[]) process.on(name, handle);
  return {
    signal: controller.signal,
    code: () => code,
    dispose() {
      for (const name of Object.keys(CODES) as Name[]) process.off(name, handle);
    },
  };
}
