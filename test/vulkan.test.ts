/** bin/vulkan.js: the vectors and threads that Mesa's software driver is told to use. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const module = new URL("../../bin/vulkan.js", import.meta.url).href;
const script = (boundByStores: boolean): string => `
  const { prepareVulkanEnvironment } = await import(${JSON.stringify(module)});
  prepareVulkanEnvironment(${boundByStores});
  const { LP_NATIVE_VECTOR_WIDTH: width, MESA_SHADER_CACHE_DIR: cache, LP_NUM_THREADS: threads, GALLIUM_OVERRIDE_CPU_CAPS: upTo } = process.env;
  console.log(JSON.stringify({ width, cache, threads, upTo }));
`;
const cache = join(tmpdir(), "kernels");

/** What a fresh process sets for Mesa when the user set `given`. */
function prepared(given: Record<string, string>, boundByStores = false): { width: string; cache: string; threads: string; upTo: string } {
  const env: NodeJS.ProcessEnv = { ...process.env, LP_NATIVE_VECTOR_WIDTH: "", MESA_SHADER_CACHE_DIR: cache, LP_NUM_THREADS: "3", GALLIUM_OVERRIDE_CPU_CAPS: "", ...given };
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script(boundByStores)], { env, encoding: "utf8" });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

if (process.platform === "linux") {
  const cpu = readFileSync("/proc/cpuinfo", "utf8");
  const isWide = cpu.includes(" avx512vl");

  test("vectors of 512 bits, with a cache of their own, only where the CPU has them", () => {
    assert.equal(prepared({}), isWide ? { width: "512", cache: join(cache, "mesa-512"), threads: "3", upTo: "" } : { width: "", cache, threads: "3", upTo: "" });
  });

  test("a width that the user set stays, and so does the cache", () => {
    assert.equal(prepared({ LP_NATIVE_VECTOR_WIDTH: "256" }), { width: "256", cache, threads: "3", upTo: "" });
    assert.equal(prepared({ LP_NATIVE_VECTOR_WIDTH: "512" }, true), { width: "512", cache, threads: "3", upTo: "" });
  });

  test("vectors of 256 bits, and no AVX-512, where stores are the limit and Intel's CPU is slow at wide ones", () => {
    const narrow = isWide && cpu.includes("GenuineIntel");
    assert.equal(prepared({}, true), narrow ? { width: "256", cache: join(cache, "mesa-256"), threads: "3", upTo: "avx" } : prepared({}));
  });

  test("two threads a core, unless the user set how many", () => {
    assert.is(prepared({ LP_NUM_THREADS: "" }).threads, String(2 * availableParallelism()));
  });
}

test.run();
