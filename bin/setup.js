#!/usr/bin/env node
/**
 * Everything `npm start` and `npm test` need on a fresh machine: npm packages, the TypeScript build, a Vulkan adapter.
 * Node only, no packages. Does nothing when nothing is missing.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { cacheFolder, probeAdapter, swiftShader } from './vulkan.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (...parts) => join(root, ...parts);
const say = (line) => process.stderr.write(`setup: ${line}\n`);

class SetupError extends Error {}

/** Runs a program; its output is shown only when it fails. */
function run(program, args, options = {}) {
  const done = spawnSync(program, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (done.status === 0) return done.stdout;
  const output = [done.stdout, done.stderr, done.error?.message].filter(Boolean).join('\n').trim();
  throw new SetupError(`${program} ${args[0] ?? ''} failed:\n${output.slice(-4000)}`);
}

/** npm as it was called (npm sets npm_execpath for its scripts), or the one on the PATH. */
function npm(args, options) {
  const script = process.env.npm_execpath;
  if (script && /npm-cli\.[cm]?js$/.test(script)) return run(process.execPath, [script, ...args], options);
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}

// --- npm packages ---------------------------------------------------------------------------------------------------------

/** Do the packages that npm says it installed differ from the lock file? Optional ones may be missing: other platforms'. */
export function packagesAreStale(lock, installed) {
  const same = (a, b) => a.version === b.version && a.integrity === b.integrity;
  const wanted = Object.entries(lock.packages).filter(([path]) => path !== '');
  return wanted.some(([path, entry]) => {
    const have = installed.packages[path];
    return have ? !same(entry, have) : !(entry.optional || entry.devOptional || entry.peer);
  }) || Object.keys(installed.packages).some((path) => !lock.packages[path]);
}

function installPackages() {
  const installed = at('node_modules', '.package-lock.json');
  const readJson = (file) => JSON.parse(readFileSync(file, 'utf8'));
  if (existsSync(installed) && !packagesAreStale(readJson(at('package-lock.json')), readJson(installed))) return null;
  say('installing npm packages…');
  // npm 11 runs no install scripts unless allowed; saying so makes older ones behave alike. dev: TypeScript and the tests.
  npm(['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']);
  return 'installed npm packages';
}

// --- TypeScript -----------------------------------------------------------------------------------------------------------

function* walk(folder) {
  if (!existsSync(folder)) return;
  yield folder;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}

/** Removes outputs whose source is gone, or a deleted test would go on being run. */
export function pruneOutputs(sources, outputs) {
  for (const folder of ['src', 'test']) {
    for (const path of walk(join(outputs, folder))) {
      const output = /\.(js|js\.map|d\.ts)$/.exec(path);
      if (output && !existsSync(join(sources, path.slice(outputs.length, output.index) + '.ts'))) rmSync(path);
    }
  }
}

function build() {
  const stamp = at('dist', '.built');
  const inputs = [at('tsconfig.json'), at('package-lock.json'), ...walk(at('src')), ...walk(at('test'))];
  // Folders count too: their time changes when a file is removed.
  const newest = Math.max(...inputs.map((path) => statSync(path).mtimeMs));
  if (existsSync(stamp) && statSync(stamp).mtimeMs > newest) return null;
  const begun = new Date();
  run(process.execPath, [at('node_modules', 'typescript', 'bin', 'tsc')]);
  pruneOutputs(root, at('dist'));
  writeFileSync(stamp, '');
  utimesSync(stamp, begun, begun); // what was edited while the compiler ran is newer
  return 'built TypeScript';
}

// --- Vulkan ---------------------------------------------------------------------------------------------------------------

/**
 * Debian 12's Mesa (22.3) is refused by Dawn; its backports have 25.0. Out of the machine's own apt sources, the entry for the
 * release itself rewritten for the backports suite: same mirror, same keyring and options. Null when there is none, '' when
 * backports are configured already. `files`: { name, text }, classic one-line (.list) or deb822 (.sources).
 */
export function backportsSource(files, codename) {
  const suite = `${codename}-backports`;
  let found = null;
  for (const { name, text } of files) {
    if (name.endsWith('.sources')) {
      for (const stanza of text.replace(/^#.*\n?/gm, '').split(/\n\s*\n/)) {
        const field = (key) => new RegExp(`^${key}:[ \\t]*(.*)$`, 'im').exec(stanza)?.[1].trim().split(/\s+/) ?? [];
        if (!field('Types').includes('deb') || field('Enabled')[0]?.toLowerCase() === 'no') continue;
        if (field('Suites').includes(suite)) return '';
        if (found || !field('Suites').includes(codename) || !field('Components').includes('main')) continue;
        const rewritten = stanza.trim()
          .replace(/^Types:.*$/im, 'Types: deb')
          .replace(/^Suites:.*$/im, `Suites: ${suite}`)
          .replace(/^Components:.*$/im, 'Components: main');
        found = { name: 'wgpu-inferlink-backports.sources', text: rewritten + '\n' };
      }
    } else {
      for (const line of text.split('\n')) {
        const entry = /^\s*deb\s+(\[[^\]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]*)/.exec(line);
        if (!entry) continue;
        const [, options = '', uri, has, components] = entry;
        if (has === suite) return '';
        if (found || has !== codename || !components.split(/\s+/).includes('main')) continue;
        found = { name: 'wgpu-inferlink-backports.list', text: `deb ${options}${uri} ${suite} main\n` };
      }
    }
  }
  return found;
}

function osRelease() {
  const text = existsSync('/etc/os-release') ? readFileSync('/etc/os-release', 'utf8') : '';
  return Object.fromEntries([...text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)].map(([, key, value]) => [key, value]));
}

function readAptSources() {
  const parts = '/etc/apt/sources.list.d';
  const names = existsSync(parts) ? readdirSync(parts).filter((name) => /\.(list|sources)$/.test(name)) : [];
  return ['/etc/apt/sources.list', ...names.map((name) => join(parts, name))]
    .filter((path) => existsSync(path))
    .map((path) => ({ name: path, text: readFileSync(path, 'utf8') }));
}

/** Mesa's lavapipe by apt. Leaves the machine's apt sources as they are: a further one is only named on the command line. */
function installLavapipe() {
  const { ID, VERSION_ID, VERSION_CODENAME } = osRelease();
  const options = ['-o', 'DPkg::Lock::Timeout=120'];
  const target = [];
  const folder = mkdtempSync(join(tmpdir(), 'wgpu-inferlink-apt-'));
  try {
    if (ID === 'debian' && VERSION_ID === '12') {
      const files = readAptSources();
      const source = backportsSource(files, VERSION_CODENAME);
      if (source === null) throw new SetupError(`apt has no source for ${VERSION_CODENAME} to derive its backports from`);
      if (source) {
        chmodSync(folder, 0o755); // apt reads it as its own user
        for (const { name } of files) {
          if (name.startsWith('/etc/apt/sources.list.d/')) symlinkSync(name, join(folder, name.slice(name.lastIndexOf('/') + 1)));
        }
        writeFileSync(join(folder, source.name), source.text, { mode: 0o644 });
        options.push('-o', `Dir::Etc::sourceparts=${folder}`);
      }
      target.push('-t', `${VERSION_CODENAME}-backports`);
    }
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    run('apt-get', ['update', '-qq', ...options], { env });
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...options, ...target, 'mesa-vulkan-drivers', 'libvulkan1'], { env });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The files of a tar archive, by name. */
export function* readTar(tar) {
  const string = (from, to) => tar.toString('utf8', from, to).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = parseInt(string(at + 124, at + 136), 8) || 0;
    const type = tar[at + 156];
    if (type === 0 || type === 0x30) yield { name: string(at, at + 100), data: tar.subarray(at + 512, at + 512 + size) };
    at += 512 + Math.ceil(size / 512) * 512;
  }
}

// SwiftShader is not on npm by itself. This package of a browser for servers carries it with a Vulkan loader; the rest of its
// 70 MB is not kept, which is why it is no dependency.
const CHROMIUM = '@sparticuz/chromium@153.0.0';
const SHA256 = 'b680e40a33235ecc6ad4c6897a168b70ce5164f0d62d2a64d675320d51614631';

function installSwiftShader() {
  const target = swiftShader();
  if (process.arch !== 'x64') throw new SetupError(`there is no SwiftShader for ${process.arch}`);
  if (!target) throw new SetupError('there is no folder for the cache that only this user can write to');
  const work = mkdtempSync(join(cacheFolder(), 'fetch-'));
  try {
    npm(['pack', CHROMIUM, '--silent', '--pack-destination', work], { cwd: work });
    const archive = gunzipSync(readFileSync(join(work, readdirSync(work).find((name) => name.endsWith('.tgz')))));
    const packed = [...readTar(archive)].find((file) => file.name === 'package/bin/swiftshader.tar.br')?.data;
    if (!packed) throw new SetupError(`${CHROMIUM} carries no SwiftShader`);
    // The code below is loaded into our process, so it must be the very one that was tried.
    if (createHash('sha256').update(packed).digest('hex') !== SHA256) throw new SetupError(`SwiftShader in ${CHROMIUM} is not the one expected`);
    const fresh = join(work, 'swiftshader');
    mkdirSync(fresh);
    for (const { name, data } of readTar(brotliDecompressSync(packed))) {
      if (/^(libvk_swiftshader\.so|libvulkan\.so\.1|vk_swiftshader_icd\.json)$/.test(name)) writeFileSync(join(fresh, name), data, { mode: 0o755 });
    }
    rmSync(target.folder, { recursive: true, force: true });
    renameSync(fresh, target.folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** Asks in a process that prepares itself as the command line does: with the cached SwiftShader when there is nothing else. */
function preparedAdapter() {
  const env = { ...process.env };
  const direct = env.WGPU_INFERLINK_SOFTWARE === 'swiftshader' ? null : probeAdapter(env);
  if (direct !== null || process.platform !== 'linux' || !existsSync(swiftShader()?.driver ?? '')) return direct;
  return probeAdapter({ ...env, WGPU_INFERLINK_SOFTWARE: 'swiftshader' });
}

function prepareAdapter() {
  const before = preparedAdapter();
  if (before !== null) return { adapter: before, did: null };
  const attempts = [];
  if (process.platform === 'linux') {
    const isRoot = process.getuid() === 0;
    const hasApt = spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
    if (process.env.WGPU_INFERLINK_SOFTWARE !== 'swiftshader' && isRoot && hasApt) attempts.push(["installed Mesa's lavapipe by apt", installLavapipe]);
    attempts.push(['unpacked SwiftShader into the cache', installSwiftShader]);
  }
  for (const [did, install] of attempts) {
    say('no Vulkan adapter: getting a software one…');
    try {
      install();
    } catch (error) {
      say(error.message);
      continue;
    }
    const adapter = preparedAdapter();
    if (adapter !== null) return { adapter, did };
    say(`${did}, and still there is no adapter`);
  }
  throw Object.assign(new SetupError('no WebGPU adapter: install a Vulkan driver (Debian/Ubuntu: mesa-vulkan-drivers and libvulkan1) and try again'), { exitCode: 69 });
}

// --------------------------------------------------------------------------------------------------------------------------

/** Does what is missing and says so in one line. Returns the process's exit code. */
export function setup() {
  try {
    // An installed package has neither sources nor a lock file, and npm put its packages beside it.
    const isCheckout = existsSync(at('package-lock.json')) && existsSync(at('src'));
    const done = isCheckout ? [installPackages(), build()] : [];
    const { adapter, did } = prepareAdapter();
    const what = [...done, did].filter(Boolean).join(', ') || 'nothing to do';
    say(`${what} (adapter: ${adapter})`);
    return 0;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    say(error.message);
    return error.exitCode ?? 1;
  }
}

if (process.argv[1] && realpathSync(process.argv[1]) === realpathSync(fileURLToPath(import.meta.url))) process.exitCode = setup();
