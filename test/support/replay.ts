/** A run of the real program on scores that were computed once: everything but the adapter's work is done each time. */
import { EXIT, InferlinkError } from "../../src/errors.js";
import { runOptions } from "../../src/cli/options.js";
import { run } from "../../src/cli/commands/run.js";
import type { Engine } from "../../src/cli/running/run.js";
import { evaluateUnits, type Evaluated } from "../../src/sweep/sweep.js";
import type { Unit } from "../../src/sweep/units.js";
import { fileSystemError } from "../../src/results/folder/durable.js";
import { gpu } from "./kernel.js";

/** Three units: three layers on a few images. */
const WORK = { limit: "8", thresholds: "2", layers: "layer4.1.conv1,layer4.1.conv2,fc" };
export const UNITS = 3;

const key = ({ checkpoint, layer, firstImage }: Unit): string => `${checkpoint}/${layer}/${firstImage}`;
const known = new Map<string, Evaluated>();

export interface Replayed {
  code: number;
  /** Empty when the run ended well. */
  message: string;
  /** Units that were asked for, not those taken over. */
  evaluated: number;
}

/** @param most units to evaluate before the run is interrupted */
export async function replay(out: string, options: { most?: number; overwrite?: boolean; shard?: string } = {}): Promise<Replayed> {
  const device = await gpu();
  let evaluated = 0;
  const engine: Engine = {
    openDevice: async () => ({ ...device, close: () => undefined }),
    async *evaluateUnits(_, job, plan, { units = plan.units, onLoad } = {}) {
      for (const checkpoint of new Set(units.map((unit) => unit.checkpoint))) {
        const { sha256 } = await job.checkpoints[checkpoint].file.load();
        await onLoad?.(checkpoint, sha256);
        for (const unit of units) {
          if (evaluated === (options.most ?? Infinity)) return;
          evaluated += 1;
          if (!known.has(key(unit))) for await (const first of evaluateUnits(device, job, plan, { units: [unit] })) known.set(key(unit), first);
          yield { ...known.get(key(unit))!, unit };
        }
      }
    },
  };
  const { write } = process.stderr;
  process.stderr.write = () => true;
  try {
    return { code: await run(runOptions({ ...WORK, out, quiet: true, "no-report": true, "no-tune": true, overwrite: options.overwrite === true, shard: options.shard }), [], engine), message: "", evaluated };
  } catch (thrown) {
    const error = fileSystemError((thrown as NodeJS.ErrnoException).path ?? "file system", thrown); // as the program's last line of defence does
    if (!(error instanceof InferlinkError)) return { code: EXIT.bug, message: String((error as Error).stack ?? error), evaluated };
    return { code: error.exitCode, message: error.message, evaluated };
  } finally {
    process.stderr.write = write;
  }
}
