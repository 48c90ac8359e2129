/**
 * What NVIDIA's assembler makes of the tiled kernels of a unit, as CUDA twins (no driver is needed):
 *   python3 -m venv v && v/bin/pip install nvidia-cuda-nvcc nvidia-nvvm nvidia-cuda-crt nvidia-cuda-runtime nvidia-cuda-nvdisasm
 *   CUDA=v/lib/python3.11/site-packages/nvidia/cu13 node bench/hardware-model/nvidia/table.mjs [--arch sm_90] [--network resnet18] [--input 1x28x28] [--prefer conv2d_uniform] [--work training]
 * The driver's own compiler for Vulkan is another front end to a like back end: read shares, not decimals. Textures become surfaces.
 */
import { parseArgs } from "node:util";
import { shader, specialise } from "../../../dist/src/gpu/shader.js";
import { tileOf, turnOf, unitOf } from "../cases.mjs";
import { sass } from "./sass.mjs";
import { toCuda } from "./translate.mjs";

const { values } = parseArgs({ options: { arch: { type: "string", default: "sm_90" }, network: { type: "string", default: "resnet18" }, input: { type: "string", default: "1x28x28" }, kernels: { type: "string", default: "hardware" }, prefer: { type: "string" }, work: { type: "string", default: "unit" } } });
const { plan, limits, steps } = unitOf(values);
const keyOf = (step) => step.kernel + JSON.stringify(step.constants);
const kernels = new Map();
for (const step of steps) {
  const known = kernels.get(keyOf(step)) ?? { step, cost: 0 };
  kernels.set(keyOf(step), { step: known.step, cost: known.cost + step.cost });
}
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
const head = [`${values.network}, ${values.input}, ${values.arch}`, "tile", "registers", "spilled B", "instructions of the loop", "multiply-adds", "real multiply-adds an issue slot", "of the work"];
line(head);
line(head.map(() => "---"));
const total = [...kernels.values()].reduce((sum, { cost }) => sum + cost, 0);
let [work, time] = [0, 0];
for (const { step, cost } of kernels.values()) {
  const turn = turnOf(plan, step, limits.lanes);
  if (!turn) continue;
  const { code } = specialise(shader(step.kernel), step.constants, true);
  const { registers, spills, loop } = sass(toCuda(code), turn.invocations, values.arch);
  // A sum of few steps has no loop left. A multiprocessor starts four instructions a cycle, but one shuffle.
  const slots = loop && Math.max(loop.all, 4 * (loop.SHFL ?? 0));
  const share = loop && (loop.FFMA ?? 0) > turn.real / 2 ? turn.real / slots : NaN;
  if (Number.isFinite(share)) [work, time] = [work + cost, time + cost / share];
  line([`${step.name}${step.constants.MASKED ? ", filtered" : ""}`, tileOf(step), registers, spills, loop?.all ?? "", loop?.FFMA ?? "", Number.isFinite(share) ? share.toFixed(2) : "", `${((100 * cost) / total).toFixed(0)} %`]);
}
console.log(`\nover the unit, weighted by multiply-adds: ${(work / time).toFixed(2)} real multiply-adds an issue slot`);
