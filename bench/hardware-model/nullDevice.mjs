/** Runs a script of this folder on RADV's null device and returns what the driver printed, split at its MARK lines. */
import { spawnSync } from "node:child_process";
import { closeSync, copyFileSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ICD = "/usr/share/vulkan/icd.d/radeon_icd.json";

/**
 * Lanes of a SIMD, and instructions of multiply-adds that it starts in a cycle at best, which is what the makers' peak counts: RDNA 3
 * pairs two of them (VOPD, in waves of 32).
 */
export const FAMILIES = {
  vega10: { lanes: 16, issue: 1, name: "GCN 5, RX Vega" },
  navi21: { lanes: 32, issue: 1, name: "RDNA 2, RX 6800/6900" },
  navi31: { lanes: 32, issue: 2, name: "RDNA 3, RX 7900" },
};

/** Why the model can't run here; null where it can. */
export function missing() {
  if (!existsSync(ICD)) return `no ${ICD}: install mesa-vulkan-drivers (on Debian 12 of backports)`;
  return spawnSync("gcc", ["--version"], { stdio: "ignore" }).status === 0 ? null : "no gcc: install it";
}

/**
 * @param script file of this folder, which prints `MARK text` to stderr before what is wanted, and `MARK END` behind all
 * @returns [mark, printed][]
 */
export function onNullDevice(family, script, args) {
  if (!FAMILIES[family]) throw new Error(`unknown family ${family}; there are ${Object.keys(FAMILIES).join(", ")}`);
  const problem = missing();
  if (problem) throw new Error(problem);
  const folder = mkdtempSync(join(tmpdir(), "null-device-"));
  try {
    copyFileSync(join(HERE, "layer/nocmd.json"), join(folder, "nocmd.json"));
    const built = spawnSync("gcc", ["-shared", "-fPIC", "-O1", "-o", join(folder, "libnocmd.so"), join(HERE, "layer/nocmd.c")], { encoding: "utf8" });
    if (built.status !== 0) throw new Error(`the layer does not compile: ${built.stderr}`);
    // A file, not a pipe: Node makes its pipes non-blocking, and the driver then loses what does not fit.
    const printed = join(folder, "stderr");
    const file = openSync(printed, "w");
    const { stdout, signal } = spawnSync(process.execPath, [join(HERE, script), ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", file],
      env: {
        ...process.env,
        XDG_RUNTIME_DIR: folder, MESA_SHADER_CACHE_DISABLE: "1", RADV_FORCE_FAMILY: family, RADV_DEBUG: "asm,shaderstats",
        VK_DRIVER_FILES: ICD, VK_LAYER_PATH: folder, VK_INSTANCE_LAYERS: "VK_LAYER_nocmd",
      },
    });
    closeSync(file);
    const stderr = readFileSync(printed, "utf8");
    const parts = stderr.split(/^MARK /m).slice(1).map((part) => [part.slice(0, part.indexOf("\n")), part.slice(part.indexOf("\n") + 1)]);
    // The null device may crash when the process ends: what counts is that the script got there.
    if (parts.at(-1)?.[0] !== "END") throw new Error(`${script} did not get to its end (${signal ?? "no signal"}): ${stdout}${stderr.slice(-2000)}`);
    return parts.slice(0, -1);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
