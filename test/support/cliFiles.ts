/** Small input files for tests of the command line: good ones of the demo, and damaged ones made from them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { encodeSafetensors } from "../../src/io/checkpoints/safetensors.js";
import type { Checkpoint, Tensor } from "../../src/io/types.js";
import { PACKAGE_ROOT } from "../../src/package.js";

export const DEMO_CHECKPOINT = join(PACKAGE_ROOT, "fixtures/demo/Saved_models/ResNet18/MNIST/Init_1/ResNet18_MNIST_2epochs.ckpt");
export const DEMO_DATA = join(PACKAGE_ROOT, "fixtures/demo/MNIST/raw");

const folders: string[] = [];
process.on("exit", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A folder that is gone when the process ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "inferlink-test-"));
  folders.push(folder);
  return folder;
}

/** A safetensors file of the checkpoint's tensors. */
export const writeSafetensors = (path: string, tensors: Map<string, Tensor>): void => writeFileSync(path, encodeSafetensors(tensors));

/** The checkpoint's tensors, one of them replaced. */
export function withTensor(checkpoint: Checkpoint, name: string, change: (tensor: Tensor) => Tensor | null): Map<string, Tensor> {
  const tensors = new Map(checkpoint.tensors);
  const changed = change(tensors.get(name)!);
  if (changed) tensors.set(name, changed);
  else tensors.delete(name);
  return tensors;
}

/** A zip of stored entries, as torch.save writes them. */
export function storedZip(entries: Record<string, Buffer>): Buffer {
  const locals: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, data] of Object.entries(entries)) {
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0);
    common.writeUInt32LE(crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04", "latin1"), common, Buffer.from(name), data]);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\x14\x00", "latin1"), common, rest, Buffer.from(name)]));
    locals.push(local);
    at += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.write("PK\x05\x06", 0, "latin1");
  end.writeUInt16LE(locals.length, 8);
  end.writeUInt16LE(locals.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...locals, central, end]);
}

/** A checkpoint whose pickle calls os.system(command). */
export function hostileCheckpoint(command: string): Buffer {
  const argument = Buffer.from(command);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(argument.length);
  const pickle = Buffer.concat([Buffer.from("\x80\x02cos\nsystem\nX", "latin1"), length, argument, Buffer.from("\x85R.", "latin1")]);
  return storedZip({ "archive/data.pkl": pickle, "archive/version": Buffer.from("3\n") });
}

/** An idx file of unsigned bytes. */
export function idx(shape: number[], data: Uint8Array): Buffer {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  shape.forEach((size, i) => head.writeUInt32BE(size, 4 + 4 * i));
  return Buffer.concat([head, data]);
}

/** A folder of MNIST-shaped images with these labels, as many images as told. */
export function writeMnist(folder: string, labels: number[], images: number): void {
  writeFileSync(join(folder, "t10k-images-idx3-ubyte"), idx([images, 28, 28], new Uint8Array(images * 784)));
  writeFileSync(join(folder, "t10k-labels-idx1-ubyte"), idx([labels.length], Uint8Array.from(labels)));
}
