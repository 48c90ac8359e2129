/** The files all measured processes compute on: one network's weights and some images, in a temporary folder. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeSafetensors } from "../io/checkpoints/safetensors.js";
import type { Tensor } from "../io/types.js";
import type { Case } from "./case.js";
import { randomImages, randomNetwork } from "./networks.js";
import type { Files } from "./protocol.js";

/** Batches larger than this repeat the images. */
const IMAGES = 256;

/** Removed with everything in it when disposed of. */
export class CaseFiles implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "wgpu-inferlink-bench-"));
  #written = "";
  readonly #remove = (): void => rmSync(this.#folder, { recursive: true, force: true });

  constructor() {
    process.once("exit", this.#remove);
  }

  /** Writes what the case computes on, unless the case before it computed on the same. */
  write(of: Case): Files {
    const files = { weights: join(this.#folder, "weights.safetensors"), images: join(this.#folder, "images.safetensors") };
    const { network, width, input, classes } = of;
    const key = JSON.stringify([network, width, input, classes]);
    if (key !== this.#written) {
      const { labels, read } = randomImages(input, classes, IMAGES);
      const images = new Map<string, Tensor>([
        ["images", { shape: [IMAGES, input.channels, input.height, input.width], data: read(0, IMAGES) }],
        ["labels", { shape: [IMAGES], data: Float32Array.from(labels) }],
      ]);
      writeFileSync(files.weights, encodeSafetensors(randomNetwork(of, 0).tensors));
      writeFileSync(files.images, encodeSafetensors(images));
      this.#written = key;
    }
    return files;
  }

  [Symbol.dispose](): void {
    process.removeListener("exit", this.#remove);
    this.#remove();
  }
}
