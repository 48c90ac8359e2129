/**
 * What is done when the device fails: a lost one is opened again and its unit repeated, one without memory gets smaller
 * pieces. Results depend on neither, so the rows are the same.
 */
import { AdapterError, DeviceLostError, InferlinkError, OutOfMemoryError, TryAgainError } from "../errors.js";
import type { Gpu } from "../gpu/device.js";

/** Devices opened again in one run, failed attempts included. */
const MOST_RENEWALS = 3;
/** A driver that was reset needs a moment; doubled each time. */
const FIRST_PAUSE_MS = 250;

export type FaultKind = "device-lost" | "out-of-memory";

export interface Fault {
  kind: FaultKind;
  /** What the device said. */
  message: string;
  /** What is done about it, in a few words. */
  action: string;
}

/** Work that can be cut into smaller pieces. */
export interface Cuttable {
  /** Frees everything on the device, and cuts the work finer from now on. @returns false when it cannot be cut finer */
  shrink(): Promise<boolean>;
  /** How finely it is cut now: `at most 12 filtered networks of 256 images`. */
  readonly cutText: string;
}

export class Recovery {
  private renewals = 0;

  constructor(private readonly gpu: Gpu, private readonly onFault: (fault: Fault) => void | Promise<void> = () => undefined) {}

  /**
   * Makes the next attempt possible.
   * @returns whether the device is a new one: whatever was made on the old one is gone
   * @throws the error itself where trying again is no help; TryAgainError when the device was lost too often
   */
  async after(error: unknown, work: Cuttable): Promise<"same device" | "new device"> {
    const isOutOfMemory = error instanceof OutOfMemoryError;
    if (!isOutOfMemory && !(error instanceof DeviceLostError)) throw error;
    const { message } = error as InferlinkError;
    if (isOutOfMemory) {
      if (!(await work.shrink())) throw new OutOfMemoryError(`${message}, even with the smallest pieces of work; close other programs that use the adapter, or choose another by --adapter`);
      await this.onFault({ kind: "out-of-memory", message, action: `trying again with ${work.cutText} at a time` });
    }
    if (this.gpu.lost === null) return "same device";
    await this.renew(message);
    return "new device";
  }

  private async renew(message: string): Promise<void> {
    let why = message;
    while (this.renewals < MOST_RENEWALS) {
      this.renewals += 1;
      await this.onFault({ kind: "device-lost", message: why, action: `opening it again (${this.renewals} of ${MOST_RENEWALS})` });
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (this.renewals - 1)));
      try {
        await this.gpu.renew();
        return;
      } catch (error) {
        if (!(error instanceof AdapterError || error instanceof DeviceLostError)) throw error;
        why = error.message;
      }
    }
    throw new TryAgainError(`${why}; it was opened again ${MOST_RENEWALS} times; run the same command again`);
  }
}
