/** bin/vulkan.js: the vectors and threads that Mesa's software driver is told to use. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";

const module = new URL("../../bin/vulkan.js", import.meta.url).href;
const script = `
  const { prepareVulkanEnvironment } = await import(${JSON.stringify(module)});
  prepareVulkanEnvironment();
  const { LP_NATIVE_VECTOR_WIDTH: width, MESA_SHADER_CACHE_DIR: cache, LP_NUM_THREADS: threads } = process.env;
  console.log(JSON.stringify({ width, cache, threads }));
`;
const cache = join(tmpdir(), "kernels");

/** What a fresh process sets for Mesa when the user set `given`. */
function prepared(given: Record<string, string>): { width: string; cache: string; threads: string } {
  const env: NodeJS.ProcessEnv = { ...process.env, LP_NATIVE_VECTOR_WIDTH: "", MESA_SHADER_CACHE_DIR: cache, LP_NUM_THREADS: "3", ...given };
  const { stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { env, encoding: "utf8" });
  return JSON.parse(stdout.trim().split("\n").at(-1)!);
}

if (process.platform === "linux") {
  test("vectors of 512 bits, with a cache of their own, only where the CPU has them", () => {
    const wide = readFileSync("/proc/cpuinfo", "utf8").includes(" avx512vl");
    assert.equal(prepared({}), wide ? { width: "512", cache: join(cache, "mesa-512"), threads: "3" } : { width: "", cache, threads: "3" });
  });

  test("a width that the user set stays, and so does the cache", () => {
    assert.equal(prepared({ LP_NATIVE_VECTOR_WIDTH: "256" }), { width: "256", cache, threads: "3" });
  });

  test("two threads a core, unless the user set how many", () => {
    assert.is(prepared({ LP_NUM_THREADS: "" }).threads, String(2 * availableParallelism()));
  });
}

test.run();
