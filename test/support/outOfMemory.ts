/** Allocations that fail as the driver's own do: with a real out-of-memory error in the scope that the program opened. */
import type { Gpu } from "../../src/gpu/device.js";

const { createBuffer, createTexture } = GPUDevice.prototype;

export interface Allocation {
  /** From 1 on, textures and buffers alike. */
  count: number;
  bytes: number;
}

/** The largest buffer there can be: more memory than the adapter gives, on the software adapters at least. */
const tooMuch = (device: GPUDevice): GPUBuffer => createBuffer.call(device, { size: device.limits.maxBufferSize, usage: GPUBufferUsage.STORAGE });

/** Whether this adapter's memory can be exhausted by one request. */
export async function canRunOut({ device }: Gpu): Promise<boolean> {
  device.pushErrorScope("out-of-memory");
  tooMuch(device).destroy();
  return (await device.popErrorScope()) !== null;
}

/** Lets the allocations fail that `fails` picks, until `restore` is called. */
export function failAllocations(fails: (allocation: Allocation) => boolean): { allocations: () => number; restore: () => void } {
  let count = 0;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    return fails({ count: (count += 1), bytes: descriptor.size }) ? tooMuch(this) : createBuffer.call(this, descriptor);
  };
  GPUDevice.prototype.createTexture = function (descriptor) {
    const [width, height] = descriptor.size as [number, number];
    if (!fails({ count: (count += 1), bytes: width * height * 16 })) return createTexture.call(this, descriptor);
    tooMuch(this);
    // An invalid texture without an error of its own: that of a huge one loses the device on some drivers.
    this.pushErrorScope("validation");
    const invalid = createTexture.call(this, { ...descriptor, size: [this.limits.maxTextureDimension2D + 1, 1] });
    void this.popErrorScope();
    return invalid;
  };
  return { allocations: () => count, restore: () => void Object.assign(GPUDevice.prototype, { createBuffer, createTexture }) };
}
