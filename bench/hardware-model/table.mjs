/**
 * Prints what compilers for GPUs that are not here make of the kernels: node bench/hardware-model/table.mjs [options]
 *   --family navi31,navi21   --network resnet18,…   --input 1x28x28,3x32x32   --filtered layer1.0.conv1   --kernels hardware
 *   --each    every kernel, not only whole units
 */
import { parseArgs } from "node:util";
import { bytesOf } from "./memory.mjs";
import { compiled, wholeUnit } from "./model.mjs";

const { values } = parseArgs({
  options: {
    family: { type: "string", default: "navi31,navi21" }, network: { type: "string", default: "resnet18,resnet50,squeezenet1_1,shufflenet_v2_x1_0" }, input: { type: "string", default: "1x28x28,3x32x32" },
    filtered: { type: "string" }, kernels: { type: "string", default: "hardware" }, each: { type: "boolean", default: false },
  },
});
const list = (text) => text.split(",");
const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(0)} %` : "");
const table = (head, rows) => console.log(`${[head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n")}\n`);

const units = [];
for (const family of list(values.family)) {
  for (const network of list(values.network)) {
    for (const input of list(values.input)) {
      const of = { network, input, kernels: values.kernels, filtered: values.filtered ? list(values.filtered) : null };
      const kernels = compiled(family, of);
      const { real, peak } = wholeUnit(kernels);
      const most = (pick) => Math.max(...kernels.map(pick));
      units.push([family, network, input, kernels.length, real.toFixed(2), percent(peak), most(({ spilled }) => spilled), most(({ vgprs }) => vgprs), Math.min(...kernels.filter((kernel) => Number.isFinite(kernel.peak)).map(({ waves }) => waves)), bytesOf(of).l2.toFixed(3)]);
      if (!values.each) continue;
      table(
        [`${family}, ${network}, ${input}`, "tile", "VGPRs", "spilled", "waves", "code B", "loads", "LDS", "VALU", "FMA", "VOPD", "real/VALU", "of peak at most", "of the work"],
        kernels.map((k) => [`${k.name}${k.masked ? ", filtered" : ""}`, k.tile, k.vgprs, k.spilled, k.waves, k.code, k.loop?.load ?? "", k.loop?.lds ?? "", k.loop?.valu ?? "", k.loop?.fma ?? "", k.loop?.vopd ?? "", Number.isFinite(k.real) ? k.real.toFixed(2) : "", percent(k.peak), percent(k.cost / kernels.reduce((sum, { cost }) => sum + cost, 0))]),
      );
    }
  }
}
table(["family", "network", "images", "kernels", "real/VALU", "of fp32 peak at most", "most registers spilled", "most VGPRs", "fewest waves", "bytes from L2 a multiply-add"], units);
