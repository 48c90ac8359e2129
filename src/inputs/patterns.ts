/** Paths with `*` and the like that no shell has expanded: Windows has none that does, and quotes keep others from it. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import picomatch from "picomatch";
import { InputError } from "../errors.js";
import { namesIn } from "../io/datasets/folders.js";

const DEPTH = 8;
const MOST_FOLDERS = 10_000;

/** Files below a folder, as paths with `/` from it. */
function filesBelow(base: string, deep: number): string[] {
  const files: string[] = [];
  const waiting: { path: string; depth: number }[] = [{ path: "", depth: 0 }];
  for (let folders = 0; waiting.length > 0 && folders < MOST_FOLDERS; folders++) {
    const { path, depth } = waiting.shift()!;
    const names = namesIn(join(base, path));
    const inside = (name: string): string => (path === "" ? name : `${path}/${name}`);
    files.push(...names.files.map(inside));
    if (depth < deep) waiting.push(...names.folders.map((name) => ({ path: inside(name), depth: depth + 1 })));
  }
  return files;
}

function matches(pattern: string): string[] {
  const { base, glob, isGlob } = picomatch.scan(process.platform === "win32" ? pattern.replaceAll("\\", "/") : pattern);
  if (!isGlob) return [pattern];
  const folder = base === "" ? "." : base;
  const isMatch = picomatch(glob);
  const deep = glob.includes("**") ? DEPTH : glob.split("/").length - 1;
  const found = existsSync(folder) ? filesBelow(folder, deep).filter((path) => isMatch(path)) : [];
  if (found.length === 0) throw new InputError(pattern, "is a pattern that matches no file; check the path");
  return found.map((path) => (base === "" ? path : join(base, path)));
}

/**
 * The paths, with those of files in place of patterns: sorted, each once. A file whose own name looks like a pattern is that file.
 * @throws InputError for a pattern that matches nothing
 */
export function expanded(paths: string[]): string[] {
  return [...new Set(paths.flatMap((path) => (existsSync(path) ? [path] : matches(path))))];
}
