/** Child of the model: compiles the kernels of a unit on the null device, one after the other. Argument: JSON of the case. */
import { openAdapter } from "../../dist/src/gpu/device.js";
import { shader, specialise, withSubgroupSize } from "../../dist/src/gpu/shader.js";
import { tileOf, turnOf, unitOf } from "./cases.mjs";

const of = JSON.parse(process.argv[2]);
const mark = (text) => process.stderr.write(`\nMARK ${text}\n`);
const gpu = await openAdapter({}, async () => {});
const { device, subgroupSize } = gpu;
const { plan, limits, steps } = unitOf(of, gpu);
/** Of kernels that differ in the sizes of maps and channels alone, `distinct` takes one. */
const flagsOf = ({ constants: c }) => Object.entries(c).filter(([name, value]) => typeof value === "boolean" || /^(T[MN]|TILE_M|OWN_[MN]|K|OC|ROWS|COLS|BLOCKS|CAP)$/.test(name));
const keyOf = (step) => step.kernel + JSON.stringify(of.distinct ? flagsOf(step) : step.constants);
const kernels = new Map();
for (const step of steps) {
  const known = kernels.get(keyOf(step)) ?? { step, cost: 0 };
  kernels.set(keyOf(step), { step: known.step, cost: known.cost + step.cost });
}
for (const { step, cost } of kernels.values()) {
  const { code: plain, bindings } = specialise(shader(step.kernel), step.constants, gpu.shuffle);
  const code = subgroupSize === null ? plain : withSubgroupSize(plain, subgroupSize);
  mark(JSON.stringify({ name: step.name, kernel: step.kernel, tile: tileOf(step), masked: step.constants.MASKED === true, cost, turn: turnOf(plan, step, limits.lanes), wave: code === plain ? 64 : subgroupSize }));
  const layout = device.createBindGroupLayout({ entries: bindings.map(({ binding, layout }) => ({ binding, visibility: GPUShaderStage.COMPUTE, ...layout })) });
  await device.createComputePipelineAsync({ layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }), compute: { module: device.createShaderModule({ code }), entryPoint: "main" } });
}
mark("END");
process.exit(0);
