/**
 * The one place where textures and buffers come from. Each allocation has an error scope of its own, so that an adapter
 * that runs out of memory is found out before anything is computed with what it did not give.
 */
import { AdapterError, OutOfMemoryError } from "../errors.js";
import { checkLost, settle, type Gpu } from "./device.js";

const mebibytes = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 3 : 0)} MiB`;

export class DeviceMemory {
  private scopes: Promise<void>[] = [];
  private failure: OutOfMemoryError | null = null;

  constructor(private readonly gpu: Gpu) {}

  texture(descriptor: GPUTextureDescriptor & { size: [number, number] }): GPUTexture {
    const [width, height] = descriptor.size;
    return this.scoped(`a texture of ${width} x ${height}`, width * height * 16, () => this.gpu.device.createTexture(descriptor));
  }

  buffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    return this.scoped("a buffer", descriptor.size, () => this.gpu.device.createBuffer(descriptor));
  }

  queries(descriptor: GPUQuerySetDescriptor): GPUQuerySet {
    return this.scoped("timestamps", descriptor.count * 8, () => this.gpu.device.createQuerySet(descriptor));
  }

  private scoped<T>(what: string, bytes: number, make: () => T): T {
    const { device } = this.gpu;
    device.pushErrorScope("out-of-memory");
    const made = make();
    this.scopes.push(
      device.popErrorScope().then((error) => {
        if (error) this.failure ??= new OutOfMemoryError(`${this.gpu.adapter.name}: out of memory for ${what} (${mebibytes(bytes)})`);
      }),
    );
    return made;
  }

  /**
   * Runs `make`, which allocates and prepares, and returns once the device has said that all of it is there.
   * @throws OutOfMemoryError, DeviceLostError, or AdapterError for anything else the device objects to
   */
  async guard<T>(make: () => T): Promise<T> {
    const { device, adapter } = this.gpu;
    let invalid: GPUError | null = null as GPUError | null;
    device.pushErrorScope("validation");
    try {
      return make();
    } finally {
      this.scopes.push(device.popErrorScope().then((error) => void (invalid = error)));
      await this.confirm();
      // Second, because what is made of an allocation that failed is invalid, too.
      if (invalid) throw new AdapterError(`${adapter.name}: ${invalid.message.split("\n")[0]}`);
    }
  }

  /** Returns once everything allocated so far is known to be there. */
  async confirm(): Promise<void> {
    const { scopes } = this;
    this.scopes = [];
    if (scopes.length > 0) await settle(this.gpu, Promise.all(scopes));
    checkLost(this.gpu);
    this.check();
  }

  /** @throws OutOfMemoryError when an allocation is known to have failed; once */
  check(): void {
    const { failure } = this;
    this.failure = null;
    if (failure) throw failure;
  }
}
