/** Looking around in folders that people unpacked: bounded, in one order on every machine, blind to what systems leave in them. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileError } from "../source.js";

/** Folders looked into, and how deep below the one that was named. */
const MOST_FOLDERS = 2000;
const DEPTH = 3;

/** `._name` and `.DS_Store` of macOS, `.ipynb_checkpoints`: nobody's data. */
const isHidden = (name: string): boolean => name.startsWith(".") || name === "__MACOSX";

/** By code points, as Python sorts. */
export const byName = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

/**
 * Names in a folder, sorted, without hidden ones: folders, and all else as files. Links count as what they lead to.
 * @throws FileSystemError, InputError where it can't be read
 */
export function namesIn(dir: string): { files: string[]; folders: string[] } {
  const [files, folders]: [string[], string[]] = [[], []];
  try {
    for (const entry of readdirSync(dir, { withFileTypes: true })) {
      if (isHidden(entry.name)) continue;
      if (entry.isDirectory() || (entry.isSymbolicLink() && isFolder(join(dir, entry.name)))) folders.push(entry.name);
      else files.push(entry.name);
    }
  } catch (error) {
    throw fileError(dir, error);
  }
  return { files: files.sort(byName), folders: folders.sort(byName) };
}

/** Whether something other than a folder lies there; whether it is a file is seen when it is opened. */
export const isFile = (path: string): boolean => existsSync(path) && !isFolder(path);
export const isFolder = (path: string): boolean => existsSync(path) && statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** A folder and what lies in it. */
export interface Listed {
  path: string;
  files: string[];
  folders: string[];
}

/**
 * The folder itself and those below it, the nearest first. A folder with very many others in it is searched in part.
 * @throws as `namesIn` does where the folder itself can't be read; what may not be read below it is not looked into
 */
export function foldersBelow(dir: string): Listed[] {
  const all: Listed[] = [{ path: dir, ...namesIn(dir) }];
  let level = all;
  for (let depth = 0; depth < DEPTH; depth++) {
    const next: Listed[] = [];
    for (const { path, folders } of level) {
      for (const name of folders) {
        if (all.length + next.length >= MOST_FOLDERS) break;
        try {
          next.push({ path: join(path, name), ...namesIn(join(path, name)) });
        } catch {
          continue;
        }
      }
    }
    all.push(...next);
    level = next;
  }
  return all;
}
