/** What AMD's compiler makes of the kernels for hardware, where its driver is installed: no register spills, and most of the peak is in reach. */
import { test } from "uvu";
import * as assert from "uvu/assert";

interface Kernel {
  name: string;
  kernel: string;
  spilled: number;
  vgprs: number;
  peak: number;
}

const FOLDER = new URL("../../bench/hardware-model/", import.meta.url);
const { missing } = (await import(new URL("nullDevice.mjs", FOLDER).href)) as { missing(): string | null };
const { compiled } = (await import(new URL("model.mjs", FOLDER).href)) as { compiled(family: string, of: object): Kernel[] };

const reason = missing();
test(`an RX 7900 ${reason === null ? "spills nothing, and pairs most of what it does" : `is not asked: ${reason}`}`, () => {
  if (reason !== null) return;
  const kernels = compiled("navi31", { network: "resnet18", input: "1x28x28", distinct: true });
  assert.ok(kernels.length > 8);
  for (const { name, spilled, vgprs } of kernels) {
    assert.is(spilled, 0, name);
    assert.ok(vgprs > 0 && vgprs <= 192, `${name} takes ${vgprs} registers`);
  }
  const inner = kernels.filter(({ name, kernel }) => kernel === "conv2d_gemm" && name.includes("layer"));
  for (const { name, peak } of inner.filter((k) => Number.isFinite(k.peak))) assert.ok(peak > 0.8 && peak <= 1, `${name} may reach ${peak} of the peak`);
  const back = kernels.find(({ kernel }) => kernel === "conv2d_patch")!;
  assert.ok(back.peak > 0.6 && back.peak <= 1, `${back.name} may reach ${back.peak} of the peak`);
});

test("weights read uniformly stay in scalar registers there", () => {
  if (reason !== null) return;
  const uniform = compiled("navi31", { network: "resnet18", input: "1x28x28", distinct: true, prefer: "conv2d_uniform" }).filter(({ name, kernel }) => kernel === "conv2d_uniform" && name.includes("layer"));
  assert.ok(uniform.length > 2);
  for (const { name, spilled, peak } of uniform) assert.ok(spilled === 0 && peak > 0.9 && peak <= 1, `${name} spills ${spilled} registers and may reach ${peak} of the peak`);
});

test.run();
