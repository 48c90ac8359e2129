/**
 * Which Vulkan driver Dawn will see. Has no dependencies: it runs before the npm packages are there.
 * A driver of the machine's own is used as it is; without one, the SwiftShader that setup.js unpacked into the user's cache.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, homedir, tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The adapter's name that a fresh process finds under an environment, or null. */
export function probeAdapter(env = process.env) {
  const given = { ...env, XDG_RUNTIME_DIR: runtimeFolder() };
  const child = spawnSync(process.execPath, [join(root, 'bin', 'probe.js')], { cwd: root, env: given, encoding: 'utf8', timeout: 60_000 });
  // Dawn prints its warnings too, so the answer is looked for line by line.
  return /^adapter: (.*)$/m.exec(child.stdout ?? '')?.[1] ?? null;
}

/** The user's own cache; null for a user without a home: no HOME, and none that the system knows. */
function homeCache() {
  try {
    return join(homedir(), '.cache', 'wgpu-inferlink');
  } catch {
    return null;
  }
}

/** A folder that only this user can write to: native code is loaded from it. Created when missing. */
export function cacheFolder() {
  const user = process.getuid?.() ?? 'user';
  const base = process.env.XDG_CACHE_HOME;
  const wanted = base && isAbsolute(base) ? join(base, 'wgpu-inferlink') : homeCache();
  for (const folder of [...(wanted === null ? [] : [wanted]), join(tmpdir(), `wgpu-inferlink-${user}`)]) {
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const is = lstatSync(folder);
      // Somebody else may have made the folder in a shared /tmp first.
      if (is.isDirectory() && is.uid === user && (is.mode & 0o022) === 0) return folder;
    } catch {
      // No home folder (daemon users) or a read-only one: try the next.
    }
  }
  return null;
}

/** Mesa's drivers want one to be named, and containers and cron jobs name none. */
function runtimeFolder() {
  return process.env.XDG_RUNTIME_DIR || cacheFolder() || tmpdir();
}

/** Where SwiftShader lies once setup.js has fetched it: its folder, its loader and its driver's manifest. */
export function swiftShader() {
  const cache = cacheFolder();
  if (!cache) return null;
  const folder = join(cache, 'swiftshader');
  return { folder, loader: join(folder, 'libvulkan.so.1'), driver: join(folder, 'vk_swiftshader_icd.json') };
}

function useSwiftShader(found) {
  // dlopen('libvulkan.so.1') gives Dawn whatever is loaded already under that name. process.dlopen refuses the file, as it is
  // no Node addon, but RTLD_NODELETE (0x1000) keeps it loaded: nothing has to be written beside dawn.node.
  const RTLD_NOW = 0x2, RTLD_NODELETE = 0x1000;
  try {
    process.dlopen({ exports: {} }, found.loader, RTLD_NOW | RTLD_NODELETE);
  } catch (error) {
    if (!String(error?.message).includes('did not self-register')) return;
  }
  delete process.env.VK_ICD_FILENAMES;
  process.env.VK_DRIVER_FILES = found.driver;
}

/**
 * Whether the CPU adds vectors of 512 bits, and whether it is slow to store them. Mesa writes a vector to a texture number by number, each
 * of them read back from where the whole vector was put: Intel's CPUs take three times as long for that where it has 512 bits
 * (measured on Sapphire Rapids), AMD's don't.
 */
function wideVectors() {
  try {
    const cpu = readFileSync('/proc/cpuinfo', 'latin1');
    const of = (name) => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'm').exec(cpu)?.[1].split(' ') ?? [];
    const flags = of('flags');
    return { exist: ['avx512f', 'avx512bw', 'avx512dq', 'avx512vl'].every((flag) => flags.includes(flag)), storeSlowly: of('vendor_id').includes('GenuineIntel') };
  } catch {
    return { exist: false, storeSlowly: false };
  }
}

/**
 * Mesa's software driver stops at vectors of 256 bits unless told otherwise; with 512 the kernels take a fifth less time, but for
 * those that hardly do more than store, on some CPUs. There AVX-512 is kept from it altogether: addresses would take 512 bits.
 * Its cache of compiled kernels mixes up the widths, so each gets one of its own. A width that the user set is left alone.
 */
function useVectors(boundByStores) {
  if (process.env.LP_NATIVE_VECTOR_WIDTH) return;
  const wide = wideVectors();
  if (!wide.exist) return;
  const cache = process.env.MESA_SHADER_CACHE_DIR || cacheFolder();
  const width = boundByStores && wide.storeSlowly ? '256' : '512';
  if (width === '256') process.env.GALLIUM_OVERRIDE_CPU_CAPS ||= 'avx'; // the last of those it may use
  process.env.LP_NATIVE_VECTOR_WIDTH = width;
  if (cache) process.env.MESA_SHADER_CACHE_DIR = join(cache, `mesa-${width}`);
  else process.env.MESA_SHADER_CACHE_DISABLE = 'true';
}

/**
 * Mesa's software driver cuts each dispatch into equal pieces, one a thread, and waits for the slowest: with two threads a core
 * the other cores take over from one that is held up.
 */
function useMoreThreads() {
  process.env.LP_NUM_THREADS ||= String(2 * availableParallelism());
}

let prepared = false;

/**
 * Sets this process up for Dawn. Call it before webgpu's create(); a second call does nothing.
 * @param boundByStores what will be computed writes much for what it computes
 */
export function prepareVulkanEnvironment(boundByStores = false) {
  if (prepared || process.platform !== 'linux') return;
  prepared = true;
  process.env.XDG_RUNTIME_DIR = runtimeFolder();
  useVectors(boundByStores);
  useMoreThreads();
  const found = swiftShader();
  if (!found || !existsSync(found.driver)) return;
  // SwiftShader is about six times slower than lavapipe, so a driver that was installed later goes first.
  if (process.env.WGPU_INFERLINK_SOFTWARE === 'swiftshader' || probeAdapter() === null) useSwiftShader(found);
}
