/** Imports point downward only, types included, so that a part can be read without the parts above it. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { KINDS } from "../src/ops/activation.js";
import { OPS } from "../src/ops/table.js";

const SOURCE = new URL("../../src/", import.meta.url);
/** Each room imports from those before it and from itself. */
const ROOMS = [
  "tables", "completion", "io", "layout", "gpu", "ops", "model", "plan", "run", "sweep", "train",
  "inputs", "verify", "results", "analysis", "library", "export", "plot", "bench", "cli",
];
/** Rooms that run in a browser as they are; platform.ts says what differs there. */
const ENGINE = ["layout", "gpu", "ops", "model", "plan", "run", "sweep", "train"];
const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/")).filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts")).sort();
const textOf = (file: string): string => readFileSync(new URL(file, SOURCE), "utf8");
const roomOf = (file: string): string => file.split("/")[0];
const isOf = (rooms: string[]) => (file: string): boolean => rooms.includes(roomOf(file));

/** Files of src/ that a file imports, types included. */
function importsOf(file: string): string[] {
  const specifiers = [...textOf(file).matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)\.js"/g)].map(([, path]) => path);
  return specifiers.map((path) => new URL(`${path}.ts`, new URL(file, SOURCE)).href.slice(SOURCE.href.length)).filter((target) => files.includes(target));
}

test("every room has its place in the order", () => {
  const rooms = new Set(files.filter((file) => file.includes("/")).map(roomOf));
  assert.equal([...rooms].sort(), [...ROOMS].sort());
});

for (const [place, room] of ROOMS.entries()) {
  test(`${room}/ imports from the rooms before it only`, () => {
    for (const file of files.filter(isOf([room]))) {
      for (const target of importsOf(file).filter((path) => path.includes("/"))) {
        assert.ok(ROOMS.indexOf(roomOf(target)) <= place, `${file} imports ${target}`);
      }
    }
  });
}

test("no circle between files", () => {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): void => {
    assert.not(path.includes(file), `${[...path.slice(path.indexOf(file)), file].join(" -> ")}`);
    if (done.has(file)) return;
    for (const target of importsOf(file)) visit(target, [...path, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test("the engine knows neither Node nor the npm package of WebGPU", () => {
  for (const file of files.filter(isOf(ENGINE))) assert.not.match(textOf(file), /(?:from|import)\s*\(?\s*"(?:node:|webgpu")/, file);
});

test("no file outside ops/ asks which op a node is", () => {
  const names = [...OPS.keys(), ...KINDS].join("|");
  // What a step's kernel is called is another question.
  const asks = new RegExp(`(?<!\\bkernel |[!=])[!=]==? ?"(?:${names})"|"(?:${names})" ?[!=]==|case "(?:${names})"|switch \\([^)]*\\.op\\)|\\.includes\\((?:\\w+\\.)*op\\)`);
  for (const question of [`if (node.op === "${[...OPS.keys()][0]}")`, `"relu6" !== kind`, `case "add":`, "switch (node.op) {", "POOLS.includes(node.op)"]) assert.match(question, asks);
  for (const file of files.filter((name) => roomOf(name) !== "ops")) assert.not.match(textOf(file), asks, file);
});

test("rooms of more than twenty files are divided", () => {
  const folders = new Map<string, number>();
  for (const file of files) {
    const folder = file.slice(0, file.lastIndexOf("/") + 1);
    folders.set(folder, (folders.get(folder) ?? 0) + 1);
  }
  for (const [folder, count] of folders) assert.ok(count <= 20, `src/${folder} has ${count} files`);
});

test("what is allocated on the device is allocated in one place, which checks it", () => {
  for (const file of files.filter((name) => name !== "gpu/memory.ts")) assert.not.match(textOf(file), /device\.create(Buffer|Texture|QuerySet)\(/, file);
});

test("no file is much over 300 lines", () => {
  for (const file of files) {
    const lines = textOf(file).split("\n").length;
    assert.ok(lines <= 320, `${file} has ${lines} lines`);
  }
});

test.run();
