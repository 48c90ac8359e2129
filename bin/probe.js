/** Prints the WebGPU adapter that Dawn finds, or nothing. A process of its own, since a broken driver may abort it. */
import { prepareVulkanEnvironment } from './vulkan.js';

// Only when it is asked for: the preparation itself asks this script whether the machine has an adapter of its own.
if (process.env.WGPU_INFERLINK_SOFTWARE === 'swiftshader') prepareVulkanEnvironment();
const { create } = await import('webgpu');
const gpu = create([]);
const adapter = await gpu.requestAdapter();
if (adapter) console.log(`adapter: ${adapter.info.description || adapter.info.device || adapter.info.vendor}`);
// Dawn's threads would keep the process alive; exiting here also keeps `gpu` referenced until now.
process.exit(0);
