/**
 * Prints what compilers for GPUs that are not here make of the kernels: node bench/hardware-model/table.mjs [options]
 *   --family navi31,navi21   --network resnet18,…   --input 1x28x28,3x32x32   --filtered layer1.0.conv1   --kernels hardware
 *   --prefer conv2d_uniform   that kernel where it can, which only the tuner may choose   --each    every kernel, not only whole units
 *   --work training   of a training's step instead of a unit
 */
import { parseArgs } from "node:util";
import { bytesOf } from "./memory.mjs";
import { compiled, wholeUnit } from "./model.mjs";

const { values } = parseArgs({
  options: {
    family: { type: "string", default: "navi31,navi21" }, network: { type: "string", default: "resnet18,resnet50,squeezenet1_1,shufflenet_v2_x1_0" }, input: { type: "string", default: "1x28x28,3x32x32" },
    filtered: { type: "string" }, kernels: { type: "string", default: "hardware" }, prefer: { type: "string" }, work: { type: "string", default: "unit" }, each: { type: "boolean", default: false },
  },
});
const list = (text) => text.split(",");
const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(0)} %` : "");
const line = (cells) => console.log(`| ${cells.join(" | ")} |`);
const heading = (cells) => [cells, cells.map(() => "---")].forEach(line);
const most = (kernels, pick) => Math.max(...kernels.map(pick));

function each(title, kernels) {
  const all = kernels.reduce((sum, { cost }) => sum + cost, 0);
  heading([title, "tile", "VGPRs", "spilled", "waves", "code B", "loads", "LDS", "VALU", "FMA", "VOPD", "real/VALU", "of peak at most", "of the work"]);
  for (const k of kernels) line([`${k.name}${k.masked ? ", filtered" : ""}`, k.tile, k.vgprs, k.spilled, k.waves, k.code, k.loop?.load ?? "", k.loop?.lds ?? "", k.loop?.valu ?? "", k.loop?.fma ?? "", k.loop?.vopd ?? "", Number.isFinite(k.real) ? k.real.toFixed(2) : "", percent(k.peak), percent(k.cost / all)]);
  console.log();
}

if (!values.each) heading(["network", "images", "family", "kernels", "real/VALU", "of fp32 peak at most", "most registers spilled", "most VGPRs", "fewest waves", "bytes from L2 a multiply-add"]);
for (const network of list(values.network)) {
  for (const input of list(values.input)) {
    for (const family of list(values.family)) {
      const of = { network, input, kernels: values.kernels, prefer: values.prefer, work: values.work, filtered: values.filtered ? list(values.filtered) : undefined };
      const kernels = compiled(family, of);
      const { real, peak } = wholeUnit(kernels);
      const tiled = kernels.filter((kernel) => Number.isFinite(kernel.peak));
      if (values.each) each(`${network}, ${input}, ${family}`, kernels);
      else line([network, input, family, kernels.length, real.toFixed(2), percent(peak), most(kernels, ({ spilled }) => spilled), most(kernels, ({ vgprs }) => vgprs), Math.min(...tiled.map(({ waves }) => waves)), bytesOf(of).l2.toFixed(3)]);
    }
  }
}
