import type { ByteSource } from "../source.js";

/** Elements of `width` bytes with their bytes the other way around; only whole elements are read. */
export class SwappedSource implements ByteSource {
  readonly file: string;
  readonly size: number;

  constructor(readonly parent: ByteSource, readonly width: number) {
    this.file = parent.file;
    this.size = parent.size - (parent.size % width);
  }

  read(offset: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = this.parent.read(offset, length);
    for (let at = 0; at < length; at += this.width) bytes.subarray(at, at + this.width).reverse();
    return bytes;
  }
}
