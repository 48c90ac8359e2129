/** Where this package lies, and the versions of what it is made of. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { createRequire } from "node:module";

function findRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) folder = dirname(folder);
  return folder;
}

/** Folder of the package's own package.json. */
export const PACKAGE_ROOT = findRoot();

const readVersion = (file: string): string => (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;

function dependencyVersion(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const file = join(folder, name, "package.json");
    if (existsSync(file)) return readVersion(file);
  }
  return "unknown";
}

export const PACKAGE_VERSION = readVersion(join(PACKAGE_ROOT, "package.json"));

export function versions(): { package: string; node: string; webgpu: string; arrow: string } {
  return { package: PACKAGE_VERSION, node: process.versions.node, webgpu: dependencyVersion("webgpu"), arrow: dependencyVersion("apache-arrow") };
}

/** A path of a file that comes with the package, told from the package's folder; any other path as it is. */
export function shownPath(path: string): string {
  const inside = relative(PACKAGE_ROOT, path);
  return path.startsWith(PACKAGE_ROOT + sep) && inside.startsWith(`fixtures${sep}`) ? inside.split(sep).join("/") : path;
}
