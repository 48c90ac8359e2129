import { InputError } from "../../errors.js";

/** What one file may cost in all, nested pickles included, so that a small file cannot fill memory. */
export class PickleBudget {
  #work: number;
  #bytes: number;

  constructor(readonly file: string, size: number) {
    // A listed image of 3x64x64 takes about 1,100 units and 49,152 bytes; Tiny ImageNet has 100,000 to train with.
    this.#work = 24_000_000 + Math.min(Math.ceil(size / 20), 240_000_000);
    this.#bytes = 3 * size + 65536;
  }

  /** Counts `work` units, about 8 bytes of memory each. */
  spend(work: number): void {
    this.#work -= work;
    if (this.#work < 0) throw new InputError(this.file, "holds more objects than any dataset or checkpoint needs; it is damaged or hostile");
  }

  /** Counts bytes that are copied or scanned: a text, the bytes in it and a storage's stream in those, so at most three times the file. */
  spendBytes(count: number): void {
    this.#bytes -= count;
    if (this.#bytes < 0) throw new InputError(this.file, "unpacks to more bytes than it has; it is damaged or hostile");
  }
}
