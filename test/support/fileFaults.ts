/** File-system calls that fail as the operating system's do, in this process. */
import fs from "node:fs";
import promises, { open, type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";

export const CODES = ["EIO", "ENOSPC", "EACCES"] as const;
export type Code = (typeof CODES)[number];

export interface Call {
  /** From 1 on. */
  count: number;
  name: string;
  path: string;
}

type Function = (this: unknown, ...args: unknown[]) => unknown;
type Functions = Record<string, Function>;

const PROMISES = ["open", "readFile", "writeFile", "rename", "mkdir", "rm", "stat", "readdir"];
const SYNC = ["openSync", "readSync", "statSync", "fstatSync", "readdirSync", "readFileSync", "writeFileSync", "mkdirSync", "rmSync", "renameSync"];
const HANDLE = ["write", "writeFile", "read", "readFile", "stat", "sync", "datasync", "truncate"];

const handle = await open("/dev/null");
const handlePrototype = Object.getPrototypeOf(handle) as Functions;
await handle.close();

/**
 * Counts the calls, and lets those fail for which `fails` names a code. A failing write has written its first half; a
 * failing close has closed.
 */
export function interceptCalls(fails: (call: Call) => Code | null): { calls: Call[]; restore: () => void } {
  const calls: Call[] = [];
  const undo: (() => void)[] = [];
  const files = new Map<unknown, string>();
  let depth = 0;

  /** The error for this call, or null; what the standard library does inside a call is a part of it. */
  const failure = (name: string, path: string): Error | null => {
    if (depth > 0) return null;
    const call = { count: calls.length + 1, name, path };
    calls.push(call);
    const code = fails(call);
    return code && Object.assign(new Error(`${code}: made to fail, ${name} '${path}'`), { code, errno: -5, syscall: name, path });
  };
  const within = <T>(work: () => T): T => {
    depth += 1;
    try {
      return work();
    } finally {
      depth -= 1;
    }
  };
  const replace = (object: Functions, name: string, make: (original: Function) => Function): void => {
    const original = object[name];
    object[name] = make(original);
    undo.push(() => void (object[name] = original));
  };
  const pathOf = (first: unknown): string => files.get(first) ?? String(first);

  for (const name of SYNC) {
    replace(fs as unknown as Functions, name, (original) => function (...args) {
      const error = failure(name, pathOf(args[0]));
      if (error) throw error;
      const result = within(() => original.apply(this, args));
      if (name === "openSync") files.set(result, String(args[0]));
      return result;
    });
  }
  for (const name of PROMISES) {
    replace(promises as unknown as Functions, name, (original) => async function (...args) {
      const error = failure(name, pathOf(args[0]));
      if (error) throw error;
      const result = await within(() => original.apply(this, args));
      if (name === "open") watchClose(result as FileHandle, String(args[0]));
      return result;
    });
  }
  for (const name of HANDLE) {
    replace(handlePrototype, name, (original) => async function (...args) {
      const error = failure(name, pathOf(this));
      if (error && name === "write") await within(() => original.call(this, args[0], 0, Math.floor((args[0] as Uint8Array).length / 2)));
      if (error) throw error;
      return within(() => original.apply(this, args));
    });
  }
  const watchClose = (opened: FileHandle, path: string): void => {
    files.set(opened, path);
    const { close } = opened;
    opened.close = async () => {
      const error = failure("close", path);
      await close.call(opened);
      if (error) throw error;
    };
  };
  syncBuiltinESMExports();
  return {
    calls,
    restore() {
      for (const back of undo) back();
      syncBuiltinESMExports();
    },
  };
}
