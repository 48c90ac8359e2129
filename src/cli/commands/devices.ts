/** `devices`: the adapters there are. */
import { AdapterError, EXIT } from "../../errors.js";
import { listAdapters, type AdapterSummary } from "../../gpu/device.js";
import { JSON_FLAG, type Command } from "../command.js";
import { columns } from "../table.js";
import { bold } from "../terminal.js";

const mebibytes = (bytes: number | undefined): string => (bytes === undefined ? "?" : `${Math.floor(bytes / 2 ** 20)} MiB`);

function describe(adapter: AdapterSummary): string[] {
  const { limits } = adapter;
  return [
    `${adapter.index}`,
    adapter.name,
    adapter.type,
    adapter.backend,
    mebibytes(limits.maxBufferSize),
    mebibytes(limits.maxStorageBufferBindingSize),
    `${limits.maxComputeInvocationsPerWorkgroup ?? "?"}`,
    `${limits.maxTextureDimension2D ?? "?"}`,
  ];
}

export async function devices(options: { json: boolean }): Promise<number> {
  const adapters = await listAdapters();
  if (options.json) process.stdout.write(`${JSON.stringify(adapters, null, 2)}\n`);
  if (adapters.length === 0) throw new AdapterError("no WebGPU adapter found; install a Vulkan driver (on Debian: mesa-vulkan-drivers and libvulkan1)");
  if (options.json) return EXIT.done;
  const [head, ...lines] = columns([["#", "adapter", "type", "backend", "buffer", "binding", "invocations", "texture"], ...adapters.map(describe)]);
  const features = adapters.map((adapter) => `${adapter.index}: ${adapter.description || adapter.vendor}; ${adapter.features.join(", ")}`);
  process.stdout.write(`${[bold(head, process.stdout), ...lines, "", ...features].join("\n")}\n`);
  return EXIT.done;
}

export const devicesCommand: Command = {
  flags: JSON_FLAG,
  run: (args) => devices({ json: args.json === true }),
};
